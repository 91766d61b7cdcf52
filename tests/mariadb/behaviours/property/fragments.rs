//! Pieces of scripts: each begins with nothing open and ends with nothing open, but for what a session carries with it –
//! variables, schema, prepared statements, at times user variables until it resets itself.

mod binary;
mod data;
mod pins;
mod state;

use super::script::Step;
use crate::support::chance::Chance;

/// Makes a few steps for the session whose schema is named.
pub type Fragment = fn(&mut Chance, &str) -> Vec<Step>;

pub const FRAGMENTS: &[Fragment] = &[
    state::variables,
    state::variables,
    state::character_set,
    state::schema,
    data::writes,
    data::writes,
    data::counts,
    data::transaction,
    data::transaction,
    data::one_shot,
    data::without_autocommit,
    pins::diagnostics,
    state::user_variables,
    pins::temporary_table,
    pins::user_lock,
    pins::table_lock,
    pins::handler,
    data::xa,
    data::sequence,
    pins::sql_prepared,
    binary::prepare,
    binary::execute,
    binary::execute,
    binary::execute,
    binary::long_data,
    binary::cursor,
    data::several,
    state::commands,
    state::set_statement,
    data::load,
    pins::errors,
    data::alteration,
    state::reset,
];

/// Most of what a session can carry.
const STATE: &str = "SELECT @@sql_mode, @@time_zone, @@group_concat_max_len, @@character_set_client, @@collation_connection, \
     @@tx_isolation, @@autocommit, @@sql_select_limit, @@div_precision_increment, DATABASE(), LAST_INSERT_ID(), @a, @b";

/// In either protocol.
fn say(chance: &mut Chance, sql: &str) -> Step {
    if chance.percent(40) { Step::Binary(sql.to_owned()) } else { Step::Text(sql.to_owned()) }
}

fn all(chance: &mut Chance, statements: &[&str]) -> Vec<Step> {
    statements.iter().map(|sql| say(chance, sql)).collect()
}

fn some(chance: &mut Chance, times: usize, choices: &[&str]) -> Vec<Step> {
    (0..=chance.below(times))
        .map(|_| {
            let sql = *chance.one_of(choices);
            say(chance, sql)
        })
        .collect()
}
