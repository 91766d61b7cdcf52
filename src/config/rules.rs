//! Rules between sections. They look at the document itself, so that they hold beside other problems too.

use std::collections::HashMap;

use crate::config::auth;
use crate::config::section::Section;

/// Checks that there is something to run and that nothing is there twice.
pub(super) fn check(root: &Section<'_>) {
    for name in ["listener", "backend"] {
        if root.tables(name).is_empty() {
            root.document().miss(name, &format!("at least one [[{name}]]"));
        }
    }
    refuse_repeated(root, "account", "user", "a user name that no other account has");
    refuse_repeated(root, "backend", "name", "a name that no other backend has");
    refuse_repeated_addresses(root);
    refuse_several_groups(root);
    refuse_locked_doors(root);
}

fn refuse_repeated(root: &Section<'_>, sections: &str, key: &str, accepted: &str) {
    let texts = root.tables(sections).into_iter().flatten().flat_map(|section| section.texts(key));
    refuse_duplicates(root, texts, accepted);
}

/// No two listeners, nor the admin endpoint, can have one address. Port 0 is another port each time.
fn refuse_repeated_addresses(root: &Section<'_>) {
    let listeners = root.tables("listener").into_iter().flatten().flat_map(|section| section.texts("bind"));
    let admin = root.table("admin").into_iter().flat_map(|section| section.texts("http"));
    let fixed = listeners.chain(admin).filter(|(_, text)| !text.ends_with(":0"));
    refuse_duplicates(root, fixed, "an address that nothing else listens on");
}

fn refuse_duplicates(root: &Section<'_>, texts: impl Iterator<Item = (String, String)>, accepted: &str) {
    let mut first: HashMap<String, String> = HashMap::new();
    for (path, text) in texts {
        match first.get(&text) {
            None => drop(first.insert(text, path)),
            Some(other) => {
                let line =
                    root.document().line(other).map_or(String::new(), |line| format!(" (line {line})"));
                root.document().refuse(&path, format!("{text:?} again, as in {other}{line}"), accepted, None);
            }
        }
    }
}

/// Nothing routes between groups, so a server in another one would never, or wrongly, be used.
fn refuse_several_groups(root: &Section<'_>) {
    let mut first: Option<(String, String)> = None;
    for section in root.tables("backend").into_iter().flatten() {
        let named = section.texts("group").into_iter().next();
        let (path, group) = named.unwrap_or_else(|| ("backend[0].group".to_owned(), "main".to_owned()));
        match &first {
            Some((_, other)) if *other != group => {
                let found = format!("{group:?} beside {other:?}");
                root.document().refuse(
                    &path,
                    found,
                    "one group for all backends: nothing routes between groups yet",
                    None,
                );
            }
            Some(_) => {}
            None => first = Some((path, group)),
        }
    }
}

/// Without relay and without accounts nobody could ever log in.
fn refuse_locked_doors(root: &Section<'_>) {
    let Some(section) = root.table("auth") else { return };
    if root.tables("account").is_empty() && section.truth(&auth::RELAY) == Some(false) {
        let _: Option<()> = section.refuse(
            &auth::RELAY,
            "false without any [[account]]",
            "true, or at least one [[account]]",
        );
    }
}
