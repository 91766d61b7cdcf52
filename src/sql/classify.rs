//! What a statement asks for that the proxy has to act on, from one pass over its text.

use super::SqlMode;
use super::connection_id::ConnectionIdUses;
use super::effects::Effects;
use super::kill::Kill;
use super::kind::Kind;
use super::scan::{Scan, WHOLE_TEXT};
use super::subject::Subject;

/// What a text, of one statement or of several, asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// What it is.
    pub kind: Kind,
    /// What it does that the server may not report.
    pub effects: Effects,
    /// What it names.
    pub subject: Subject,
    /// It contains LOAD DATA LOCAL or LOAD XML LOCAL, so the server may ask for a file of the client. Not seen, and
    /// therefore refused: a LOAD that is run by EXECUTE, EXECUTE IMMEDIATE or a procedure that uses those.
    pub asks_local_file: bool,
    /// The whole text is this KILL.
    pub kill: Option<Kill>,
    /// Where the connection's id is asked for. Definitions that the server stores (CREATE, ALTER) are left alone, but for
    /// the query of a CREATE TABLE … SELECT: an id written into them would stay.
    pub connection_id: ConnectionIdUses,
}

/// Classifies `text`, as it came in COM_QUERY or COM_STMT_PREPARE.
///
/// Linear in the length of the text; allocates only where a connection id is asked for or a name is to be kept.
pub fn classify(text: &[u8], mode: SqlMode) -> Statement {
    Scan::new(text, mode).run()
}

