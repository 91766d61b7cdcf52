//! `[reload]`: what makes the proxy read its files again beside SIGHUP and `sealock reload`.

use std::time::Duration;

use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Reload, Watch};
use crate::config::section::{Section, assemble};

const WATCH: Key<Watch> = Key::with_default(
    "reload.watch",
    "\"files\"",
    "Which changed files reload by themselves: certificates, keys, CAs, revocation lists and secrets (`files`), the configuration file too \
     (`all`, as for a mounted ConfigMap), or none (`off`). With `files` the configuration stays as it was last loaded.",
);

const INTERVAL: Key<Duration> = Key::with_default(
    "reload.interval",
    "\"30s\"",
    "How often the files are compared where the system reports no change, as on network file systems.",
)
.accepting("duration from \"1s\" to \"1h\"", |time| {
    (Duration::from_secs(1)..=Duration::from_secs(3600)).contains(time)
});

const SETTLE: Key<Duration> = Key::with_default(
    "reload.settle",
    "\"500ms\"",
    "How long the files have to stay as they are before they are read: a certificate and its key are not replaced at once.",
)
.accepting("duration from \"10ms\" to \"1m\"", |time| {
    (Duration::from_millis(10)..=Duration::from_secs(60)).contains(time)
});

pub(super) const KEYS: &[KeyDoc] = &[WATCH.doc(), INTERVAL.doc(), SETTLE.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Reload> {
    assemble!(Reload {
        watch: section.value(&WATCH),
        interval: section.value(&INTERVAL),
        settle: section.value(&SETTLE),
    })
}
