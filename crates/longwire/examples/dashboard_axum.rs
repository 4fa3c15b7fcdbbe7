//! CPU, memory and requests as named events on one stream, with a page that shows them: on axum.
//!
//! ```sh
//! cargo run -p longwire --example dashboard_axum --features axum
//! ```
//!
//! Open <http://127.0.0.1:8080/>, or `curl -N http://127.0.0.1:8080/events`.

use core::time::Duration;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use longwire::sse::{Drain, Reply};
use tokio::net::TcpListener;

use figures::Figures;

#[path = "dashboard/figures.rs"]
mod figures;

type App = (Arc<Figures>, Drain);

async fn count(State((figures, _)): State<App>, request: Request, next: Next) -> Response {
    figures.request();
    next.run(request).await
}

async fn events(State((figures, drain)): State<App>) -> impl IntoResponse {
    Reply::new(drain.watch(figures.watch()))
}

/// Serves the dashboard until `stop` is ready; then its pages are sent away, each to come back
/// after a time of its own.
pub(crate) async fn serve(
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = (Figures::start(), Drain::new());
    let drain = app.1.clone();
    let router = Router::new()
        .route("/", get(async || Html(include_str!("dashboard/page.html"))))
        .route("/events", get(events))
        .layer(from_fn_with_state(app.clone(), count))
        .with_state(app);
    let stop = async move {
        stop.await;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seed = now.unwrap_or_default().subsec_nanos();
        drain.begin(Duration::from_secs(1)..Duration::from_secs(5), seed.into());
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{}/", listener.local_addr()?);
    serve(listener, async {
        // Without the signal there is nothing to wait for, and the server stops.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await
}
