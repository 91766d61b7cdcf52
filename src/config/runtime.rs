//! `[runtime]`.

use crate::config::key::{Key, KeyDoc};
use crate::config::model::Runtime;
use crate::config::section::{Section, assemble};

const WORKER_THREADS: Key<u32> =
    Key::optional("runtime.worker_threads", "one for each core that the process may use", "Threads that serve connections. The default counts CPU affinity and the CPU limit of a container (cgroup).")
        .accepting("whole number from 1 to 1024", |count| (1..=1024).contains(count));

pub(super) const KEYS: &[KeyDoc] = &[WORKER_THREADS.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Runtime> {
    assemble!(Runtime { worker_threads: section.optional(&WORKER_THREADS) })
}
