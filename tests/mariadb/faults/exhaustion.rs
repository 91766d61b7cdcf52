//! More sessions that keep a connection than there are connections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::end_of_fault;
use super::estate::Estate;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::ServerError;
use crate::support::response::Kind;
use crate::support::server::server;

/// How long clients wait where they are to give up.
const PATIENCE: Duration = Duration::from_millis(1500);

fn sessions<const N: usize>(estate: &Estate<'_>) -> [RawClient; N] {
    [(); N].map(|()| estate.session())
}

#[test]
fn who_gets_no_connection_in_time_is_told_so_and_may_ask_again() {
    let pool = format!("acquire_timeout = \"{}ms\"", PATIENCE.as_millis());
    let estate = Estate::new("faults_deadline", server(), 3, &pool, |proxy| proxy);
    let (mut holders, mut late): ([_; 3], [_; 5]) = (sessions(&estate), sessions(&estate));
    holders.iter_mut().for_each(|holder| holder.run("CREATE TEMPORARY TABLE own (a INT)"));
    let begun = Instant::now();
    for client in &mut late {
        client.send(b"\x03INSERT INTO ledger (writer) VALUES (1)").unwrap();
    }
    eventually("all of them wait", || estate.waiting() == 5);
    eventually("the wait is to be seen", || estate.proxy.metric("sealock_pool_waiters", &[]) >= 5.0);
    for client in &mut late {
        let packets = client.receive("late", Kind::Results, &[]).unwrap();
        let error = ServerError::parse(&packets[0].payload).expect("an error");
        assert_eq!((error.code, error.state.as_str()), (1047, "08S01"), "{error:?}");
    }
    let waited = begun.elapsed();
    assert!(waited >= PATIENCE && waited < PATIENCE + Duration::from_secs(10), "{waited:?}");
    assert!(estate.proxy.metric("sealock_pool_timeouts_total", &[]) >= 5.0);
    assert_eq!(estate.waiting(), 0);
    assert_eq!(late[0].error("SELECT 1 FROM ledger").code, 1047);
    drop(holders);
    for client in &mut late {
        assert_eq!(client.value("SELECT COUNT(*) FROM ledger"), "0", "nothing of it was executed");
    }
    drop(late);
    estate.assert_deserted();
}

#[test]
fn those_who_wait_are_served_in_the_order_in_which_they_came() {
    let estate = Estate::new("faults_order", server(), 1, "acquire_timeout = \"60s\"", |proxy| proxy);
    let [mut holder]: [_; 1] = sessions(&estate);
    let mut queue: [_; 8] = sessions(&estate);
    holder.run("BEGIN");
    holder.run("INSERT INTO ledger (writer) VALUES (100)");
    for (at, client) in queue.iter_mut().enumerate() {
        let insert = format!("\x03INSERT INTO ledger (writer) VALUES ({at})");
        client.send(insert.as_bytes()).unwrap();
        eventually("it queues", || estate.waiting() == at as u64 + 1);
    }
    // One who gives up in the middle of the queue holds up nobody.
    let mut queue = Vec::from(queue);
    drop(queue.remove(3));
    eventually("it has left the queue", || estate.waiting() == 7);
    holder.run("COMMIT");
    for client in &mut queue {
        assert_eq!(client.receive("insert", Kind::Results, &[]).unwrap()[0].payload[0], 0);
    }
    let order = "SELECT GROUP_CONCAT(writer ORDER BY id) FROM ledger";
    assert_eq!(holder.value(order), "100,0,1,2,4,5,6,7");
    assert!(estate.proxy.metric("sealock_pool_acquire_seconds_count", &[]) >= 8.0);
    drop((holder, queue));
    estate.assert_deserted();
}

/// Fourteen sessions, of which some never pause, on two connections: everybody's share is about the same.
#[test]
fn nobody_starves_where_everybody_keeps_connections_for_a_while() {
    let estate = Estate::new("faults_share", server(), 2, "acquire_timeout = \"60s\"", |proxy| proxy);
    let over = AtomicBool::new(false);
    let end = end_of_fault();
    let shares: Vec<usize> = thread::scope(|scope| {
        let (estate, over) = (&estate, &over);
        let clients: Vec<_> = (0..14).map(|at| scope.spawn(move || take_turns(estate, at, over))).collect();
        while Instant::now() < end && clients.iter().all(|client| !client.is_finished()) {
            thread::sleep(Duration::from_millis(20));
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(*least >= 3 && most <= &(2 * least + 3), "turns of each: {shares:?}");
    estate.assert_deserted();
    let rows: usize = estate.root().value("SELECT COUNT(*) FROM faults_share.ledger").parse().unwrap();
    assert_eq!(rows, 2 * shares.iter().sum::<usize>());
}

/// Transactions one after the other; how many there were.
fn take_turns(estate: &Estate<'_>, at: usize, over: &AtomicBool) -> usize {
    let mut client = estate.session();
    let mut turns = 0;
    while !over.load(Ordering::Relaxed) {
        client.transcript.clear();
        for sql in ["BEGIN", "INSERT INTO ledger (writer) VALUES (1), (2)", "DO SLEEP(0.005)", "COMMIT"] {
            client.run(sql);
        }
        turns += 1;
        if at.is_multiple_of(2) {
            thread::sleep(Duration::from_millis(1));
        }
    }
    turns
}
