//! `/api/v1/…`: the read models, filtered by query parameters, as JSON.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};

use crate::admin::accounts::Accounts;
use crate::admin::certificates::Certificates;
use crate::admin::http::refuse;
use crate::admin::pools::{PoolFilter, Pools};
use crate::admin::reloads::Reloads;
use crate::admin::sessions::{SessionFilter, Sessions};
use crate::admin::stages::Stages;
use crate::migration::adoption::Adoption;
use crate::migration::shadow;

/// The read models behind `/api/v1/`. Each is asked on a thread that may wait for locks, once for each request.
#[derive(Clone)]
pub struct Views {
    /// Asked at each `/api/v1/sessions`; [`Sessions::select`] does the filtering.
    pub sessions: Arc<dyn Fn(&SessionFilter) -> Sessions + Send + Sync>,
    /// Asked at each `/api/v1/pools`; [`Pools::select`] does the filtering.
    pub pools: Arc<dyn Fn(&PoolFilter) -> Pools + Send + Sync>,
    /// Asked at each `/api/v1/certificates`.
    pub certificates: Arc<dyn Fn() -> Certificates + Send + Sync>,
    /// Asked at each `/api/v1/accounts`.
    pub accounts: Arc<dyn Fn() -> Accounts + Send + Sync>,
    /// Asked at each `/api/v1/adoption`.
    pub adoption: Arc<dyn Fn() -> Adoption + Send + Sync>,
    /// Asked at each `/api/v1/shadow`.
    pub shadow: Arc<dyn Fn() -> shadow::Report + Send + Sync>,
    /// Asked at each `/api/v1/stages`.
    pub stages: Arc<dyn Fn() -> Stages + Send + Sync>,
    /// Asked at each `/api/v1/reloads`.
    pub reloads: Arc<dyn Fn() -> Reloads + Send + Sync>,
}

impl Views {
    /// Where they are.
    pub(super) fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route("/api/v1/sessions", get(sessions))
            .route("/api/v1/pools", get(pools))
            .route("/api/v1/certificates", get(certificates))
            .route("/api/v1/accounts", get(accounts))
            .route("/api/v1/adoption", get(adoption))
            .route("/api/v1/shadow", get(shadowed))
            .route("/api/v1/stages", get(stages))
            .route("/api/v1/reloads", get(reloads))
            .with_state(self)
    }
}

async fn sessions(
    State(views): State<Views>,
    asked: Result<Query<SessionFilter>, QueryRejection>,
) -> Response {
    view(asked, move |filter| (views.sessions)(filter)).await
}

async fn pools(State(views): State<Views>, asked: Result<Query<PoolFilter>, QueryRejection>) -> Response {
    view(asked, move |filter| (views.pools)(filter)).await
}

async fn certificates(State(views): State<Views>, asked: Result<Query<Nothing>, QueryRejection>) -> Response {
    view(asked, move |_| (views.certificates)()).await
}

async fn accounts(State(views): State<Views>, asked: Result<Query<Nothing>, QueryRejection>) -> Response {
    view(asked, move |_| (views.accounts)()).await
}

async fn adoption(State(views): State<Views>, asked: Result<Query<Nothing>, QueryRejection>) -> Response {
    view(asked, move |_| (views.adoption)()).await
}

async fn shadowed(State(views): State<Views>, asked: Result<Query<Nothing>, QueryRejection>) -> Response {
    view(asked, move |_| (views.shadow)()).await
}

async fn stages(State(views): State<Views>, asked: Result<Query<Nothing>, QueryRejection>) -> Response {
    view(asked, move |_| (views.stages)()).await
}

async fn reloads(State(views): State<Views>, asked: Result<Query<Nothing>, QueryRejection>) -> Response {
    view(asked, move |_| (views.reloads)()).await
}

/// No parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Reads a view on a thread that may wait, so that a long list holds nobody up who serves clients.
async fn view<F, T>(
    asked: Result<Query<F>, QueryRejection>,
    read: impl FnOnce(&F) -> T + Send + 'static,
) -> Response
where
    F: Send + 'static,
    T: Serialize + Send + 'static,
{
    let filter = match asked {
        Ok(Query(filter)) => filter,
        Err(rejection) => return refuse(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    match tokio::task::spawn_blocking(move || Json(read(&filter)).into_response()).await {
        Ok(response) => response,
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "this view failed; please report it"),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use serde_json::Value;

    use super::*;
    use crate::admin::{pools, sessions};

    fn views() -> Views {
        let sessions =
            || [sessions::tests::row(1, "nova"), sessions::tests::pinned(2, "a&b", "user_lock", 3.0)];
        let pools = || [pools::tests::row("db1", "nova", 4, 1), pools::tests::row("db2", "a&b", 1, 0)];
        Views {
            sessions: Arc::new(move |filter| Sessions::select(sessions(), filter)),
            pools: Arc::new(move |filter| Pools::select(pools(), filter)),
            certificates: Arc::new(|| Certificates { generation: 7, identities: Vec::new() }),
            accounts: Arc::new(Accounts::default),
            adoption: Arc::new(|| Adoption { accounts: Vec::new(), entries: Vec::new() }),
            shadow: Arc::new(shadow::Report::default),
            stages: Arc::new(crate::admin::stages::tests::none),
            reloads: Arc::new(|| Reloads { reloads: Vec::new() }),
        }
    }

    async fn asked(views: Views, target: &str) -> (u16, Value) {
        let service = TowerToHyperService::new(views.router::<()>().with_state(()));
        let request = Request::get(target).body(Body::empty()).unwrap();
        let response = service.call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn without_parameters_everything_is_shown() {
        let (status, sessions) = asked(views(), "/api/v1/sessions").await;
        assert_eq!((status, &sessions["total"], &sessions["truncated"]), (200, &2.into(), &false.into()));
        assert_eq!(sessions["sessions"][0]["pins"][0]["reason"], "user_lock");
        let (status, pools) = asked(views(), "/api/v1/pools").await;
        assert_eq!((status, &pools["total"], &pools["pools"][0]["waiters"]), (200, &2.into(), &1.into()));
    }

    #[tokio::test]
    async fn parameters_reach_the_view() {
        let (_, sessions) = asked(views(), "/api/v1/sessions?account=a%26b&state=pinned&pin=user_lock").await;
        assert_eq!((&sessions["total"], &sessions["sessions"][0]["id"]), (&1.into(), &2.into()));
        let (_, sessions) = asked(views(), "/api/v1/sessions?limit=1").await;
        assert_eq!((&sessions["total"], &sessions["truncated"]), (&2.into(), &true.into()));
        let (_, pools) = asked(views(), "/api/v1/pools?backend=db2&account=a%26b").await;
        assert_eq!((&pools["total"], &pools["pools"][0]["backend"]), (&1.into(), &"db2".into()));
    }

    #[tokio::test]
    async fn a_parameter_that_means_nothing_is_refused_by_name() {
        for (parameters, named) in [("user=nova", "user"), ("state=asleep", "asleep"), ("limit=-1", "limit")]
        {
            let (status, answer) = asked(views(), &format!("/api/v1/sessions?{parameters}")).await;
            assert_eq!(status, 400, "{answer}");
            assert!(answer["error"].as_str().unwrap().contains(named), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_view_that_panics_costs_nothing_but_its_answer() {
        let broken = Views { sessions: Arc::new(|_| panic!("for this test")), ..views() };
        let (status, answer) = asked(broken, "/api/v1/sessions").await;
        assert_eq!(status, 500, "{answer}");
    }
}
