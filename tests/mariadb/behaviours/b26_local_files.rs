//! LOAD DATA LOCAL INFILE reads the file from the client; a file request that the client's statement did not ask for is refused;
//! an abort half-way leaves the connection usable or closed, never out of step.

use super::play::Play;
use super::session::error_in;
use super::stage::Stage;
use crate::support::capabilities::LOCAL_FILES;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::response::Kind;
use crate::support::wire::MAX_FRAME;

const LOAD: &str = "LOAD DATA LOCAL INFILE '/no/such/file' INTO TABLE t";

fn tables(stage: &mut Stage<'_>) {
    stage.a.run("CREATE TABLE t (id INT PRIMARY KEY, w LONGTEXT) CHARACTER SET utf8mb4");
    stage.a.run("CREATE TABLE serial (id INT AUTO_INCREMENT PRIMARY KEY, w TEXT)");
}

#[test]
fn b26_the_file_comes_from_the_client_in_the_state_of_its_session() {
    Play::new("b26").capabilities(LOCAL_FILES).in_one_protocol().compare(|stage| {
        tables(stage);
        stage.a.load(LOAD, &[b"1\tone\n2\tt".to_vec(), b"wo\n".to_vec()]).unwrap();
        stage.disturb();
        stage.a.run("SET NAMES latin1, sql_mode = 'NO_BACKSLASH_ESCAPES', time_zone = '+05:00'");
        stage.disturb();
        stage.a.load(LOAD, &[b"3\t\xe9\\t\n".to_vec()]).unwrap();
        stage.disturb_around();
        stage.a.load("/* first */ LOAD /*! DATA */ LOCAL INFILE 'x' REPLACE INTO TABLE t CHARACTER SET utf8mb4 (id, @w) SET w = UPPER(@w)", &["3\té\n".into()]).unwrap();
        stage.disturb_around();
        stage.a.query("SELECT ROW_COUNT(), @w");
        stage.a.query("SET @w = NULL");
        stage.a.load("LOAD DATA LOCAL INFILE 'x' INTO TABLE serial (w)", &[b"a\nb\nc\n".to_vec()]).unwrap();
        stage.disturb_around();
        stage.a.query("SELECT LAST_INSERT_ID()");
        stage.a.load(LOAD, &[b"1\tduplicate\n9\tnine\n10\n".to_vec()]).unwrap();
        stage.disturb_around();
        stage.a.query("SHOW WARNINGS");
        stage.a.load(LOAD, &[]).unwrap();
        stage.a.load("LOAD DATA LOCAL INFILE 'x' INTO TABLE nowhere", &[]).unwrap();
        stage.disturb_around();
        stage.a.load("SELECT 1; LOAD DATA LOCAL INFILE 'x' INTO TABLE t; SELECT 2", &[b"20\tx\n".to_vec()]).unwrap();
        stage.a.load("BEGIN; LOAD DATA LOCAL INFILE 'x' INTO TABLE t", &[b"21\trolled back\n".to_vec()]).unwrap();
        stage.disturb_around();
        stage.a.query("ROLLBACK");
        let long = vec![b'x'; MAX_FRAME - 3];
        stage.a.load(LOAD, &[b"30\t".to_vec(), long, b"y\n31\tz".to_vec()]).unwrap();
        stage.disturb_around();
        stage.a.query("SELECT id, LENGTH(w), HEX(LEFT(w, 10)) FROM t ORDER BY id");
        stage.others(|other| drop(other.query("SELECT COUNT(*) FROM t")));
        stage.a.query("LOAD DATA INFILE '/no/such/file' INTO TABLE t");
    });
}

#[test]
fn b26_who_offers_no_files_is_asked_for_none_on_a_connection_of_one_who_does() {
    Play::new("b26_none").in_one_protocol().compare(|stage| {
        tables(stage);
        let mut offers = stage.login().clone();
        offers.capabilities |= LOCAL_FILES;
        let mut offers = stage.session_as(&offers, "offers");
        offers.load(LOAD, &[b"1\tone\n".to_vec()]).unwrap();
        stage.disturb();
        stage.a.query(LOAD);
        stage.a.query("SELECT 1");
        offers.load(LOAD, &[b"2\ttwo\n".to_vec()]).unwrap();
        stage.a.query("SELECT id, w FROM t");
    });
}

