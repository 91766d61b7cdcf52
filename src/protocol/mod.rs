//! Bytes ↔ packets of the MySQL protocol as MariaDB speaks it; nothing here touches a socket.

pub mod packet;
