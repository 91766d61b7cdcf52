//! Behaviour 24 under load: an application that numbers its commits, and connections that die all the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::play::Play;
use super::session::error_in;
use crate::support::client::RawClient;
use crate::support::login::Login;
use crate::support::server::PASSWORD;
use crate::support::server::root;

const WRITERS: usize = 6;

/// What a writer knows of the transactions it began.
#[derive(Default)]
struct Account {
    acknowledged: Vec<usize>,
    refused_before_commit: Vec<usize>,
    unknown: usize,
}

/// Two rows a transaction; either both are there or none.
fn write(login: &Login, writer: usize, over: &AtomicBool) -> Account {
    let mut account = Account::default();
    let mut client = None;
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            return account;
        }
        let session = client.get_or_insert_with(|| connect(login));
        let row = |half: usize| format!("INSERT INTO b24_commits.t VALUES ({writer}, {number}, {half})");
        let begun = ["BEGIN".to_owned(), row(1), row(2)].iter().all(|sql| succeeds(session, sql));
        if !begun {
            account.refused_before_commit.push(number);
            // Who hears an error and goes on is told to start again: nothing is open.
            client = None;
        } else if succeeds(session, "COMMIT") {
            account.acknowledged.push(number);
        } else {
            account.unknown += 1;
            client = None;
        }
    }
    unreachable!()
}

fn connect(login: &Login) -> RawClient {
    loop {
        if let Ok(client) = RawClient::connect(login) {
            return client;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn succeeds(client: &mut RawClient, sql: &str) -> bool {
    client.transcript.clear();
    client.try_query(sql).is_ok_and(|packets| error_in(&packets).is_none())
}

fn kill_one_after_another(over: &AtomicBool) -> usize {
    let mut root = root();
    let mut killed = 0;
    while !over.load(Ordering::Relaxed) {
        let any = "SELECT COALESCE(MAX(id), 0) FROM (SELECT id FROM information_schema.processlist WHERE user = 'b24_commits' ORDER BY RAND() LIMIT 1) x";
        let id = root.value(any);
        killed += usize::from(error_in(&root.query(&format!("KILL HARD CONNECTION {id}"))).is_none());
        root.transcript.clear();
        thread::sleep(Duration::from_millis(15));
    }
    killed
}

#[test]
fn b24_every_acknowledged_commit_is_there_once_and_nothing_refused_is_there() {
    let play = Play::new("b24_commits");
    play.accounts();
    root().run("CREATE OR REPLACE TABLE b24_commits.t (writer INT, number INT, half INT, KEY (writer, number)) ENGINE = InnoDB");
    let proxy = play.proxy().start();
    let login = Login::new(proxy.endpoint(), "b24_commits", PASSWORD);
    let over = AtomicBool::new(false);
    let (accounts, killed) = thread::scope(|scope| {
        let killer = scope.spawn(|| kill_one_after_another(&over));
        let (login, over) = (&login, &over);
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || write(login, writer, over))).collect();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(4) {
            thread::sleep(Duration::from_millis(50));
        }
        over.store(true, Ordering::Relaxed);
        let accounts: Vec<Account> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        (accounts, killer.join().unwrap())
    });
    let (mut root, mut acknowledged, mut refused) = (root(), 0, 0);
    for (writer, account) in accounts.iter().enumerate() {
        let mut rows = |number: usize| {
            root.transcript.clear();
            root.value(&format!(
                "SELECT COUNT(*) FROM b24_commits.t WHERE writer = {writer} AND number = {number}"
            ))
        };
        for &number in &account.acknowledged {
            assert_eq!(rows(number), "2", "writer {writer}: commit {number} was acknowledged");
        }
        for &number in &account.refused_before_commit {
            assert_eq!(rows(number), "0", "writer {writer}: {number} was refused before COMMIT");
        }
        acknowledged += account.acknowledged.len();
        refused += account.refused_before_commit.len() + account.unknown;
    }
    let halves =
        "SELECT COUNT(*) FROM (SELECT 1 FROM b24_commits.t GROUP BY writer, number HAVING COUNT(*) <> 2) x";
    assert_eq!(root.value(halves), "0", "half a transaction");
    assert!(
        killed > 20 && acknowledged > 20 && refused > 0,
        "{killed} kills, {acknowledged} commits, {refused} refusals"
    );
}
