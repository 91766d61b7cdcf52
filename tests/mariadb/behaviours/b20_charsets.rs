//! Collation ids above 255, uca1400, `character_set_client=binary`, SET NAMES against SET CHARACTER SET, column bytes equal
//! direct; no mojibake for B on the same connection.

use super::play::Play;
use super::session::Session;
use super::stage::Stage;
use crate::support::client::Parameter;
use crate::support::login::Login;
use crate::support::response::Kind;
use crate::support::server::PASSWORD;

const STATE: &str = "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, \
     @@collation_connection, @@character_set_database, @@collation_database, COLLATION('x'), CHARSET(USER())";

fn tables(stage: &mut Stage<'_>) {
    stage.a.run("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, u VARCHAR(20) CHARACTER SET utf8mb4, l VARCHAR(20) CHARACTER SET latin1, b VARBINARY(60), j VARCHAR(20) CHARACTER SET sjis)");
    stage.a.run("INSERT INTO t (u, l, b, j) VALUES ('äöü€', 'äöü', 'äöü', 'ソ十表')");
}

/// Sends bytes as they are, inserts them and reads every column back.
fn speaks(session: &mut Session, bytes: &[u8]) {
    let insert =
        [b"\x03INSERT INTO t (u, l, b, j) VALUES ('", bytes, b"', '", bytes, b"', '", bytes, b"', 'x')"]
            .concat();
    session.ask("insert bytes", &insert, Kind::Results);
    let statement = session.ask(
        "prepare bytes",
        &[b"\x16SELECT '", bytes, b"' AS `", bytes, b"`, ?"].concat(),
        Kind::Prepared,
    );
    if statement[0].payload[0] == 0 {
        let id = u32::from_le_bytes(statement[0].payload[1..5].try_into().unwrap());
        session.execute(id, 0, &[Parameter::Text("bound é")]);
        session.close_statement(id);
    }
    session.ask(
        "select bytes",
        &[b"\x03SELECT '", bytes, b"', HEX('", bytes, b"'), LENGTH('", bytes, b"')"].concat(),
        Kind::Results,
    );
    session.query("SELECT u, l, b, j, HEX(u), HEX(l) FROM t");
}

#[test]
fn b20_what_a_says_of_its_character_set_holds_for_a_alone() {
    Play::new("b20").compare(|stage| {
        tables(stage);
        for sql in [
            "SET NAMES latin1",
            "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_520_nopad_ci",
            "SET NAMES utf8mb4 COLLATE utf8mb4_uca1400_swedish_as_cs",
            "SET NAMES utf8mb3 COLLATE utf8mb3_uca1400_nopad_ai_ci",
            "SET collation_connection = utf8mb4_uca1400_german2_ai_ci",
            "SET collation_connection = 'latin1_german2_ci'",
            "SET NAMES binary",
            "SET character_set_client = binary",
            "SET CHARACTER SET latin1",
            "SET CHARACTER SET utf8mb4",
            "SET character_set_results = NULL",
            "SET character_set_results = greek, character_set_client = cp1251",
            "SET NAMES sjis",
            "SET NAMES gbk COLLATE gbk_bin",
            "SET collation_database = latin1_bin, collation_server = latin1_bin",
            "SET NAMES DEFAULT",
        ] {
            stage.a.say(sql);
            stage.disturb();
            stage.a.say(STATE);
            stage.disturb();
            speaks(&mut stage.a, b"\xe9");
            speaks(&mut stage.a, "é€".as_bytes());
            // The second byte of this character is a backslash in sjis and gbk.
            speaks(&mut stage.a, b"\x83\x5c");
            stage.others(|other| {
                other.say(STATE);
                other.say("SELECT u, l, b, HEX('é'), 'é€' FROM t WHERE id = 1");
            });
            stage.a.query("DELETE FROM t WHERE id > 1");
        }
        stage.a.fails("SET NAMES utf8mb4 COLLATE no_such_collation");
        stage.a.fails("SET character_set_client = utf16");
        stage.disturb();
        stage.a.say(STATE);
    });
}

