//! CPU, memory and requests as named events on one stream, with a page that shows them: on hyper.
//!
//! ```sh
//! cargo run -p longwire --example dashboard --features serve
//! ```
//!
//! Open <http://127.0.0.1:8080/>, or `curl -N http://127.0.0.1:8080/events`.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use longwire::http::WriteDeadline;
use longwire::sse::{Body, Reply, Subscription};
use tokio::net::TcpListener;

use figures::Figures;

#[path = "dashboard/figures.rs"]
mod figures;

const PAGE: &str = include_str!("dashboard/page.html");

type Answer = Response<Either<Full<Bytes>, Body<Subscription>>>;

// ANCHOR: serve
fn answer(request: &Request<Incoming>, figures: &Figures) -> Answer {
    figures.request();
    let mut page = Response::new(Either::Left(Full::from(PAGE)));
    match request.uri().path() {
        "/events" => {
            let reply = Reply::new(figures.watch()).method(request.method());
            return reply.into_response().map(Either::Right);
        }
        "/" => {
            let html = http::HeaderValue::from_static("text/html; charset=utf-8");
            page.headers_mut().insert(CONTENT_TYPE, html);
        }
        _ => {
            page = page.map(|_| Either::Left(Full::default()));
            *page.status_mut() = StatusCode::NOT_FOUND;
        }
    }
    page
}

/// Serves the dashboard on every connection that `listener` accepts.
pub(crate) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let figures = Figures::start();
    loop {
        let (io, _) = listener.accept().await?;
        io.set_nodelay(true)?;
        let figures = Arc::clone(&figures);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let answer = answer(&request, &figures);
                async { Ok::<_, Infallible>(answer) }
            });
            // Without it, hyper would wait for ever for a browser that reads nothing.
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
// ANCHOR_END: serve

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{}/", listener.local_addr()?);
    serve(listener).await
}
