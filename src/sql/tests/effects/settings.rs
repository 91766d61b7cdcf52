//! What SET sets, and for how long.

use super::{have, lack};
use crate::sql::effects::Effects;

#[test]
fn set_statement_sets_back_what_it_sets() {
    have(
        Effects::SETS_BACK,
        &["SET STATEMENT a = 1 FOR SELECT 1", "SELECT 1; SET STATEMENT a = (SELECT 1 FOR UPDATE) FOR DO 1"],
    );
    lack(Effects::SETS_BACK, &["SET a = 1", "SELECT 1 FOR UPDATE", "SET STATEMENT a = 1"]);
}

#[test]
fn views_of_the_settings_that_are_the_proxys_are_seen() {
    have(
        Effects::SHOWS_SETTINGS,
        &[
            "SHOW VARIABLES",
            "SHOW SESSION VARIABLES LIKE 'x'",
            "show global variables",
            "SELECT @@session_track_schema",
            "SELECT @@session.session_track_state_change",
            "SELECT @@global.session_track_schema",
            "SELECT * FROM information_schema.SYSTEM_VARIABLES",
            "SELECT * FROM `information_schema`.`session_variables`",
            "SELECT * FROM performance_schema . variables_by_thread",
            "USE performance_schema; SELECT * FROM global_variables",
        ],
    );
    lack(
        Effects::SHOWS_SETTINGS,
        &["SHOW STATUS", "SELECT @@version", "SELECT session_id, variables FROM environment_variables"],
    );
    have(
        Effects::SETS_TRACKING,
        &[
            "SET session_track_schema = ON",
            "SET a = 1, @@session.SESSION_TRACK_system_variables = '*'",
            "SET GLOBAL session_track_schema = OFF",
            "SET STATEMENT session_track_schema = OFF FOR SELECT 1",
        ],
    );
    lack(
        Effects::SETS_TRACKING,
        &["SELECT @@session_track_schema", "SET a = 'session_track_schema'", "SET @session_track_a = 1"],
    );
}

#[test]
fn what_set_sets_beside_session_variables_is_seen() {
    have(Effects::SETS_ROLE, &["SET ROLE r", "SET ROLE NONE"]);
    lack(Effects::SETS_ROLE, &["SET DEFAULT ROLE r", "SET a = role"]);
    have(
        Effects::SETS_TRANSACTION,
        &[
            "SET TRANSACTION READ ONLY",
            "SET SESSION TRANSACTION READ ONLY",
            "SET LOCAL TRANSACTION READ WRITE",
        ],
    );
    lack(Effects::SETS_TRANSACTION, &["START TRANSACTION", "SET tx_isolation = 'SERIALIZABLE'"]);
    have(
        Effects::SETS_GLOBAL,
        &[
            "SET GLOBAL a = 1",
            "SET @@global.a = 1",
            "SET b = 1, GLOBAL a = 1",
            "SET GLOBAL TRANSACTION READ ONLY",
            "SET @@GLOBAL . a = 1",
        ],
    );
    lack(Effects::SETS_GLOBAL, &["SET a = @@global.a", "SET SESSION a = 1", "SET @global = 1"]);
}

#[test]
fn a_set_of_session_variables_from_literals_is_told() {
    have(
        Effects::LITERAL_SET,
        &[
            "SET autocommit=0",
            "SET AUTOCOMMIT = 0;",
            "set session sql_mode = 'TRADITIONAL'",
            "SET NAMES utf8mb4",
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'",
            "SET NAMES binary, autocommit = 1",
            "SET autocommit = ON, NAMES utf8",
            "SET a := -1, b = +1.5, c = 0x41, @@d = 'x', @@session.e = y, @@LOCAL . `f` = 1, `g` = TRUE",
            "SET time_zone = '+00:00', character_set_results = NULL",
            "/* x */ SET /*!40101 autocommit = 0 */",
            "/*!40101 SET NAMES utf8 */",
            "SET LOCAL a = 1, SESSION b = 2",
            "SET SESSION tx_isolation = 'READ-COMMITTED'",
        ],
    );
    lack(
        Effects::LITERAL_SET,
        &[
            "SET a = DEFAULT",
            "SET CHARACTER SET utf8",
            "SET CHARSET 'utf8'",
            "SET CHAR SET utf8",
            "SET sql_log_off = 1",
            "SET NAMES DEFAULT",
            "SET CHARSET DEFAULT",
            "SET NAMES utf8 COLLATE DEFAULT",
            "SET a = 1 + 1",
            "SET a = - -1",
            "SET a = -'1'",
            "SET a = (1)",
            "SET a = CONCAT('x')",
            "SET a = @@b",
            "SET a = @b",
            "SET @a = 1",
            "SET autocommit = 0, @a = 1",
            "SET a = ?",
            "SET a = (SELECT 1)",
            "SET a = 'x' 'y'",
            "SET a = _utf8'x'",
            "SET a = `x`",
            "SET a = b.c",
            "SET a = 1 COLLATE x",
            "SET GLOBAL a = 1",
            "SET GLOBAL a = 1, b = 2",
            "SET @@global.a = 1",
            "SET d.key_buffer_size = 1",
            "SET PASSWORD = 'x'",
            "SET ROLE r",
            "SET TRANSACTION READ ONLY",
            "SET STATEMENT a = 1 FOR SET b = 1",
            "SET a = 1; SET b = 1",
            "SET a",
            "SET",
            "SET a = ",
            "SET a = 1,",
            "SET a = 'x",
            "SELECT 1",
        ],
    );
}

#[test]
fn a_set_of_a_variable_that_no_later_session_may_have_is_no_plain_one() {
    lack(
        Effects::LITERAL_SET,
        &[
            "SET timestamp = 1",
            "SET insert_id = 1",
            "SET LAST_INSERT_ID = 1",
            "SET identity = 1",
            "SET rand_seed1 = 1",
            "SET pseudo_thread_id = 1",
            "SET @@session.sql_log_bin = 0",
            "SET gtid_domain_id = 1",
            "SET server_id = 1",
            "SET skip_replication = 1",
            "SET binlog_format = ROW",
            "SET debug_dbug = 'x'",
            "SET session_track_schema = ON",
            "SET profiling = 1",
            "SET wsrep_on = 0",
        ],
    );
}
