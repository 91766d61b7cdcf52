//! A client of the MySQL protocol that costs little: it logs in, asks and counts what comes back.
//!
//! Client libraries decode rows and keep them; under 2,000 of them the harness would be the bottleneck, and they do not
//! tell what a load has to know, such as when a result's first byte came.

mod login;
mod target;
mod wire;

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use bytes::{Buf as _, BytesMut};

pub use self::target::{Handshake, Target, Tls};
use self::wire::{Passed, Wire};

const COM_QUIT: u8 = 0x01;
const COM_QUERY: u8 = 0x03;
const COM_PING: u8 = 0x0e;

/// As PyMySQL has it.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// An EOF packet is shorter than this; a row that begins with the same byte is longer.
const EOF_LEN: usize = 9;

/// A connection that is logged in.
pub struct Client {
    wire: Wire,
    resumed: bool,
}

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Rows of the result.
    pub rows: u64,
    /// Bytes of the rows, packet headers not counted.
    pub bytes: u64,
}

/// An ERR packet.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServerError {
    code: u16,
    message: String,
}

impl Client {
    /// Connects and logs in.
    pub async fn connect(target: &Target) -> anyhow::Result<Self> {
        let login = tokio::time::timeout(LOGIN_TIMEOUT, login::log_in(target));
        let (wire, resumed) = login.await.context("the login takes too long")??;
        Ok(Self { wire, resumed })
    }

    /// Whether the TLS handshake was a resumed one.
    pub fn was_resumed(&self) -> bool {
        self.resumed
    }

    /// Asks whether the server is there.
    pub async fn ping(&mut self) -> anyhow::Result<()> {
        self.send(COM_PING, b"").await?;
        self.response().await.map(drop)
    }

    /// Runs a statement to the end of its result.
    pub async fn query(&mut self, sql: &str) -> anyhow::Result<Answer> {
        self.send(COM_QUERY, sql.as_bytes()).await?;
        self.response().await
    }

    /// Runs a statement and tells `seen` of each row's length; the next row is read when that is done.
    pub async fn stream(&mut self, sql: &str, mut seen: impl AsyncFnMut(usize)) -> anyhow::Result<Answer> {
        self.send(COM_QUERY, sql.as_bytes()).await?;
        if !self.begins_result().await? {
            return Ok(Answer::default());
        }
        self.definitions().await?;
        let mut answer = Answer::default();
        while let Some(length) = self.row().await? {
            answer.rows += 1;
            answer.bytes += length as u64;
            seen(length).await;
        }
        Ok(answer)
    }

    /// The rows of a small text result; NULL is an empty text.
    pub async fn rows(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<String>>> {
        self.send(COM_QUERY, sql.as_bytes()).await?;
        if !self.begins_result().await? {
            return Ok(Vec::new());
        }
        self.definitions().await?;
        let mut rows = Vec::new();
        loop {
            let packet = self.wire.packet().await?;
            if packet.first() == Some(&0xfe) && packet.len() < EOF_LEN {
                return Ok(rows);
            }
            rows.push(fields(packet)?);
        }
    }

    /// Leaves as a client should.
    pub async fn quit(mut self) -> anyhow::Result<()> {
        self.send(COM_QUIT, b"").await?;
        Ok(self.wire.close().await?)
    }

    async fn send(&mut self, command: u8, rest: &[u8]) -> anyhow::Result<()> {
        self.wire.begin_command();
        Ok(self.wire.write(&[&[command], rest].concat()).await?)
    }

    async fn response(&mut self) -> anyhow::Result<Answer> {
        let mut answer = Answer::default();
        if self.begins_result().await? {
            self.definitions().await?;
            while let Some(length) = self.row().await? {
                answer.rows += 1;
                answer.bytes += length as u64;
            }
        }
        Ok(answer)
    }

    /// Whether rows follow the first packet.
    async fn begins_result(&mut self) -> anyhow::Result<bool> {
        let first = self.wire.packet().await?;
        match first.first() {
            Some(0xff) => Err(ServerError::parse(&first).into()),
            Some(0x00) => Ok(false),
            Some(_) => Ok(true),
            None => anyhow::bail!("an empty packet for an answer"),
        }
    }

    async fn definitions(&mut self) -> anyhow::Result<()> {
        while !is_end(self.wire.pass().await?) {}
        Ok(())
    }

    /// The length of the next row.
    async fn row(&mut self) -> anyhow::Result<Option<usize>> {
        let passed = self.wire.pass().await?;
        anyhow::ensure!(passed.first != 0xff, "an error among the rows");
        Ok((!is_end(passed)).then_some(passed.length))
    }
}

impl ServerError {
    fn parse(packet: &[u8]) -> Self {
        let code = packet.get(1..3).and_then(|code| code.try_into().ok()).map_or(0, u16::from_le_bytes);
        let message = String::from_utf8_lossy(packet.get(9..).unwrap_or_default()).into_owned();
        Self { code, message }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

fn is_end(passed: Passed) -> bool {
    passed.first == 0xfe && passed.length < EOF_LEN
}

/// The fields of a text row whose values are shorter than 64 KiB.
fn fields(mut row: BytesMut) -> anyhow::Result<Vec<String>> {
    let mut fields = Vec::new();
    while row.has_remaining() {
        let length = match row.get_u8() {
            0xfb => 0,
            0xfc => usize::from(row.try_get_u16_le().context("a row is cut short")?),
            short => usize::from(short),
        };
        anyhow::ensure!(length <= row.len(), "a row is cut short");
        fields.push(String::from_utf8_lossy(&row.split_to(length)).into_owned());
    }
    Ok(fields)
}
