//! Bytes ↔ packets of the MySQL protocol as MariaDB speaks it; nothing here touches a socket.

pub mod capabilities;
pub mod handshake;
pub mod packet;
pub mod reply;
pub mod wire;
