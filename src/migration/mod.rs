//! The move of an estate to TLS: who connects how.
//!
//! `frontend` records each completed login in the [`ledger::Ledger`], `app` keeps it over restarts ([`state_file`]), `admin`
//! shows it and says from it which accounts are ready for TLS to be enforced ([`adoption`]).

pub mod adoption;
pub mod attributes;
pub mod ledger;
pub mod state_file;
