//! Commands: what changes the proxy, as opposed to what looks at it. All are POST, and all go through `permitted`.
//!
//! The endpoint is on loopback or a unix socket, so whoever reaches it is on this machine. A browser on it may be made to send
//! requests by any page that it shows: a form cannot set a header of ours, a script of another origin is not let set one,
//! and a name that was made to point at 127.0.0.1 shows as `Host`.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::post;

use crate::admin::http::refuse;
use crate::admin::reloads::{Outcome, ReloadRow};
use crate::admin::stages::{StageChange, StageRow};

/// Sent with each command; any value does.
pub const HEADER: &str = "sealock-command";

/// What an operator can make the proxy do.
#[derive(Clone)]
pub struct Commands {
    /// Reads everything again; none where the reload itself failed.
    pub reload: Arc<dyn Fn() -> Doing<Option<ReloadRow>> + Send + Sync>,
    /// Sets an account's stage; on a thread that may block.
    pub stage: Arc<dyn Fn(StageChange) -> StageRow + Send + Sync>,
}

/// A command under way.
pub type Doing<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Commands {
    /// Where they are.
    pub(super) fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let router = Router::new().route("/api/v1/reload", post(reload)).route("/api/v1/stage", post(stage));
        router.with_state(self)
    }
}

/// 200 with what was applied, or 422 with why nothing was.
async fn reload(State(commands): State<Commands>, headers: HeaderMap) -> Response {
    if let Err(reason) = permitted(&headers) {
        return refuse(StatusCode::FORBIDDEN, reason);
    }
    match (commands.reload)().await {
        Some(row) => {
            let applied = row.outcome == Outcome::Applied;
            let status = if applied { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            (status, Json(row)).into_response()
        }
        None => refuse(StatusCode::INTERNAL_SERVER_ERROR, "the reload failed; please report it"),
    }
}

/// 200 with the stage that is in force now.
async fn stage(
    State(commands): State<Commands>,
    headers: HeaderMap,
    asked: Result<Query<StageChange>, QueryRejection>,
) -> Response {
    if let Err(reason) = permitted(&headers) {
        return refuse(StatusCode::FORBIDDEN, reason);
    }
    let change = match asked {
        Ok(Query(change)) => change,
        Err(rejection) => return refuse(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    match tokio::task::spawn_blocking(move || (commands.stage)(change)).await {
        Ok(row) => Json(row).into_response(),
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "the stage could not be set; please report it"),
    }
}

/// Whether the request may command.
fn permitted(headers: &HeaderMap) -> Result<(), &'static str> {
    if !headers.contains_key(HEADER) {
        return Err("a command needs the header sealock-command");
    }
    if headers.contains_key(header::ORIGIN) {
        return Err("commands are not for browsers");
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_local(host) { Ok(()) } else { Err("this Host is not one of this machine's own names") }
}

fn is_local(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let bare = bare.unwrap_or_default();
    matches!(bare, "localhost" | "sealock") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn whoever_is_on_this_machine_may_command_and_a_page_in_a_browser_may_not() {
        for host in ["127.0.0.1:6070", "[::1]:6070", "localhost", "sealock", "127.8.8.8"] {
            assert!(permitted(&headers(&[(HEADER, "1"), ("host", host)])).is_ok(), "{host}");
        }
        for refused in [
            &[("host", "localhost")][..],
            &[(HEADER, "1"), ("host", "rebound.example:6070")],
            &[(HEADER, "1"), ("host", "127.0.0.1.rebound.example")],
            &[(HEADER, "1"), ("host", "10.0.0.1")],
            &[(HEADER, "1")],
            &[(HEADER, "1"), ("host", "localhost"), ("origin", "http://localhost")],
        ] {
            assert!(permitted(&headers(refused)).is_err(), "{refused:?}");
        }
    }
}
