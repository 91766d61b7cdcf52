//! What has been reloaded: `/api/v1/reloads`, and the answer to `POST /api/v1/reload`.

use serde::{Deserialize, Serialize};

/// One reload, applied or refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadRow {
    /// When it ended (RFC 3339).
    pub at: String,
    /// What asked for it.
    pub trigger: Trigger,
    /// What became of it.
    pub outcome: Outcome,
    /// The generation in force afterwards.
    pub generation: u64,
    /// How long it took.
    pub seconds: f64,
    /// Files that differ from the attempt before.
    pub changed: Vec<String>,
    /// What works and still deserves a look.
    pub warnings: Vec<String>,
    /// Why it was refused, each reason one line.
    pub problems: Vec<String>,
}

/// What asks for a reload, as the log names it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The process began.
    Start,
    /// SIGHUP.
    Signal,
    /// Files changed.
    Files,
    /// `sealock reload`.
    Command,
}

crate::label!(Trigger { Start => "start", Signal => "signal", Files => "files", Command => "command" });

/// What became of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The new generation is in force.
    Applied,
    /// Everything stays as it was.
    Refused,
}

/// The last of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reloads {
    /// The latest first; at most a hundred since the process began.
    pub reloads: Vec<ReloadRow>,
}
