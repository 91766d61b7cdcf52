//! Sixteen sessions interleave random statements on two connections, and each of them sees what it sees directly.
//!
//! A script depends on nothing but its seed: it is generated without looking at any answer, and every session has a schema and
//! names of its own, so its answers do not depend on the others. Each episode is acted through the proxy while the
//! other sessions act theirs, then replayed on a connection of its own, and compared packet by packet.
//!
//! `SEALOCK_PROPERTY_SECONDS` says how long (15 unless told), `SEALOCK_PROPERTY_SEED` which scripts; the seed of a run is printed
//! with its result, and a difference with the session, the episode and the script so far.

mod fragments;
mod script;

use std::collections::BTreeSet;
use std::env;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::script::{Player, Step, script};
use super::Sharing;
use super::play::Play;
use crate::support::capabilities::{BASE, LOCAL_FILES};
use crate::support::chance::Chance;
use crate::support::client::{Exchange, RawClient};
use crate::support::compare::{DIALECTS, difference};
use crate::support::login::Login;
use crate::support::server::{PASSWORD, direct, root};
use crate::support::tls::unverified;
use crate::support::wire::Endpoint;

const SESSIONS: u64 = 16;
/// Who replays: another account, so that the server's process list tells replays apart.
const REPLAY: &str = "property_replay";

/// Who acts, and where.
struct Troupe {
    /// Also what the schemas are called.
    account: &'static str,
    endpoint: Endpoint,
}

/// What a run found out about itself.
#[derive(Default)]
struct Tally {
    statements: usize,
    episodes: usize,
    /// Sessions that were served by more than one connection.
    moved: BTreeSet<u64>,
    differences: Vec<String>,
}

fn seconds() -> u64 {
    env::var("SEALOCK_PROPERTY_SECONDS").map_or(15, |seconds| seconds.parse().unwrap())
}

fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    env::var("SEALOCK_PROPERTY_SEED").map_or_else(|_| now(), |seed| seed.parse().unwrap())
}

#[test]
fn sixteen_sessions_on_two_connections_see_what_they_see_directly() {
    let play = Play::new("property").account(REPLAY);
    play.accounts();
    let proxy = play.proxy().start();
    let troupe = Troupe { account: "property", endpoint: proxy.endpoint() };
    let (seed, seconds) = (seed(), seconds());
    let tally = run(seed, Duration::from_secs(seconds), &troupe);
    let syncs = proxy.metric("sealock_pool_syncs_total", &[]);
    println!(
        "seed {seed}: {} episodes, {} statements, {} sessions moved, {syncs} syncs",
        tally.episodes,
        tally.statements,
        tally.moved.len()
    );
    assert!(tally.differences.is_empty(), "seed {seed}: {}", tally.differences.join("\n\n"));
    assert!(tally.statements > 100 * seconds as usize, "hardly anything was said");
    match Sharing::chosen() {
        Sharing::Multiplex => {
            assert!(tally.moved.len() as u64 > SESSIONS / 2, "few sessions changed connections");
        }
        Sharing::Session => {
            assert!(tally.moved.is_empty(), "a connection of one's own does not change");
        }
    }
}

/// Scripts whose answers differ without a proxy in between would prove nothing.
#[test]
fn the_same_scripts_directly_show_no_difference() {
    Play::new("oracle").accounts();
    let troupe = Troupe { account: "oracle", endpoint: direct() };
    let seed = seed();
    let tally = run(seed, Duration::from_secs(3), &troupe);
    assert!(tally.differences.is_empty(), "seed {seed}: {}", tally.differences.join("\n\n"));
}

/// Lets every session act episodes until the time is over or one of them finds a difference.
fn run(seed: u64, duration: Duration, troupe: &Troupe) -> Tally {
    let tally = Mutex::new(Tally::default());
    let end = Instant::now() + duration;
    thread::scope(|scope| {
        for session in 0..SESSIONS {
            let tally = &tally;
            scope.spawn(move || {
                for episode in 0.. {
                    if Instant::now() > end || !tally.lock().unwrap().differences.is_empty() {
                        break;
                    }
                    act(seed, session, episode, troupe, tally);
                }
            });
        }
        if Sharing::chosen() == Sharing::Multiplex && troupe.endpoint != direct() {
            watch(troupe.account, end);
        }
    });
    tally.into_inner().unwrap()
}

/// Looks at the server that there are never more than two connections, but for a moment in which one takes another's place.
fn watch(account: &str, end: Instant) {
    let mut root = root();
    let count = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{account}'");
    let mut beyond = 0;
    while Instant::now() < end {
        let connections: usize = root.value(&count).parse().unwrap();
        root.transcript.clear();
        beyond = if connections > 2 { beyond + 1 } else { 0 };
        assert!(beyond < 10, "{connections} connections for a second");
        thread::sleep(Duration::from_millis(100));
    }
}

fn act(seed: u64, session: u64, episode: u64, troupe: &Troupe, tally: &Mutex<Tally>) {
    let mut chance = Chance::new(seed, session, episode);
    let dialect = *chance.one_of(&DIALECTS);
    let secured = chance.percent(25);
    let home = format!("{}_{session}", troupe.account);
    let steps = script(&mut chance, &home);
    let login =
        |endpoint, user| Login::new(endpoint, user, PASSWORD).capabilities(BASE | LOCAL_FILES | dialect);
    let replay = if troupe.endpoint == direct() { troupe.account } else { REPLAY };
    let through = login(troupe.endpoint.clone(), troupe.account);
    let secured = secured && troupe.endpoint != direct();
    let through = if secured { through.tls(&unverified(), "localhost") } else { through };
    let (found, moves) = transcript(&through, &home, &steps);
    let (expected, _) = transcript(&login(direct(), replay), &home, &steps);
    let mut tally = tally.lock().unwrap();
    tally.statements += found.len();
    tally.episodes += 1;
    if moves > 0 {
        tally.moved.insert(session);
    }
    if let Some((at, difference)) = difference(&expected, &found, dialect) {
        let so_far: Vec<&str> = found.iter().take(at).map(|exchange| exchange.command.as_str()).collect();
        tally.differences.push(format!(
            "session {session}, episode {episode}, dialect {dialect:#x}, TLS {secured}, after\n  {}\n{difference}",
            so_far.join("\n  ")
        ));
    }
}

/// Acts a script on a fresh schema; tells what was answered, and how often by another connection than before.
fn transcript(login: &Login, home: &str, steps: &[Step]) -> (Vec<Exchange>, usize) {
    let mut root = root();
    root.run(&format!("DROP DATABASE IF EXISTS {home}; CREATE DATABASE {home} CHARACTER SET utf8mb4"));
    root.run(&format!("CREATE OR REPLACE DATABASE {home}_two CHARACTER SET latin1"));
    let client = RawClient::connect(&login.clone().schema(home)).unwrap_or_else(|error| panic!("{error:?}"));
    let mut player = Player::new(client, home.to_owned(), &login.user);
    for step in steps {
        player.perform(step);
    }
    player.leave()
}
