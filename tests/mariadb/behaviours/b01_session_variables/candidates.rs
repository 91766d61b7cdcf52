//! A value for every session variable that can be set, found by trying at the server.

use crate::support::client::RawClient;
use crate::support::login::Login;
use crate::support::login::ServerError;
use crate::support::server::{PASSWORD, USER, direct};

/// One variable and a value that is not its own.
#[derive(Debug, Clone)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

/// Covered elsewhere, for reading them back is not what tells whether they came along: the id of the connection, which is the
/// proxy's to tell (behaviour 25), seeds and ids that one statement uses up (by their effect, next door).
const ELSEWHERE: [&str; 5] = ["pseudo_thread_id", "rand_seed1", "rand_seed2", "insert_id", "gtid_seq_no"];

/// What a text may be; the first that the server takes and that changes something.
const WORDS: [&str; 13] = [
    "greek",
    "latin1_german2_ci",
    "+03:00",
    "de_DE",
    "2030-01-01 00:00:00",
    "enabled=on",
    "MyISAM",
    "MEMORY",
    "ON",
    "/tmp",
    "sql_mode",
    "mysql/stopwords",
    "1",
];

/// Can be assigned, but nothing else than what they are: these need a Galera provider, and a query cache that is not
/// switched off for the whole server.
const UNCHANGEABLE: [&str; 5] = [
    "wsrep_on",
    "wsrep_trx_fragment_size",
    "wsrep_trx_fragment_unit",
    "wsrep_gtid_seq_no",
    "query_cache_type",
];

/// How the names begin for which a session may keep its connection.
const FLEETING: [&str; 32] = [
    "timestamp",
    "last_insert_id",
    "identity",
    "pseudo_",
    "gtid_",
    "server_id",
    "skip_replication",
    "sql_log_",
    "binlog_",
    "debug",
    "session_track",
    "profiling",
    "wsrep_",
    "autocommit",
    "max_join_size",
    "sql_big_selects",
    "log_queries_not",
    "log_slow_admin",
    "log_slow_slave",
    "log_slow_filter",
    "log_slow_disabled",
    "old",
    "innodb_tmpdir",
    "innodb_ft_user_stopword_table",
    "default_tmp_storage_engine",
    "enforce_storage_engine",
    "character_set_database",
    "collation_database",
    "big_tables",
    "max_tmp_tables",
    "sql_auto_is_null",
    "storage_engine",
];

impl Setting {
    pub fn set(&self) -> String {
        format!("SET SESSION {} = {}", self.name, self.value)
    }

    pub fn reset(&self) -> String {
        // A name without a default goes back to what every session begins with.
        match self.name.as_str() {
            "last_insert_id" | "identity" | "gtid_domain_id" | "server_id" => {
                format!("SET SESSION {0} = @@GLOBAL.{0}", self.name)
                    .replace("@@GLOBAL.last_insert_id", "0")
                    .replace("@@GLOBAL.identity", "0")
            }
            name => format!("SET SESSION {name} = DEFAULT"),
        }
    }

    /// An expression that tells the value; the time is told only as far as it stands still.
    pub fn read(&self) -> String {
        match self.name.as_str() {
            "timestamp" => format!("@@timestamp = {}", self.value),
            name => format!("@@session.{name}"),
        }
    }

    /// Whether it stays what it is set to and changes nothing beside itself. The others belong to one statement, to
    /// replication, to tracking or to debugging, move a second variable, go with the schema or can be NULL: a session may keep
    /// its connection for them.
    pub fn is_steady(&self) -> bool {
        !FLEETING.iter().any(|start| self.name.starts_with(start))
    }

    /// Whether statements of other kinds go on as before.
    pub fn is_harmless(&self) -> bool {
        ![
            "autocommit",
            "timestamp",
            "sql_select_limit",
            "tx_",
            "transaction_",
            "character_set",
            "collation",
            "completion_type",
            "last_insert_id",
            "identity",
        ]
        .iter()
        .any(|start| self.name.starts_with(start))
    }
}

