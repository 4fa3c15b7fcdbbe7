//! A POST whose answer streams, token by token, and stops as soon as nobody reads it: on hyper.
//!
//! ```sh
//! cargo run -p longwire --example llm_tokens --features serve
//! curl -N http://127.0.0.1:8080/chat -d 'tokens in reverse order'
//! ```
//!
//! Interrupt curl, and the server says how far it came.

use core::convert::Infallible;
use core::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use longwire::http::WriteDeadline;
use longwire::sse::{self, Body, Events, Reply};
use tokio::net::TcpListener;

#[path = "llm_tokens/model.rs"]
mod model;

/// Bytes of a prompt.
const MAX_PROMPT: usize = 64 * 1024;

type Answer = Response<Either<Full<Bytes>, Body<Events>>>;

fn refuse(status: StatusCode) -> Answer {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    response
}

async fn chat(request: Request<Incoming>, told: impl Fn(String) + Send + 'static) -> Answer {
    if request.method() != Method::POST || request.uri().path() != "/chat" {
        return refuse(StatusCode::NOT_FOUND);
    }
    let Ok(prompt) = Limited::new(request.into_body(), MAX_PROMPT)
        .collect()
        .await
    else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let Ok(prompt) = String::from_utf8(prompt.to_bytes().into()) else {
        return refuse(StatusCode::BAD_REQUEST);
    };
    let (sender, events) = sse::channel();
    tokio::spawn(async move {
        let (sent, result) = model::answer(prompt, sender).await;
        told(match result {
            Ok(()) => format!("{sent} tokens, all of them"),
            Err(error) => format!("stopped after {sent} tokens: {error}"),
        });
    });
    Reply::new(events).into_response().map(Either::Right)
}

/// Serves on every connection that `listener` accepts; `told` hears how each answer ended.
pub(crate) async fn serve(
    listener: TcpListener,
    told: impl Fn(String) + Clone + Send + Sync + 'static,
) -> std::io::Result<()> {
    loop {
        let (io, _) = listener.accept().await?;
        io.set_nodelay(true)?;
        let told = told.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = chat(request, told.clone());
                async { Ok::<_, Infallible>(answer.await) }
            });
            // A reader that stays but takes nothing is gone after this long.
            let io = WriteDeadline::new(io, Duration::from_secs(10));
            let mut server = http1::Builder::new();
            let connection = server
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(io), service);
            if let Err(error) = connection.await {
                eprintln!("a connection failed: {error}");
            }
        });
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{}/chat", listener.local_addr()?);
    serve(listener, |outcome| println!("{outcome}")).await
}
