//! One statement that is larger than any buffer.

use crate::client::{Client, Handshake};
use crate::figures::Figures;
use crate::loads::{Load, MEBIBYTE, Operation, Size};
use crate::metric::Metric;
use crate::turn::Turn;

/// An INSERT of many mebibytes, again and again.
pub struct LargeInsert {
    mebibytes: usize,
}

impl LargeInsert {
    /// 64 MiB.
    pub fn new(size: Size) -> Self {
        Self { mebibytes: size.choose(64, 20) } // more than a packet of 16 MiB in any case
    }
}

impl Load for LargeInsert {
    fn name(&self) -> String {
        "large-insert".to_owned()
    }

    fn about(&self) -> String {
        format!("One client inserts a value of {} MiB (text protocol).", self.mebibytes)
    }

    fn operation(&self) -> Operation {
        Operation::MEBIBYTE
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::Cpu, Metric::RssPeak, Metric::Throughput]
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let target = turn.target(Handshake::Full)?;
        let mut client = turn.block_on(Client::connect(&target))?;
        // InnoDB's log would have to be ten times as large as the value.
        turn.block_on(client.query("CREATE OR REPLACE TABLE uploads (value LONGBLOB) ENGINE = MyISAM"))?;
        let statement = format!("INSERT INTO uploads VALUES ('{}')", "x".repeat(self.mebibytes << 20));
        let (meter, mut mebibytes) = (turn.meter()?, 0.0);
        while mebibytes == 0.0 || meter.elapsed() < turn.duration {
            turn.block_on(client.query(&statement))?;
            turn.block_on(client.query("TRUNCATE TABLE uploads"))?;
            mebibytes += statement.len() as f64 / MEBIBYTE;
        }
        let spent = meter.stop()?;
        turn.block_on(client.quit())?;
        let mut figures = Figures::default();
        figures.set(Metric::Throughput, mebibytes / spent.elapsed.as_secs_f64());
        figures.cost(&spent, mebibytes);
        Ok(figures)
    }
}