/// Classifies a text of which only the beginning is at hand.
///
/// What the rest does cannot be known, so [`ROUTINE`](Effects::ROUTINE) is always among its effects, its names are unknown,
/// and nothing in it is to be replaced. The kind is that of what is there.
pub fn classify_prefix(text: &[u8], mode: SqlMode) -> Statement {
    let Statement { kind, effects, asks_local_file, .. } = classify(text, mode);
    Statement {
        kind,
        effects: (effects - WHOLE_TEXT) | Effects::ROUTINE,
        subject: Subject::Unknown,
        asks_local_file,
        ..Statement::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn classified(text: &str) -> Statement {
        classify(text.as_bytes(), SqlMode::default())
    }

    #[test]
    fn a_select_whose_count_of_rows_is_another_than_that_of_rows_sent_is_known() {
        let counts = |text: &str| classified(text).effects.contains(Effects::COUNTS_OTHERWISE);
        for text in [
            "SELECT a FROM t UNION SELECT b FROM u",
            "SELECT a FROM t LIMIT 5, 10",
            "SELECT a FROM t LIMIT ? OFFSET ?",
            "SELECT a FROM t OFFSET 2 ROWS FETCH FIRST 5 ROWS ONLY",
            "SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1",
            "SELECT a INTO OUTFILE 'x' FROM t",
            "SELECT a FROM t PROCEDURE ANALYSE()",
        ] {
            assert!(counts(text), "{text}");
        }
        for text in ["SELECT a FROM t WHERE b = 1 LIMIT 5", "SELECT `union`, 'limit 1, 2' FROM t", "SELECT 1"]
        {
            assert!(!counts(text), "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_set_without_naming_its_scope_is_known_to_be_unreported() {
        let unreported = |text: &str| classified(text).effects.contains(Effects::SETS_UNREPORTED);
        assert!(unreported("SET @@sql_mode = ''") && unreported("SET a = 1, @@b = 2; SELECT 1"));
        assert!(
            !unreported("SET sql_mode = @@sql_mode")
                && !unreported("SET @@session.sql_mode = '', @@local.b = 1")
        );
    }

    #[test]
    fn a_select_behind_the_first_word_is_seen() {
        let selects = |text: &str| classified(text).effects.contains(Effects::SELECTS);
        assert!(selects("INSERT INTO t SELECT 1") && selects("SET @a = (SELECT 1)"));
        assert!(!selects("SELECT 1") && !selects("INSERT INTO t VALUES ('select')"));
    }

    #[test]
    fn a_local_file_is_asked_for_by_load_with_local_in_any_statement() {
        for text in [
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "load data low_priority local infile 'x' into table t",
            "LOAD XML CONCURRENT LOCAL INFILE 'x' INTO TABLE t",
            "-- x\n# y\n/* z */ LOAD DATA /* local */ LOCAL INFILE 'x' INTO TABLE t",
            "/*! LOAD */ DATA /*M!100000 LOCAL*/ INFILE 'x' INTO TABLE t",
            "SET STATEMENT max_statement_time=1 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "SET STATEMENT a=(SELECT 1 FOR UPDATE), b=2 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "SET STATEMENT a=1 FOR SET STATEMENT b=2 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "SELECT 1; LOAD DATA LOCAL INFILE 'x' INTO TABLE t; SELECT 2",
        ] {
            assert!(classified(text).asks_local_file, "{text}");
        }
    }

    #[test]
    fn nothing_else_asks_for_a_local_file() {
        for text in [
            "LOAD DATA INFILE 'x' INTO TABLE local",
            "SELECT 'LOAD DATA LOCAL INFILE'",
            "SELECT 1 /* ; LOAD DATA LOCAL INFILE 'x' INTO TABLE t */",
            "/*!999999 LOAD DATA LOCAL INFILE 'x' INTO TABLE t */",
            "SELECT load, data, local FROM infile",
            "SET max_statement_time=1 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "LOAD INDEX INTO CACHE local",
            "LOAD DATA 'x' LOCAL",
            "",
        ] {
            assert!(!classified(text).asks_local_file, "{text}");
        }
    }

    #[test]
    fn a_kill_with_a_number_is_taken_apart() {
        for text in [
            "KILL 42",
            "kill connection 42;",
            "/* x */ KILL /*! HARD */ QUERY 42 -- y",
            "KILL SOFT QUERY 42;;",
            "/*! KILL SOFT 42 */",
        ] {
            let kill = classified(text).kill.unwrap();
            assert_eq!((kill.id, &text[kill.id_range]), (42, "42"), "{text}");
        }
    }

    #[test]
    fn a_kill_that_is_no_plain_number_alone_is_left_as_it_is() {
        for text in [
            "KILL '42'",
            "KILL 0x2a",
            "KILL 41+1",
            "KILL (42)",
            "KILL @id",
            "KILL ?",
            "KILL CONNECTION_ID() + 1",
            "KILL 99999999999999999999",
            "SELECT 1; KILL 42",
            "KILL 42; SELECT 1",
            "SET STATEMENT max_statement_time=1 FOR KILL 42",
            "BEGIN NOT ATOMIC KILL QUERY 42; END",
        ] {
            assert_eq!(classified(text).kill, None, "{text}");
        }
    }

    #[test]
    fn a_kill_without_a_connection_id_and_the_name_kill_are_left_alone() {
        for text in [
            "KILL QUERY ID 42",
            "KILL USER nobody",
            "KILL QUERY USER 'nobody'",
            "KILL HARD QUERY CONNECTION_ID()",
            "KILL CONNECTION_ID();",
            "SELECT t.kill FROM t",
            "SELECT `kill`, 'KILL 42', @kill",
            "CREATE PROCEDURE p(victim INT) BEGIN SELECT 1; KILL victim; END",
        ] {
            let Statement { asks_local_file, kill, connection_id, .. } = classified(text);
            assert!(!asks_local_file && kill.is_none() && connection_id.is_empty(), "{text}");
        }
    }

    fn uses(text: &str) -> Vec<&str> {
        classified(text).connection_id.iter().map(|used| &text[used.range.clone()]).collect()
    }

    #[test]
    fn calls_and_variables_that_give_the_connections_id_are_found() {
        for (text, expected) in [
            ("SELECT CONNECTION_ID(), connection_id ( )", vec!["CONNECTION_ID()", "connection_id ( )"]),
            ("SELECT `connection_id` ()", vec!["`connection_id` ()"]),
            (
                "SELECT @@pseudo_thread_id, @@`pseudo_thread_id`",
                vec!["@@pseudo_thread_id", "@@`pseudo_thread_id`"],
            ),
            ("SELECT @@session.pseudo_thread_id", vec!["@@session.pseudo_thread_id"]),
            ("SELECT @@LOCAL . `pseudo_thread_id`", vec!["@@LOCAL . `pseudo_thread_id`"]),
            ("SET @@pseudo_thread_id = @@pseudo_thread_id", vec!["@@pseudo_thread_id"]),
            ("CREATE TABLE t (a INT) AS SELECT CONNECTION_ID()", vec!["CONNECTION_ID()"]),
            (
                "SET @a = 1, @b = CONNECTION_ID(); DO CONNECTION_ID()",
                vec!["CONNECTION_ID()", "CONNECTION_ID()"],
            ),
        ] {
            assert_eq!(uses(text), expected, "{text}");
        }
        assert_eq!(uses("SET @@pseudo_thread_id = 5").len(), 0);
        let text = "SELECT \"connection_id\"()".as_bytes();
        let ansi = SqlMode { ansi_quotes: true, ..SqlMode::default() };
        assert!(!classify(text, ansi).connection_id.is_empty());
    }

    #[test]
    fn what_only_looks_like_the_connections_id_is_not_touched() {
        for text in [
            "SELECT connection_id, 'CONNECTION_ID()', \"connection_id\"()",
            "SELECT db.connection_id()",
            "SELECT CONNECTION_ID(1)",
            "SELECT @@global.pseudo_thread_id, pseudo_thread_id, @pseudo_thread_id",
            "INSERT INTO connection_id () VALUES ()",
            "REPLACE connection_id() VALUES ()",
            "CREATE TABLE t (id INT DEFAULT CONNECTION_ID())",
            "CREATE OR REPLACE VIEW v AS SELECT CONNECTION_ID()",
            "CREATE DEFINER=a@b PROCEDURE p() BEGIN SELECT CONNECTION_ID(); SELECT CONNECTION_ID(); END",
            "SELECT CONNECTION_ID /*! () */",
            "SELECT 1 -- CONNECTION_ID()",
        ] {
            assert_eq!(uses(text), [""; 0], "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_classified_and_rewritten_without_a_panic(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "SELECT", "CONNECTION_ID", "()", "(", ")", ",", "@@session", ".", "@@pseudo_thread_id", "KILL", "5",
                    ";", "/*!", "*/", "'", "`", "SET STATEMENT", "FOR", "LOAD DATA", "LOCAL", "AS", "x", "FROM", "\\",
                ]),
                0..40,
            ),
            glue in proptest::sample::select(vec!["", " ", "/**/"]),
            noise in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            let text = [words.join(glue).into_bytes(), noise].concat();
            let statement = classify(&text, SqlMode::default());
            let uses = statement.connection_id.iter().count();
            let rewritten = statement.connection_id.replace(&text, SqlMode::default(), 1);
            prop_assert_eq!(uses == 0, rewritten == text);
        }
    }
}
