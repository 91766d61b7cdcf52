//! `sealock status --accounts`: which accounts there are, and how their clients are authenticated.

use std::io::{self, Write};

use crate::admin::accounts::{AccountRow, Accounts};
use crate::cli::table::Align::Left;
use crate::cli::table::{Table, printable};

/// Where they are asked for.
pub(super) const TARGET: &str = "/api/v1/accounts";

/// Writes them for people; only those of this user if one is given.
pub(super) fn print(accounts: &Accounts, user: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[
        ("ACCOUNT", Left),
        ("BACKEND", Left),
        ("RUNG", Left),
        ("MODE", Left),
        ("DEMANDS", Left),
        ("WHY", Left),
    ]);
    let asked = |row: &&AccountRow| user.is_none_or(|user| user == row.user);
    accounts.accounts.iter().filter(asked).for_each(|row| table.push(cells(row)));
    write!(out, "{table}")?;
    for unread in &accounts.unread {
        let (backend, reason) = (printable(&unread.backend), printable(&unread.reason));
        writeln!(out, "backend {backend}: every other login is relayed: {reason}")?;
    }
    Ok(())
}

fn cells(row: &AccountRow) -> [String; 6] {
    let host = row.host.as_ref().map(|host| format!("@{host}")).unwrap_or_default();
    [
        format!("{}{host}", row.user),
        row.backend.clone().unwrap_or_else(|| "all".to_owned()),
        row.rung.clone(),
        if row.multiplexes { "multiplex" } else { "session" }.to_owned(),
        row.demands.clone().unwrap_or_default(),
        row.explanation.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::accounts::Unread;

    #[test]
    fn each_account_is_a_line_with_its_rung_and_why() {
        let row = AccountRow {
            user: "nova".to_owned(),
            host: Some("10.0.%".to_owned()),
            backend: Some("db1".to_owned()),
            rung: "relay".to_owned(),
            multiplexes: false,
            reason: Some("locked".to_owned()),
            explanation: "it is locked".to_owned(),
            plugins: Vec::new(),
            demands: Some("SSL".to_owned()),
        };
        let other = AccountRow { user: "glance".to_owned(), ..row.clone() };
        let unread = vec![Unread { backend: "db2".to_owned(), reason: "away".to_owned() }];
        let accounts = Accounts { accounts: vec![row, other], unread };
        let mut out = Vec::new();
        print(&accounts, Some("nova"), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("nova@10.0.%  db1      relay  session  SSL      it is locked"), "{text}");
        assert!(!text.contains("glance"), "{text}");
        assert!(text.ends_with("backend db2: every other login is relayed: away\n"), "{text}");
    }
}
