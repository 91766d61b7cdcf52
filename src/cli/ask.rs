//! Asking a running proxy: where its admin endpoint is, and how it is spoken to.

use std::path::PathBuf;

use axum::http::StatusCode;
use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use address::AddressError;
pub use client::AskError;
pub(super) use client::{Answer, Client};

use crate::config::model::Address;

mod address;
mod client;

/// Which proxy to ask.
#[derive(Args, Clone, Debug)]
pub struct Whom {
    /// The configuration of the proxy; only admin.http is read.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/sealock/sealock.toml")]
    pub config: PathBuf,
    /// The admin endpoint, "host:port" or "unix:/path", in place of the one that the file names.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config")]
    pub admin: Option<String>,
}

/// Why a proxy did not answer.
#[derive(Debug, thiserror::Error)]
pub enum WhomError {
    /// There is no address to ask.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The proxy cannot be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The runtime cannot be started.
    #[error("the runtime cannot be started: {0}")]
    Runtime(std::io::Error),
}

/// What the endpoint says when it refuses.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Whom {
    /// Where to ask.
    ///
    /// # Errors
    /// What was given names no address.
    pub fn address(&self) -> Result<Address, AddressError> {
        match &self.admin {
            Some(text) => address::parse_argument(text),
            None => address::read(&self.config),
        }
    }

    /// Connects and does `talk`.
    pub(super) fn ask<T>(
        &self,
        talk: impl AsyncFnOnce(&mut Client) -> Result<T, AskError>,
    ) -> Result<(Address, T), WhomError> {
        let address = self.address()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let answer = runtime.map_err(WhomError::Runtime)?.block_on(async {
            let mut client = Client::connect(&address).await?;
            talk(&mut client).await
        })?;
        Ok((address, answer))
    }
}

impl WhomError {
    /// Whether what the operator gave cannot be used, as opposed to the proxy not answering.
    pub fn is_unusable(&self) -> bool {
        matches!(self, Self::Address(error) if error.is_unusable())
    }
}

impl Answer {
    /// What the answer says, if it has this form and one of these statuses.
    pub(super) fn understood<T: DeserializeOwned>(
        &self,
        address: &Address,
        target: &str,
        statuses: &[StatusCode],
    ) -> Result<T, AskError> {
        let error = || serde_json::from_slice(&self.body).ok().map(|refusal: Refusal| refusal.error);
        match (self.status, error()) {
            (status, _) if statuses.contains(&status) => serde_json::from_slice(&self.body)
                .map_err(|problem| AskError::Stranger(address.clone(), format!("{target}: {problem}"))),
            (StatusCode::NOT_FOUND, Some(_)) => Err(AskError::Older(address.clone(), target.to_owned())),
            (_, Some(error)) => Err(AskError::Refused(address.clone(), error)),
            (status, None) => {
                Err(AskError::Stranger(address.clone(), format!("it answers {target} with {status}")))
            }
        }
    }
}
