//! What is asked of the admin endpoint, and what it answered.

use std::io::{self, Write};

use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::admin::pools::{PoolFilter, Pools};
use crate::admin::ready::Report;
use crate::admin::sessions::{SessionFilter, Sessions};
use crate::cli::status::client::{Answer, AskError, Client};
use crate::config::model::Address;

/// The answers as they came, each a JSON object.
pub(super) struct Answers {
    readiness: Answer,
    pools: Answer,
    sessions: Answer,
}

/// The answers, understood.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) readiness: Report,
    pub(super) pools: Pools,
    pub(super) sessions: Sessions,
}

/// What the endpoint says when it refuses.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Answers {
    /// Asks for everything, one after the other.
    pub(super) async fn ask(
        client: &mut Client,
        pools: &PoolFilter,
        sessions: &SessionFilter,
    ) -> Result<Self, AskError> {
        Ok(Self {
            readiness: client.read("/readyz").await?,
            pools: client.read(&target("/api/v1/pools", pools)).await?,
            sessions: client.read(&target("/api/v1/sessions", sessions)).await?,
        })
    }

    /// One JSON object with all of them, unchanged, on a line.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let parts = [("readiness", &self.readiness), ("pools", &self.pools), ("sessions", &self.sessions)];
        let mut before = "{";
        for (name, answer) in parts {
            write!(out, "{before}\"{name}\":")?;
            out.write_all(&answer.body)?;
            before = ",";
        }
        writeln!(out, "}}")
    }
}

impl Snapshot {
    /// Understands the answers of the proxy at `address`.
    pub(super) fn read(answers: &Answers, address: &Address) -> Result<Self, AskError> {
        Ok(Self {
            // Not ready is an answer, too.
            readiness: understand(&answers.readiness, address)?,
            pools: understand(expect(&answers.pools, "/api/v1/pools", address)?, address)?,
            sessions: understand(expect(&answers.sessions, "/api/v1/sessions", address)?, address)?,
        })
    }
}

fn target(path: &str, filter: &impl Serialize) -> String {
    match serde_urlencoded::to_string(filter) {
        Ok(parameters) => format!("{path}?{parameters}"),
        Err(_) => path.to_owned(), // no filter has a field that cannot be written
    }
}

fn expect<'a>(answer: &'a Answer, path: &str, address: &Address) -> Result<&'a Answer, AskError> {
    match answer.status {
        StatusCode::OK => Ok(answer),
        StatusCode::NOT_FOUND => Err(AskError::Older(address.clone(), path.to_owned())),
        _ => Err(AskError::Refused(address.clone(), understand::<Refusal>(answer, address)?.error)),
    }
}

fn understand<T: DeserializeOwned>(answer: &Answer, address: &Address) -> Result<T, AskError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        AskError::Stranger(address.clone(), format!("HTTP status {}, {error}", answer.status.as_u16()))
    })
}
