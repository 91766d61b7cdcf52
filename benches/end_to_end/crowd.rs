//! Many clients at once: opening them, and the two ways in which they send.
//!
//! In a *closed loop* each sends its next statement when it has the answer to the last: it finds out what a proxy can
//! do at most. In an *open loop* statements are due at fixed moments, however long answers take, and latency counts from
//! those moments: a proxy that stalls for a second makes all statements of that second late, not one.

use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::client::{Client, Target};
use crate::tally::SharedTally;

/// Logins at a time.
const AT_ONCE: usize = 64;

/// Connects so many clients, some at a time.
pub async fn connect(target: &Target, clients: usize) -> anyhow::Result<Vec<Client>> {
    let mut connecting = JoinSet::new();
    let mut connected = Vec::with_capacity(clients);
    for started in 0..clients {
        if started >= AT_ONCE
            && let Some(client) = connecting.join_next().await
        {
            connected.push(client??);
        }
        let target = target.clone();
        connecting.spawn(async move { Client::connect(&target).await });
    }
    while let Some(client) = connecting.join_next().await {
        connected.push(client??);
    }
    Ok(connected)
}

/// Lets them all leave, those that have lost their connection too.
pub async fn disconnect(clients: Vec<Client>) -> anyhow::Result<()> {
    let leaving: JoinSet<_> = clients.into_iter().map(Client::quit).collect();
    leaving.join_all().await;
    Ok(())
}

/// Every client runs a statement once, some at a time.
pub async fn each_once(mut clients: Vec<Client>, statement: &'static str) -> anyhow::Result<Vec<Client>> {
    let mut served = Vec::with_capacity(clients.len());
    while !clients.is_empty() {
        let some = clients.split_off(clients.len().saturating_sub(AT_ONCE));
        let asking: JoinSet<_> = some
            .into_iter()
            .map(|mut client| async move { client.query(statement).await.map(|_| client) })
            .collect();
        for client in asking.join_all().await {
            served.push(client?);
        }
    }
    Ok(served)
}

/// Every client sends one statement after the other. `statement` makes the text of the n-th.
pub async fn closed_loop(
    clients: Vec<Client>,
    duration: Duration,
    tally: &SharedTally,
    statement: fn(u64) -> String,
) -> anyhow::Result<Vec<Client>> {
    let end = Instant::now() + duration;
    let numbered = (0_u64..).step_by(1 << 20).zip(clients);
    let sending: JoinSet<_> = numbered
        .map(|(first, mut client)| {
            let tally = tally.clone();
            async move {
                for number in first.. {
                    let begun = Instant::now();
                    if begun >= end {
                        break;
                    }
                    if !answered(&mut client, &statement(number), &tally).await {
                        break;
                    }
                    tally.add(begun.elapsed());
                }
                client
            }
        })
        .collect();
    Ok(sending.join_all().await)
}

/// Statements fall due `rate` times a second, at each client in turn. All have been answered when it returns.
pub async fn open_loop(
    clients: Vec<Client>,
    duration: Duration,
    rate: NonZeroU64,
    tally: &SharedTally,
    statement: fn(u64) -> String,
) -> anyhow::Result<Vec<Client>> {
    let mut sending = JoinSet::new();
    let mut queues = Vec::with_capacity(clients.len());
    for client in clients {
        let (queue, due) = unbounded_channel();
        queues.push(queue);
        sending.spawn(send_when_due(client, due, tally.clone(), statement));
    }
    let pacer = thread::spawn(move || pace(&queues, duration, rate));
    let clients = sending.join_all().await;
    pacer.join().map_err(|_| anyhow::anyhow!("the pacer panicked"))?;
    Ok(clients)
}

/// A statement that is due, and its number.
type Due = (Instant, u64);

/// Sleeps in a thread of its own: the runtime's timers are exact to a millisecond only.
fn pace(queues: &[UnboundedSender<Due>], duration: Duration, rate: NonZeroU64) {
    let begun = Instant::now();
    let interval = Duration::from_secs(1).as_nanos() as f64 / rate.get() as f64;
    for (number, queue) in (0_u64..).zip(queues.iter().cycle()) {
        let after = Duration::from_secs_f64(interval * number as f64 / 1e9);
        if after >= duration {
            break;
        }
        let due = begun + after;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let _ = queue.send((due, number)); // who has panicked is told of later
    }
}

async fn send_when_due(
    mut client: Client,
    mut queue: UnboundedReceiver<Due>,
    tally: SharedTally,
    statement: fn(u64) -> String,
) -> Client {
    while let Some((due, number)) = queue.recv().await {
        let sent = Instant::now();
        if answered(&mut client, &statement(number), &tally).await {
            tally.add_late(due.elapsed(), sent.elapsed());
        }
    }
    client
}

/// Whether there was an answer; if not, that is an error.
async fn answered(client: &mut Client, statement: &str, tally: &SharedTally) -> bool {
    match client.query(statement).await {
        Ok(_) => true,
        Err(error) => {
            tally.add_error(&error);
            false
        }
    }
}