/// Text that is bound to a parameter has the collation of SET NAMES, which no variable shows, as long as its character set need
/// not be converted.
#[test]
fn b20_parameters_have_the_collation_that_a_chose() {
    Play::new("b20_parameters").in_one_protocol().compare(|stage| {
        for sql in [
            "SET NAMES gbk COLLATE gbk_bin",
            "SET character_set_results = gbk",
            "SET NAMES gbk COLLATE gbk_bin, character_set_results = gbk",
            "SET NAMES gbk COLLATE gbk_bin, character_set_client = gbk",
            "SET NAMES gbk, collation_connection = gbk_bin",
            "SET CHARACTER SET gbk",
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
            "SET collation_connection = utf8mb4_unicode_ci",
            "SET collation_connection = latin1_swedish_ci",
            "SET NAMES latin1 COLLATE latin1_bin",
            "SET character_set_client = utf8mb4, collation_connection = utf8mb4_bin",
            "SET NAMES binary",
            "SET NAMES DEFAULT",
        ] {
            stage.a.say(sql);
            stage.disturb();
            let statement = stage.a.prepare("SELECT 'text', ?, COLLATION(?), ? = 'a'");
            for _ in 0..2 {
                stage.a.execute(statement, 0, &[Parameter::Text("A"); 3]);
                stage.disturb();
            }
        }
    });
}

/// Ids of collations as clients send them in the handshake.
#[test]
fn b20_the_collation_of_the_handshake_is_a_s_own() {
    Play::new("b20_handshake").extremes().compare(|stage| {
        tables(stage);
        for collation in [8, 5, 33, 63, 83, 192, 224, 246] {
            let login = Login { collation, ..stage.login().clone() };
            let mut guest = stage.session_as(&login, "guest");
            guest.tell(STATE);
            stage.disturb();
            guest.tell(STATE);
            speaks(&mut guest, b"\xe9");
            speaks(&mut guest, "é€".as_bytes());
            stage.others(|other| drop(other.say(STATE)));
            guest.say("SET NAMES greek");
            guest.ask("reset connection", b"\x1f", Kind::One);
            stage.disturb();
            guest.tell(STATE);
            stage.a.query("DELETE FROM t WHERE id > 1");
        }
    });
}

/// One that the server does not know – 255 is of another make of server – is its default, not what a connection had before.
#[test]
fn b20_an_unknown_collation_is_the_default_of_the_server() {
    Play::new("b20_unknown").extremes().compare(|stage| {
        for collation in [246, 255, 33, 255, 0] {
            let login = Login { collation, ..stage.login().clone() };
            let mut guest = stage.session_as(&login, "guest");
            guest.tell(STATE);
            stage.disturb();
            guest.tell(STATE);
        }
        stage.a.tell(STATE);
    });
}

/// COM_CHANGE_USER has room for the larger ids.
#[test]
fn b20_the_collation_of_a_change_of_user_is_a_s_own() {
    Play::new("b20_change").extremes().compare(|stage| {
        for collation in [8_u16, 45, 1270, 2048 + 10, 2304] {
            let user = stage.login().user.clone();
            stage.a.change_user_with(&user, PASSWORD, &user, collation).unwrap();
            stage.a.tell(STATE);
            stage.disturb();
            stage.a.tell(STATE);
            stage.others(|other| drop(other.say(STATE)));
        }
    });
}

/// SET CHARACTER SET gives the connection the character set of the schema, which is not among the variables.
#[test]
fn b20_the_same_set_character_set_means_another_one_in_another_schema() {
    Play::new("b20_schemas").compare(|stage| {
        const SETS: &str = "SELECT @@character_set_client, @@collation_connection, @@character_set_results";
        for (charset, schema) in [("latin1", "b20_latin"), ("utf8mb4", "b20_utf8"), ("latin1", "b20_latin")] {
            stage.root().run(&format!("CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET {charset}"));
            stage.disturb_around();
            stage.a.say("SET NAMES utf8mb4");
            stage.a.say(&format!("USE {schema}"));
            stage.disturb_around();
            stage.a.say("SET CHARACTER SET latin2");
            stage.disturb_around();
            stage.a.say(SETS);
        }
    });
}