/// The names that SHOW SESSION VARIABLES tells.
pub fn shown() -> Vec<String> {
    let mut client = connection();
    let names = "SELECT GROUP_CONCAT(LOWER(variable_name)) FROM information_schema.SESSION_VARIABLES";
    client.run("SET group_concat_max_len = 1000000");
    client.value(names).split(',').map(str::to_owned).collect()
}

/// Whether the server would take some value for this session: what it says when it would not is always the same.
pub fn can_be_set(name: &str) -> bool {
    // Whatever their scope says, these belong to a replication connection of the server.
    if ["sql_slave_skip_counter", "max_relay_log_size"].contains(&name) {
        return false;
    }
    if ELSEWHERE.contains(&name) || UNCHANGEABLE.contains(&name) {
        return false;
    }
    let mut client = connection();
    let answer = client.query(&format!("SET SESSION {name} = DEFAULT"));
    // 1193: no such variable, 1228 and 1229: global, 1238: cannot be set, 1621: not for a session.
    match ServerError::parse(&answer.last().unwrap().payload) {
        Some(error) => ![1193, 1228, 1229, 1238, 1621].contains(&error.code),
        None => true,
    }
}

/// A setting for each name for which there is one.
pub fn settings() -> Vec<Setting> {
    let mut client = connection();
    client.run("CREATE TABLE IF NOT EXISTS mysql.stopwords (value VARCHAR(20)) ENGINE = InnoDB");
    let names = shown().into_iter().filter(|name| can_be_set(name));
    names.filter_map(|name| setting(&mut client, name)).collect()
}

fn connection() -> RawClient {
    RawClient::connect(&Login::new(direct(), USER, PASSWORD)).unwrap()
}

fn setting(client: &mut RawClient, name: String) -> Option<Setting> {
    let column = |client: &mut RawClient, column: &str| {
        client.value(&format!("SELECT COALESCE({column}, '') FROM information_schema.SYSTEM_VARIABLES WHERE variable_name = '{name}'"))
    };
    let kind = column(client, "VARIABLE_TYPE");
    let list = column(client, "ENUM_VALUE_LIST");
    let (least, most) = (column(client, "NUMERIC_MIN_VALUE"), column(client, "NUMERIC_MAX_VALUE"));
    let quoted = |word: &str| format!("'{word}'");
    let read = format!("SELECT COALESCE(@@session.{name}, 'NULL')");
    let before = client.value(&read);
    let candidates: Vec<String> = match kind.as_str() {
        "BOOLEAN" => vec!["0".to_owned(), "1".to_owned()],
        "ENUM" | "SET" | "FLAGSET" if !list.is_empty() => {
            let off = format!("{}=off", list.split(',').next().unwrap());
            list.split(',').map(quoted).chain([quoted(&off)]).chain(WORDS.map(quoted)).collect()
        }
        _ if name == "max_session_mem_used" => vec!["100000000000".to_owned()],
        "DOUBLE" => vec!["1000.5".to_owned(), least.clone(), most.clone()],
        kind if kind.contains("INT") => numbers(&before, &least, &most),
        _ => WORDS.map(quoted).to_vec(),
    };
    let found = candidates.into_iter().find(|value| {
        let mut trial = connection();
        let answer = trial.query(&format!("SET SESSION {name} = {value}"));
        ServerError::parse(&answer.last().unwrap().payload).is_none() && trial.value(&read) != before
    });
    found.map(|value| Setting { name, value })
}

/// A little beside what it is, then the ends of what it may be.
fn numbers(before: &str, least: &str, most: &str) -> Vec<String> {
    let now: i128 = before.parse().unwrap_or(0);
    let beside = [4096, 1, -4096, -1].map(|step| now + step).map(|number| number.to_string());
    beside.into_iter().chain([most.to_owned(), least.to_owned()]).collect()
}
