//! Bytes ↔ packets of the MySQL protocol as MariaDB speaks it; nothing here touches a socket.

pub mod capabilities;
pub mod command;
pub mod compress;
pub mod definitions;
pub mod dialect;
pub mod handshake;
pub mod observed;
pub mod ok;
pub mod packet;
pub mod regroup;
pub mod reply;
pub mod response;
pub mod session_track;
pub mod statement;
pub mod status;
pub mod wire;
