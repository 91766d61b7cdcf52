//! What holds for any text.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::sql::SqlMode;
use crate::sql::classify::{Statement, classify, classify_prefix};
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;
use crate::sql::multibyte::Multibyte;

/// Statements that end where their text does, so that another can follow.
const STATEMENTS: [&str; 40] = [
    "SELECT 1",
    "SELECT f(1)",
    "SELECT @a := 1",
    "SELECT GET_LOCK('a', 1)",
    "DO RELEASE_ALL_LOCKS()",
    "SELECT SQL_CALC_FOUND_ROWS a FROM t FOR UPDATE",
    "SELECT FOUND_ROWS(), ROW_COUNT(), LAST_INSERT_ID()",
    "SELECT LAST_INSERT_ID(5), @@identity, @@session.warning_count",
    "SELECT NEXT VALUE FOR s",
    "SELECT * FROM information_schema.system_variables",
    "WITH c (a) AS (SELECT 1) SELECT * FROM c",
    "(SELECT 1)",
    "INSERT INTO t (a) VALUES (1)",
    "UPDATE t SET a = 1",
    "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
    "SET autocommit = 0",
    "SET lock_wait_timeout = 5, @a = 1",
    "SET GLOBAL session_track_schema = ON",
    "SET TRANSACTION READ ONLY",
    "SET ROLE r",
    "SET PASSWORD FOR a@b = 'x'",
    "SET STATEMENT a=@b FOR DROP TABLE t",
    "BEGIN",
    "COMMIT AND CHAIN",
    "CALL p()",
    "EXECUTE s",
    "PREPARE s FROM 'x'",
    "DROP PREPARE s",
    "HANDLER t OPEN",
    "HANDLER t CLOSE",
    "LOCK TABLES t READ",
    "UNLOCK TABLES",
    "FLUSH TABLES WITH READ LOCK",
    "BACKUP STAGE START",
    "BACKUP UNLOCK",
    "XA START 'a'",
    "CREATE TEMPORARY TABLE t SELECT 1",
    "CREATE PROCEDURE p() BEGIN DO 1; CASE 1 WHEN 1 THEN DO 2; END CASE; END",
    "CREATE USER a@b",
    "SHOW VARIABLES",
];

/// What is said of a whole text and not of its parts.
fn of_parts(effects: Effects) -> Effects {
    effects - Effects::LITERAL_SET - Effects::REPEATABLE_READ - Effects::RELEASES_ALL_USER_LOCKS
}

fn modes() -> impl Strategy<Value = SqlMode> {
    let multibyte = proptest::sample::select(vec![Multibyte::None, Multibyte::Sjis, Multibyte::Gbk]);
    (any::<bool>(), any::<bool>(), multibyte).prop_map(|(ansi_quotes, no_backslash_escapes, multibyte)| {
        SqlMode { ansi_quotes, no_backslash_escapes, multibyte, ..SqlMode::default() }
    })
}

#[test]
fn a_long_text_takes_time_in_proportion_to_its_length() {
    const LEN: usize = 256 * 1024;
    for pattern in [
        "f(",
        "f(a,",
        "f(a,b) ",
        "json_table(",
        "@@session ",
        "@@session.",
        "next value ",
        "END ",
        "BEGIN ",
        "KILL ",
        ";",
        "KILL 1;",
        "FLUSH ",
        "FLUSH;",
        "SET a=(",
        "SET a=1;",
        "SET STATEMENT ",
        "SET STATEMENT a=1 FOR ",
        "SELECT ",
        "a.",
        "'",
        "''",
        "`",
        "\\",
        "/*",
        "/*!",
        "/*!999999 /*",
        "--\n",
        "0x",
        "1e",
        "N'",
        "connection_id",
        "connection_id(",
        "DROP TABLE a,",
        "PREPARE a;",
        "GET_LOCK('a',1),",
        "CREATE PROCEDURE ",
    ] {
        let text = pattern.repeat(LEN / pattern.len());
        let start = Instant::now();
        classify(text.as_bytes(), SqlMode::default());
        // In proportion: a fraction of a second. To the square: minutes.
        assert!(start.elapsed() < Duration::from_secs(10), "{pattern}");
    }
}

proptest! {
    #[test]
    fn the_effects_of_several_statements_are_those_of_each(
        statements in proptest::collection::vec(proptest::sample::select(STATEMENTS.to_vec()), 2..6),
        glue in proptest::sample::select(vec![";", " ; ", ";/* x */;", ";\n-- x\n"]),
    ) {
        let classified = |text: &str| classify(text.as_bytes(), SqlMode::default());
        let expected = statements.iter().fold(Effects::NONE, |union, text| union | of_parts(classified(text).effects));
        let told = classified(&statements.join(glue));
        prop_assert_eq!(told.effects, expected);
        prop_assert_eq!(told.kind, Kind::Several);
    }

    #[test]
    fn any_text_is_classified(
        words in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(STATEMENTS.to_vec()),
                proptest::sample::select(vec![
                    "(", ")", ",", ";", ".", "=", ":=", "@a", "@@session", "/*!", "*/", "'", "`", "\"", "--", "SET", "STATEMENT", "FOR",
                    "BEGIN", "END", "CASE", "CREATE", "PROCEDURE", "TABLE", "GLOBAL", "NAMES", "x", "5", "?", "{", "\\", "\u{e9}",
                ]),
            ],
            0..30,
        ),
        glue in proptest::sample::select(vec!["", " ", "/**/"]),
        noise in proptest::collection::vec(any::<u8>(), 0..8),
        mode in modes(),
    ) {
        let text = [words.join(glue).into_bytes(), noise].concat();
        let Statement { kind, effects, subject, .. } = classify(&text, mode);
        prop_assert!(subject.names().is_none_or(|names| names.len() <= text.len()));
        let single = Effects::LITERAL_SET | Effects::REPEATABLE_READ | Effects::RELEASES_ALL_USER_LOCKS;
        prop_assert!(!matches!(kind, Kind::Empty | Kind::Several | Kind::Compound) || !effects.intersects(single));
        prop_assert!(!effects.contains(Effects::LITERAL_SET) || kind == Kind::Set);
        prop_assert!(classify_prefix(&text, mode).effects.contains(Effects::ROUTINE));
    }

    #[test]
    fn space_and_comments_between_words_change_nothing(
        text in proptest::sample::select(STATEMENTS.to_vec()),
        glue in proptest::sample::select(vec!["\n", "\t ", "/* x */", " -- x\n", "/*!50101*/ ", " /*! */ "]),
    ) {
        let told = |text: &str| {
            let statement = classify(text.as_bytes(), SqlMode::default());
            (statement.kind, statement.effects, statement.subject)
        };
        prop_assert_eq!(told(&text.replace(' ', glue)), told(text));
    }
}
