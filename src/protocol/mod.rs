//! Bytes ↔ packets of the MySQL protocol as MariaDB speaks it; nothing here touches a socket.

pub mod command;
pub mod dialect;
pub mod lenenc;
pub mod ok;
pub mod packet;
pub mod response;
pub mod status;
