//! What is asked of the admin endpoint, and what it answered.

use std::io::{self, Write};

use axum::http::StatusCode;
use serde::Serialize;

use crate::admin::pools::{PoolFilter, Pools};
use crate::admin::ready::Report;
use crate::admin::sessions::{SessionFilter, Sessions};
use crate::admin::stages::Stages;
use crate::cli::ask::{Answer, AskError, Client};
use crate::config::model::Address;

/// The answers as they came, each a JSON object.
pub(super) struct Answers {
    readiness: Answer,
    pools: Answer,
    sessions: Answer,
    stages: Answer,
}

/// The answers, understood.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) readiness: Report,
    pub(super) pools: Pools,
    pub(super) sessions: Sessions,
    pub(super) stages: Stages,
}

/// Not ready is an answer, too.
const READY_OR_NOT: [StatusCode; 2] = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE];

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
            stages: client.read("/api/v1/stages").await?,
        })
    }

    /// One JSON object with all of them, unchanged, on a line.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let parts = [
            ("readiness", &self.readiness),
            ("pools", &self.pools),
            ("sessions", &self.sessions),
            ("stages", &self.stages),
        ];
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
            readiness: answers.readiness.understood(address, "/readyz", &READY_OR_NOT)?,
            pools: answers.pools.understood(address, "/api/v1/pools", &[StatusCode::OK])?,
            sessions: answers.sessions.understood(address, "/api/v1/sessions", &[StatusCode::OK])?,
            stages: answers.stages.understood(address, "/api/v1/stages", &[StatusCode::OK])?,
        })
    }
}

fn target(path: &str, filter: &impl Serialize) -> String {
    match serde_urlencoded::to_string(filter) {
        Ok(parameters) => format!("{path}?{parameters}"),
        Err(_) => path.to_owned(), // no filter has a field that cannot be written
    }
}
