//! The connection phase: greeting, TLS, `mysql_native_password`.
//!
//! The capabilities are those of PyMySQL, the client of OpenStack and of much else that is written in Python.

use std::io;

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, BytesMut};
use mysql_common::scramble::scramble_native;
use rustls::HandshakeKind;
use tokio::net::TcpStream;

use crate::client::ServerError;
use crate::client::target::Target;
use crate::client::wire::{Stream, Wire};

/// LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, MULTI_RESULTS,
/// PLUGIN_AUTH, CONNECT_ATTRS, PLUGIN_AUTH_LENENC_CLIENT_DATA: neither SESSION_TRACK nor DEPRECATE_EOF.
const CAPABILITIES: u32 = 0x003a_a20f;
const SSL: u32 = 0x800;
/// The largest packet that the client takes.
const MAX_PACKET: u32 = 1 << 30;
/// `utf8mb4_general_ci`.
const COLLATION: u8 = 45;
const PLUGIN: &str = "mysql_native_password";
const ATTRIBUTE: (&str, &str) = ("_client_name", "pymysql");

/// What a client needs of the greeting.
struct Greeting {
    salt: Vec<u8>,
}

/// Connects and logs in; tells whether the TLS handshake was a resumed one.
pub async fn log_in(target: &Target) -> anyhow::Result<(Wire, bool)> {
    let stream = TcpStream::connect(target.address).await?;
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    let mut resumed = false;
    let greeting = Greeting::parse(wire.packet().await?)?;
    if let Some(tls) = &target.tls {
        wire.write(&fixed_part(CAPABILITIES | SSL)).await?;
        wire = wire
            .upgrade(async |stream| {
                let stream = tls.connector.connect(tls.name.clone(), stream).await?;
                resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
                Ok(Box::new(stream) as Box<dyn Stream>)
            })
            .await
            .context("the TLS handshake failed")?;
    }
    wire.write(&response(target, &greeting.salt)?).await?;
    authenticate(&mut wire, target).await?;
    Ok((wire, resumed))
}

async fn authenticate(wire: &mut Wire, target: &Target) -> anyhow::Result<()> {
    loop {
        let mut packet = wire.packet().await?;
        match packet.first() {
            Some(0x00) => return Ok(()),
            Some(0xff) => return Err(ServerError::parse(&packet).into()),
            Some(0xfe) => {
                packet.advance(1);
                ensure!(text(&mut packet)? == PLUGIN, "the server wants another plugin than {PLUGIN}");
                let salt = packet.strip_suffix(b"\0").unwrap_or(&packet);
                wire.write(&proof(target.password, salt)).await?;
            }
            other => bail!("a login is answered with {other:?}"),
        }
    }
}

impl Greeting {
    fn parse(mut packet: BytesMut) -> anyhow::Result<Self> {
        if packet.first() == Some(&0xff) {
            return Err(ServerError::parse(&packet).into());
        }
        ensure!(packet.first() == Some(&10), "a greeting of another protocol");
        packet.advance(1);
        text(&mut packet)?;
        // id (4), salt (8), zero, capabilities (2), collation, status (2), capabilities (2), length (1), 10 more, salt
        let (first, rest) = (packet.get(4..12), packet.get(12 + 1 + 2 + 1 + 2 + 2 + 1 + 10..));
        let (first, rest) = (first.context("a short greeting")?, rest.context("a short greeting")?);
        let rest = rest.get(..12).context("a short salt")?;
        Ok(Self { salt: [first, rest].concat() })
    }
}

/// What an SSLRequest consists of and a HandshakeResponse begins with.
fn fixed_part(capabilities: u32) -> Vec<u8> {
    let mut packet = [capabilities.to_le_bytes(), MAX_PACKET.to_le_bytes()].concat();
    packet.push(COLLATION);
    packet.extend_from_slice(&[0; 23]);
    packet
}

fn response(target: &Target, salt: &[u8]) -> anyhow::Result<Vec<u8>> {
    let ssl = if target.tls.is_some() { SSL } else { 0 };
    let mut packet = fixed_part(CAPABILITIES | ssl);
    packet.extend_from_slice(target.user.as_bytes());
    packet.push(0);
    append_short(&mut packet, &proof(target.password, salt))?;
    for word in [target.schema, PLUGIN] {
        packet.extend_from_slice(word.as_bytes());
        packet.push(0);
    }
    let mut attributes = Vec::new();
    append_short(&mut attributes, ATTRIBUTE.0.as_bytes())?;
    append_short(&mut attributes, ATTRIBUTE.1.as_bytes())?;
    append_short(&mut packet, &attributes)?;
    Ok(packet)
}

fn proof(password: &str, salt: &[u8]) -> Vec<u8> {
    scramble_native(salt, password.as_bytes()).map(Vec::from).unwrap_or_default()
}

/// Appends bytes with a length of one byte.
fn append_short(packet: &mut Vec<u8>, bytes: &[u8]) -> anyhow::Result<()> {
    packet.push(u8::try_from(bytes.len())?);
    packet.extend_from_slice(bytes);
    Ok(())
}

/// Takes a text that ends with a zero.
fn text(packet: &mut BytesMut) -> io::Result<String> {
    let end = packet.iter().position(|&byte| byte == 0).ok_or(io::ErrorKind::UnexpectedEof)?;
    let text = packet.split_to(end);
    packet.advance(1);
    Ok(String::from_utf8_lossy(&text).into_owned())
}
