//! One client's logical session: what has to be the same on whichever backend connection serves its next statement.
//!
//! Pure data, no I/O. `frontend` keeps these values for each client and `backend` keeps the same for each connection;
//! bringing the one to the other is `backend::sync`'s work. What a session consists of was reported by the server
//! (`session_track_*`, FACTS §1), or is what the server does not report and was found in the text of statements (`sql`).

pub mod baseline;
pub mod learned;
pub mod names;
pub mod pin;
pub mod residue;
pub mod state;
pub mod statements;
pub mod variables;

pub use baseline::Baseline;
pub use pin::{PinReason, Pins};
pub use residue::Residue;
pub use state::SessionState;
pub use variables::Variables;
