//! Ways to hurt a connection from the server's side.

use crate::support::client::RawClient;
use crate::support::eventually;

/// The server's id of the connection of this account that runs a statement with this text in it.
pub fn running(root: &mut RawClient, account: &str, text: &str) -> Option<u32> {
    let find = format!(
        "SELECT COALESCE(MAX(id), 0) FROM information_schema.processlist \
         WHERE user = '{account}' AND info LIKE '%{text}%' AND command <> 'Killed'"
    );
    root.value(&find).parse().ok().filter(|&id| id > 0)
}

/// Waits for such a statement and kills its connection.
pub fn kill_running(root: &mut RawClient, account: &str, text: &str) {
    let mut id = None;
    eventually("the statement runs", || {
        id = running(root, account, text);
        id.is_some()
    });
    root.query(&format!("KILL HARD CONNECTION {}", id.unwrap()));
}

/// Kills every connection of this account, and waits until none of them is left.
pub fn kill_all(root: &mut RawClient, account: &str) {
    let find = format!(
        "SELECT COALESCE(GROUP_CONCAT(id), '') FROM information_schema.processlist WHERE user = '{account}'"
    );
    let ids = root.value(&find);
    for id in ids.split(',').filter(|id| !id.is_empty()) {
        root.query(&format!("KILL HARD CONNECTION {id}"));
    }
    let left = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE id IN (0{ids})",
        ids = if ids.is_empty() { String::new() } else { format!(",{ids}") }
    );
    eventually("they are gone", || root.value(&left) == "0");
}
