//! The move of an estate to TLS: who connects how, and what is asked of those in plaintext.
//!
//! `frontend` records each completed login in the [`ledger::Ledger`] and has those in plaintext judged by their account's stage
//! ([`stages::Stages`]). `app` keeps both over restarts ([`state_file`]); `admin` shows them, and says which accounts are ready
//! for TLS to be enforced ([`adoption`]).

pub mod adoption;
pub mod attributes;
pub mod downgrade;
pub mod explain;
pub mod ledger;
pub mod mend;
pub mod shadow;
pub mod stage;
pub mod stages;
pub mod state_file;
