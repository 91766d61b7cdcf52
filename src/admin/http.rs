//! The admin endpoint: `/metrics`, `/healthz`, `/readyz`, `/api/v1/…`.
//!
//! `app` runs [`serve`] as a task of its own. Once `shutdown` is done no connection is accepted and requests under way are
//! answered; dropping the future cuts everything off.

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Router, serve::Listener};
use serde_json::json;

use crate::admin::command::Commands;
use crate::admin::connections::{self, Limits};
use crate::admin::ready::Readiness;
use crate::admin::views::Views;
use crate::telemetry::Registry;

/// What the endpoint reads.
#[derive(Clone)]
pub struct AdminState {
    /// Rendered at `/metrics`.
    pub registry: Arc<Registry>,
    /// Asked at each `/readyz`; must not block.
    pub ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

/// All that the endpoint reads; without views there is no `/api/v1/`.
#[derive(Clone)]
pub struct Endpoint {
    state: AdminState,
    views: Option<Views>,
    commands: Option<Commands>,
}

impl From<AdminState> for Endpoint {
    fn from(state: AdminState) -> Self {
        Self { state, views: None, commands: None }
    }
}

impl AdminState {
    /// The endpoint that shows these views, too.
    pub fn with_views(self, views: Views) -> Endpoint {
        Endpoint { state: self, views: Some(views), commands: None }
    }
}

impl Endpoint {
    /// The same, which can also be told what to do.
    pub fn with_commands(self, commands: Commands) -> Self {
        Self { commands: Some(commands), ..self }
    }
}

/// Serves the endpoint on a bound TCP or unix listener until `shutdown` is done.
///
/// # Errors
/// None: those of one connection end that connection, those of the listener are retried.
pub async fn serve<L>(
    listener: L,
    endpoint: impl Into<Endpoint>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    L: Listener,
{
    connections::serve(listener, router(endpoint.into()), Limits::default(), shutdown).await;
    Ok(())
}

fn router(endpoint: Endpoint) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(endpoint.views.map(Views::router).unwrap_or_default())
        .merge(endpoint.commands.map(Commands::router).unwrap_or_default())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(endpoint.state)
}

async fn index() -> Response {
    Json(json!({
        "name": "sealock",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": {
            "/metrics": "metrics in Prometheus' text format",
            "/healthz": "200 while the process lives",
            "/api/v1/sessions": "who is connected, in which state, pinned by what; account, state, pin, limit",
            "/api/v1/certificates": "every certificate and revocation list in use",
            "/api/v1/adoption": "who connects how, and which accounts are ready for TLS to be enforced",
            "/api/v1/shadow": "what the candidates in listener.shadow would have broken",
            "/api/v1/stages": "what is asked of accounts' clients in plaintext",
            "/api/v1/stage": "POST: sets an account's stage (sealock stage)",
            "/api/v1/reloads": "the last reloads, the latest first",
            "/api/v1/reload": "POST: reads configuration and certificates again (sealock reload)",
            "/api/v1/pools": "connections of each account to each backend; account, backend, limit",
            "/readyz": "200 while clients can be served, otherwise 503 with the reasons",
        },
    }))
    .into_response()
}

async fn metrics(State(state): State<AdminState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.registry.render())
        .into_response()
}

async fn healthz() -> Response {
    Json(json!({ "alive": true })).into_response()
}

async fn readyz(State(state): State<AdminState>) -> Response {
    let report = (state.ready)().report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

/// An answer that says what is wrong.
pub(super) fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

async fn not_found(uri: Uri) -> Response {
    refuse(StatusCode::NOT_FOUND, &format!("nothing is at {}; see / for what there is", uri.path()))
}

async fn method_not_allowed() -> Response {
    refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        "only GET and HEAD are answered here, and POST at /api/v1/reload and /api/v1/stage",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
    use tokio::sync::oneshot;

    use super::*;
    use crate::admin::ready::{BackendHealth, BackendState};
    use crate::tasks;

    /// State whose only backend is up while `up` says so.
    fn state(up: &Arc<AtomicBool>) -> AdminState {
        let up = Arc::clone(up);
        let ready = move || {
            let refused = BackendState::Down { reason: "connection refused".to_owned() };
            let state = if up.load(Ordering::Relaxed) { BackendState::Up } else { refused };
            let backends = vec![BackendHealth { name: "db1".to_owned(), state }];
            Readiness { backends, draining: false }
        };
        AdminState { registry: Arc::new(Registry::new()), ready: Arc::new(ready) }
    }

    async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
        let request = format!("{request} HTTP/1.1\r\nhost: sealock\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// The answers of an endpoint of its own to each request.
    async fn answers(up: &Arc<AtomicBool>, requests: &[&str]) -> Vec<String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tasks::spawn("admin", serve(listener, state(up), std::future::pending()));
        let mut answers = Vec::new();
        for request in requests {
            answers.push(answer(TcpStream::connect(address).await.unwrap(), request).await);
        }
        server.abort();
        answers
    }

    #[tokio::test]
    async fn metrics_are_served_in_the_text_format() {
        let got = answers(&Arc::default(), &["GET /metrics"]).await.concat();
        assert!(got.starts_with("HTTP/1.1 200 OK"), "{got}");
        assert!(got.contains("content-type: text/plain; version=0.0.4"), "{got}");
        assert!(
            got.contains(concat!("sealock_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")),
            "{got}"
        );
    }

    #[tokio::test]
    async fn readiness_follows_the_backends_and_liveness_does_not() {
        let up = Arc::new(AtomicBool::new(true));
        let got = answers(&up, &["GET /readyz", "GET /healthz"]).await;
        assert!(got[0].starts_with("HTTP/1.1 200") && got[0].contains(r#""ready":true"#), "{got:?}");
        up.store(false, Ordering::Relaxed);
        let got = answers(&up, &["GET /readyz", "GET /healthz"]).await;
        assert!(got[0].starts_with("HTTP/1.1 503") && got[0].contains("no backend is reachable"), "{got:?}");
        assert!(got[0].contains(r#""reason":"connection refused""#), "{got:?}");
        assert!(got[1].starts_with("HTTP/1.1 200"), "{got:?}");
    }

    #[tokio::test]
    async fn anything_else_is_refused_in_json() {
        let got = answers(&Arc::default(), &["GET /secret", "POST /metrics", "GET /"]).await;
        assert!(got[0].starts_with("HTTP/1.1 404") && got[0].contains(r#"{"error":"#), "{got:?}");
        assert!(got[1].starts_with("HTTP/1.1 405") && got[1].contains(r#"{"error":"#), "{got:?}");
        assert!(got[2].starts_with("HTTP/1.1 200") && got[2].contains("/readyz"), "{got:?}");
    }

    #[tokio::test]
    async fn it_listens_on_a_unix_socket_and_ends_when_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let server = tasks::spawn("admin", serve(listener, state(&Arc::default()), shutdown));
        let got = answer(UnixStream::connect(&path).await.unwrap(), "GET /healthz").await;
        assert!(got.starts_with("HTTP/1.1 200"), "{got}");
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    }
}
