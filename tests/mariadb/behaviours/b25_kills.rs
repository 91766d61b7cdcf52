//! KILL QUERY id, KILL id, CONNECTION_ID(): the id is the one from A's handshake, and kills A's statement, never that of a
//! session that got the connection afterwards – the race included.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::faults::running;
use super::play::Play;
use super::session::error_in;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, ServerError};
use crate::support::response::Kind;
use crate::support::server::{PASSWORD, root};

#[test]
fn b25_the_id_is_the_one_of_the_handshake_on_every_connection() {
    Play::new("b25").act_through_the_proxy(|stage| {
        let (own, other) = (stage.a.greeting.id.to_string(), stage.b.greeting.id.to_string());
        let prepared = stage.a.prepare("SELECT CONNECTION_ID()");
        for _ in 0..3 {
            stage.disturb();
            assert_eq!(stage.a.reads("SELECT CONNECTION_ID()"), own);
            assert_eq!(stage.b.reads("SELECT connection_id( )"), other);
            stage.disturb();
            assert_eq!(stage.a.reads("SELECT @@pseudo_thread_id"), own);
            assert_eq!(stage.a.reads("SELECT 0 + CONNECTION_ID() FROM DUAL"), own);
            let packets = stage.a.execute(prepared, 0, &[]);
            let id = own.parse::<u64>().unwrap().to_le_bytes();
            assert!(
                packets
                    .iter()
                    .any(|packet| packet.payload.ends_with(&id[..4]) || packet.payload.ends_with(&id)),
                "{packets:?}"
            );
        }
    });
}

#[test]
fn b25_a_kill_reaches_the_statement_of_its_session_wherever_it_runs() {
    Play::new("b25_reaches").in_one_protocol().extremes().act_through_the_proxy(|stage| {
        let mut root = stage.root();
        for _ in 0..3 {
            stage.disturb();
            let mut victim = stage.session("victim");
            let id = victim.greeting.id;
            victim.send(b"\x03SELECT SLEEP(60), 'to be interrupted'").unwrap();
            eventually("it runs", || running(&mut root, "b25_reaches", "to be interrupted").is_some());
            stage.b.say(&format!("KILL QUERY {id}"));
            let packets = victim.receive("the end", Kind::Results, &[]).unwrap();
            assert_eq!(error_in(&packets).expect("an error").code, 1317);
            assert_eq!(victim.reads("SELECT 'lives on'"), "lives on");
            // In a transaction: the statement ends, the transaction stays.
            victim.say("BEGIN");
            victim.send(b"\x03SELECT SLEEP(60), 'to be interrupted'").unwrap();
            eventually("it runs", || running(&mut root, "b25_reaches", "to be interrupted").is_some());
            stage.b.ask("kill query", format!("\x03/* soft */ KILL SOFT QUERY {id}").as_bytes(), Kind::One);
            assert_eq!(
                error_in(&victim.receive("the end", Kind::Results, &[]).unwrap()).expect("an error").code,
                1317
            );
            assert_eq!(victim.reads("SELECT @@in_transaction"), "1");
            victim.send(b"\x03SELECT SLEEP(60), 'to be ended'").unwrap();
            eventually("it runs", || running(&mut root, "b25_reaches", "to be ended").is_some());
            stage.b.say(&format!("KILL {id}"));
            let end = victim.receive("the end", Kind::Results, &[]);
            assert!(end.is_err() || error_in(&end.unwrap()).is_some());
            eventually("the session is over", || victim.has_ended());
            eventually("nothing is left running", || {
                running(&mut root, "b25_reaches", "to be ended").is_none()
            });
            assert_eq!(stage.b.fails(&format!("KILL {id}")).code, 1094);
            assert_eq!(stage.a.reads("SELECT 'untouched'"), "untouched");
        }
        stage.disturb();
    });
}

#[test]
fn b25_a_kill_of_an_idle_session_hits_nobody_else() {
    Play::new("b25_idle").in_one_protocol().extremes().act_through_the_proxy(|stage| {
        let mut root = stage.root();
        let (idle, mut gone) = (stage.a.greeting.id, stage.session("gone"));
        let gone_id = gone.greeting.id;
        gone.say("SET time_zone = '+01:00'");
        stage.a.say("SET time_zone = '+01:00'");
        // Others have both connections now, on which A was; the killer needs none of them.
        let mut killer = stage.session("killer");
        for session in [&mut stage.b, &mut gone] {
            session.send(b"\x03SELECT SLEEP(1.5), 'must be let run'").unwrap();
        }
        eventually("it runs", || running(&mut root, "b25_idle", "must be let run").is_some());
        for _ in 0..3 {
            let answer = killer.query(&format!("KILL QUERY {idle}"));
            assert!(error_in(&answer).is_none(), "{answer:?}");
        }
        for session in [&mut stage.b, &mut gone] {
            let packets = session.receive("the sleep", Kind::Results, &[]).unwrap();
            assert!(error_in(&packets).is_none(), "{packets:?}");
        }
        assert_eq!(
            stage.a.reads("SELECT 'a kill of nothing leaves nothing behind'"),
            "a kill of nothing leaves nothing behind"
        );
        drop(gone);
        eventually("it is gone", || {
            error_in(&killer.query(&format!("KILL {gone_id}"))).is_some_and(|error| error.code == 1094)
        });
        killer.say(&format!("KILL CONNECTION {idle}"));
        eventually("the session is over", || stage.a.has_ended());
        stage.disturb();
    });
}

/// A runs short statements, B gets the connection right after; whoever kills A at any moment kills nothing of B's.
#[test]
fn b25_the_race_between_a_kill_and_the_next_session_is_never_lost() {
    let play = Play::new("b25_race");
    play.accounts();
    let proxy = play.proxy().start();
    let login = Login::new(proxy.endpoint(), "b25_race", PASSWORD);
    let mut a = RawClient::connect(&login).unwrap();
    let id = a.greeting.id;
    let over = AtomicBool::new(false);
    let (interrupted, kills) = thread::scope(|scope| {
        let bystanders: Vec<_> = (0..3)
            .map(|_| {
                let mut client = RawClient::connect(&login).unwrap();
                let over = &over;
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        client.transcript.clear();
                        let packets = client.query("SELECT SLEEP(0.002)");
                        assert!(
                            packets.iter().any(|packet| packet.payload == b"\x010"),
                            "a bystander was hit: {packets:?}"
                        );
                    }
                })
            })
            .collect();
        let killer = scope.spawn(|| {
            let mut client = RawClient::connect(&login).unwrap();
            let mut kills = 0;
            while !over.load(Ordering::Relaxed) {
                client.transcript.clear();
                client.run(&format!("KILL QUERY {id}"));
                kills += 1;
            }
            kills
        });
        let mut interrupted = 0;
        for _ in 0..400 {
            a.transcript.clear();
            let packets = a.query("SELECT SLEEP(0.002)");
            match error_in(&packets) {
                Some(ServerError { code: 1317, .. }) => interrupted += 1,
                Some(error) => panic!("{error:?}"),
                None if packets.iter().any(|packet| packet.payload == b"\x011") => interrupted += 1,
                None => {}
            }
        }
        over.store(true, Ordering::Relaxed);
        for bystander in bystanders {
            bystander.join().unwrap();
        }
        (interrupted, killer.join().unwrap())
    });
    assert!(interrupted > 5 && kills > 50, "{interrupted} of 400 statements interrupted by {kills} kills");
    assert_eq!(root().value("SELECT 'the server is there'"), "the server is there");
}
