//! `/api/v1/stages`, `/api/v1/stage`: what is asked of whose clients in plaintext.

use serde::{Deserialize, Serialize};

use crate::config::model::Stage;

/// Every account whose stage is not simply the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages {
    /// The stage of all others.
    pub default: Stage,
    /// Whether a brownout's window is open.
    pub brownout_open: bool,
    /// When the next one opens, as a Unix timestamp.
    pub next_brownout: Option<u64>,
    /// By name.
    pub accounts: Vec<StageRow>,
}

/// The stage of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRow {
    /// Whose.
    pub account: String,
    /// The one in force.
    pub stage: Stage,
    /// What the configuration says.
    pub configured: Stage,
    /// What counts.
    pub set_by: SetBy,
    /// Since when, as a Unix timestamp, where that is not the configuration.
    pub since: Option<u64>,
    /// In the answer to a command: whether it outlives the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
}

/// What set a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetBy {
    /// The configuration.
    Configuration,
    /// An operator.
    Command,
    /// The proxy: more clients would have been refused than are borne.
    StepBack {
        /// The stage that refused.
        from: Stage,
        /// How many it did within the period.
        refusals: u32,
    },
}

/// What an operator wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageChange {
    /// Whose.
    pub account: String,
    /// The stage; none: as configured.
    pub stage: Option<Stage>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn none() -> Stages {
        Stages { default: Stage::Observe, brownout_open: false, next_brownout: None, accounts: Vec::new() }
    }

    #[test]
    fn a_change_is_read_from_a_query() {
        let change = |query: &str| serde_urlencoded::from_str::<StageChange>(query);
        let enforce = change("account=a%26b&stage=enforce").unwrap();
        assert_eq!((enforce.account.as_str(), enforce.stage), ("a&b", Some(Stage::Enforce)));
        assert_eq!(change("account=nova").unwrap().stage, None);
        assert!(change("account=nova&stage=maybe").is_err() && change("stage=warn").is_err());
    }
}