/// Statements that hide what they ask for: either the file is read as it is directly, or the request never reaches the client.
#[test]
fn b26_a_request_that_the_statement_did_not_ask_for_never_reaches_the_client() {
    Play::new("b26_hidden").capabilities(LOCAL_FILES).in_one_protocol().extremes().act_through_the_proxy(
        |stage| {
            tables(stage);
            for sql in [
                format!("EXECUTE IMMEDIATE '{}'", LOAD.replace('\'', "''")),
                format!("PREPARE p FROM '{}'", LOAD.replace('\'', "''")),
                "EXECUTE IMMEDIATE CONCAT('LOAD DATA LO', 'CAL INFILE ''x'' INTO TABLE t')".to_owned(),
                "SELECT 'LOAD DATA LOCAL INFILE ''x'' INTO TABLE t'".to_owned(),
            ] {
                let mut session = stage.session("asker");
                session.send(&[b"\x03", sql.as_bytes()].concat()).unwrap();
                session.wire.sequence = 1;
                let first = session.wire.read().map(|packet| packet.payload);
                assert!(
                    !first.as_ref().is_ok_and(|payload| payload[0] == 0xfb && !sql.contains("LOCAL")),
                    "{sql}: {first:?}"
                );
            }
            stage.disturb();
            assert_eq!(stage.a.reads("SELECT COUNT(*) FROM t"), "0");
        },
    );
}

#[test]
fn b26_an_abort_half_way_leaves_nothing_out_of_step() {
    Play::new("b26_abort").capabilities(LOCAL_FILES).in_one_protocol().extremes().act_through_the_proxy(
        |stage| {
            tables(stage);
            let mut root = stage.root();
            let aborts: [fn(&mut RawClient); 4] = [
                |_| {},
                |client| client.wire.write(b"100\tcut").unwrap(),
                |client| client.wire.write_raw(&[200, 0, 0, 2, b'1', b'\t']).unwrap(),
                |client| {
                    client.wire.write(&vec![b'x'; 1 << 20]).unwrap();
                    client.wire.write_raw(&[0xff, 0xff]).unwrap();
                },
            ];
            for (number, abort) in aborts.into_iter().enumerate() {
                let mut loader = stage.session("loader");
                loader.send(&[b"\x03", LOAD.as_bytes()].concat()).unwrap();
                loader.wire.sequence = 1;
                assert_eq!(loader.wire.read().unwrap().payload[0], 0xfb);
                abort(&mut loader);
                loader.vanish();
                eventually("the statement is over", || {
                    super::faults::running(&mut root, "b26_abort", "LOAD DATA LOCAL").is_none()
                });
                stage.disturb();
                assert_eq!(stage.a.reads(&format!("SELECT {number}")), number.to_string());
                assert_eq!(stage.b.reads("SELECT 'in step'"), "in step");
            }
            // The server gives up in the middle: what the client still sends is not taken for commands.
            let mut loader = stage.session("loader");
            loader.send(&[b"\x03", LOAD.as_bytes()].concat()).unwrap();
            loader.wire.sequence = 1;
            loader.wire.read().unwrap();
            loader.wire.write(b"1\tone\n").unwrap();
            super::faults::kill_running(&mut root, "b26_abort", "LOAD DATA LOCAL");
            for _ in 0..50 {
                if loader.wire.write(&vec![3; 100_000]).is_err() {
                    break;
                }
            }
            let _ = loader.wire.write(b"");
            let end = loader.receive("the end", Kind::Results, &[]);
            assert!(end.is_err() || error_in(&end.unwrap()).is_some());
            drop(loader);
            stage.disturb();
            assert_eq!(stage.a.reads("SELECT 'in step'"), "in step");
        },
    );
}
