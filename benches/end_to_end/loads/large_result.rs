//! One large result, to a client that reads as fast as it can and to one that does not.

use std::time::{Duration, Instant};

use crate::client::{Client, Handshake};
use crate::figures::Figures;
use crate::loads::{Load, MEBIBYTE, Operation, Size};
use crate::metric::Metric;
use crate::turn::Turn;

/// Length of a row.
const ROW: u64 = 10_000;

/// A result that does not fit anywhere.
pub struct LargeResult {
    rows: u64,
    reader: Reader,
}

/// How the client reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reader {
    /// At once.
    Fast,
    /// So many bytes a second.
    Slow(f64),
}

impl LargeResult {
    /// 100 MB.
    pub fn new(size: Size, reader: Reader) -> Self {
        Self { rows: size.choose(10_000, 1000), reader }
    }
}

impl Load for LargeResult {
    fn name(&self) -> String {
        match self.reader {
            Reader::Fast => "large-result".to_owned(),
            Reader::Slow(_) => "large-result-slow".to_owned(),
        }
    }

    fn about(&self) -> String {
        let reader = match self.reader {
            Reader::Fast => "as fast as it can".to_owned(),
            Reader::Slow(rate) => format!("{:.0} MB a second", rate / 1e6),
        };
        format!("One client reads a result of {} MB, {reader}.", self.rows * ROW / 1_000_000)
    }

    fn operation(&self) -> Operation {
        Operation::MEBIBYTE
    }

    fn compared(&self) -> Vec<Metric> {
        match self.reader {
            Reader::Fast => vec![Metric::Throughput, Metric::Cpu, Metric::RssPeak],
            Reader::Slow(_) => vec![Metric::RssPeak, Metric::Cpu],
        }
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let target = turn.target(Handshake::Full)?;
        let mut client = turn.block_on(Client::connect(&target))?;
        let meter = turn.meter()?;
        let mut bytes = 0;
        while bytes == 0 || meter.elapsed() < turn.duration {
            bytes += turn.block_on(self.read(&mut client))?;
        }
        let spent = meter.stop()?;
        turn.block_on(client.quit())?;
        let mebibytes = bytes as f64 / MEBIBYTE;
        let mut figures = Figures::default();
        figures.set(Metric::Throughput, mebibytes / spent.elapsed.as_secs_f64());
        figures.cost(&spent, mebibytes);
        Ok(figures)
    }
}

impl LargeResult {
    async fn read(&self, client: &mut Client) -> anyhow::Result<u64> {
        let statement = format!("SELECT REPEAT('x', {ROW}) FROM sbtest1 LIMIT {}", self.rows);
        let Reader::Slow(rate) = self.reader else {
            return Ok(client.query(&statement).await?.bytes);
        };
        let (begun, mut read) = (Instant::now(), 0.0);
        let answer = client.stream(&statement, async |length| {
            read += length as f64;
            let due = begun + Duration::from_secs_f64(read / rate);
            tokio::time::sleep_until(due.into()).await;
        });
        Ok(answer.await?.bytes)
    }
}
