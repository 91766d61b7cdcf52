//! What connections of an account have taught: with it a session can begin, and answer some statements, without one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backend::control::Row;
use crate::session::baseline::UNSHOWN;
use crate::session::learned::{Learned, Outcome};
use crate::session::{Baseline, SessionState, Variables};

/// The query that tells which character sets a login with a collation id gives.
pub const COLLATIONS: &str = "SELECT ID, CHARACTER_SET_NAME, FULL_COLLATION_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY \
     WHERE ID IS NOT NULL";

/// The query that tells what a login with an unknown collation id gives.
pub const DEFAULT_CHARACTER_SETS: &str =
    "SELECT 0, @@global.character_set_client, @@global.collation_connection";

/// How long the server's word holds that an account may use a schema: a later login with it asks again.
const SCHEMA_HOLDS: Duration = Duration::from_secs(30);

/// Most schemas remembered for an account.
const MOST_SCHEMAS: usize = 1024;

/// Most baselines remembered for an account; each `SET GLOBAL` makes one.
const MOST_BASELINES: usize = 8;

/// Character sets that clients cannot have.
const NOT_FOR_CLIENTS: [&[u8]; 5] = [b"ucs2", b"utf16", b"utf16le", b"utf32", b"filename"];

/// What is known of an account's sessions on a backend.
#[derive(Debug, Default)]
pub struct Knowledge {
    generation: u64,
    row: u64,
    baselines: Vec<(Arc<Baseline>, Learned)>,
    role: Option<Option<Arc<[u8]>>>,
    collations: Option<HashMap<u16, CharacterSet>>,
    schemas: HashMap<Vec<u8>, Instant>,
}

/// A character set and one of its collations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterSet {
    name: Vec<u8>,
    collation: Vec<u8>,
}

/// Why a session cannot have the character set that it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotForClients(pub Vec<u8>);

impl Knowledge {
    /// Under another generation of the configuration, passwords and servers may be others: nothing is known.
    pub fn enter(&mut self, generation: u64) {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
    }

    /// The account has changed on the server: its role and its rights may be others.
    pub fn enter_row(&mut self, row: u64) {
        if std::mem::replace(&mut self.row, row) != row {
            self.forget_role();
            self.forget_schemas();
        }
    }

    /// Whether this is what was learned under that generation.
    pub fn is_of(&self, generation: u64) -> bool {
        self.generation == generation
    }

    /// The role that a login activates, if that is known.
    pub fn role(&self) -> Option<Option<Arc<[u8]>>> {
        self.role.clone()
    }

    /// Accounts or roles were changed.
    pub fn forget_role(&mut self) {
        self.role = None;
    }

    /// A login activates this role.
    pub fn observe_role(&mut self, role: Option<Arc<[u8]>>) {
        self.role = Some(role);
    }

    /// The baseline of the connection opened last.
    pub fn baseline(&self) -> Option<&Arc<Baseline>> {
        self.baselines.last().map(|(baseline, _)| baseline)
    }

    /// All that are remembered.
    pub fn baselines(&self) -> Vec<Arc<Baseline>> {
        self.baselines.iter().map(|(baseline, _)| Arc::clone(baseline)).collect()
    }

    /// A connection was opened, and this is how sessions begin now. Returns the one that stands for all equal ones: connections
    /// that are opened at the same time do not know of each other.
    pub fn observe_baseline(&mut self, baseline: &Arc<Baseline>) -> Arc<Baseline> {
        let known = self.baselines.iter().position(|(known, _)| known == baseline);
        let entry = known.map(|at| self.baselines.remove(at));
        if self.baselines.len() >= MOST_BASELINES {
            self.baselines.remove(0);
        }
        let entry = entry.unwrap_or_else(|| (Arc::clone(baseline), Learned::default()));
        let one = Arc::clone(&entry.0);
        self.baselines.push(entry);
        one
    }

    /// Whether the collations of this server are known.
    pub fn knows_collations(&self) -> bool {
        self.collations.is_some()
    }

    /// The answers to [`COLLATIONS`] and [`DEFAULT_CHARACTER_SETS`].
    pub fn observe_collations(&mut self, rows: &[Row]) {
        let entry = |row: &Row| {
            let [Some(id), Some(name), Some(collation)] = row.as_slice() else { return None };
            let id = std::str::from_utf8(id).ok()?.parse().ok()?;
            Some((id, CharacterSet { name: name.clone(), collation: collation.clone() }))
        };
        self.collations = Some(rows.iter().filter_map(entry).collect());
    }

    /// The variables of a session that logs in with this collation id.
    ///
    /// # Errors
    /// [`NotForClients`]: the server would refuse it.
    pub fn variables(&self, collation: u16, baseline: &Baseline) -> Result<Variables, NotForClients> {
        let mut variables = Variables::default();
        let collations = self.collations.as_ref();
        let known = |id| collations.and_then(|collations| collations.get(&id));
        let Some(set) = known(collation).or_else(|| known(0)) else { return Ok(variables) };
        if NOT_FOR_CLIENTS.contains(&set.name.as_slice()) {
            return Err(NotForClients(set.name.clone()));
        }
        for name in ["character_set_client", "character_set_connection", "character_set_results"] {
            variables.assign(name, &set.name, baseline);
        }
        variables.assign("collation_connection", &set.collation, baseline);
        for (unshown, _) in UNSHOWN {
            variables.assign(unshown, &set.collation, baseline);
        }
        Ok(variables)
    }

    /// Whether the server has lately let this account use this schema.
    pub fn allows_schema(&self, schema: &[u8]) -> bool {
        self.schemas.get(schema).is_some_and(|since| since.elapsed() < SCHEMA_HOLDS)
    }

    /// The server let the account use this schema.
    pub fn observe_schema(&mut self, schema: &[u8]) {
        if self.schemas.len() >= MOST_SCHEMAS {
            self.schemas.clear();
        }
        self.schemas.insert(schema.to_vec(), Instant::now());
    }

    /// The server has refused a schema, or one was dropped: all are asked for again.
    pub fn forget_schemas(&mut self) {
        self.schemas.clear();
    }

    /// What the server would say to this command in this state.
    pub fn outcome(
        &self,
        baseline: &Arc<Baseline>,
        state: &SessionState,
        command: &[u8],
    ) -> Option<Arc<Outcome>> {
        let known = self.baselines.iter().find(|(known, _)| Arc::ptr_eq(known, baseline));
        known.and_then(|(_, learned)| learned.outcome(state, command))
    }

    /// The server said this.
    pub fn learn(
        &mut self,
        baseline: &Arc<Baseline>,
        before: &SessionState,
        command: &[u8],
        after: &SessionState,
        ok: &[u8],
    ) {
        if let Some((_, learned)) = self.baselines.iter_mut().find(|(known, _)| Arc::ptr_eq(known, baseline))
        {
            learned.learn(before, command, after, ok);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, name: &str, collation: &str) -> Row {
        [id, name, collation].map(|text| Some(text.as_bytes().to_vec())).to_vec()
    }

    fn knowledge() -> Knowledge {
        let mut knowledge = Knowledge::default();
        knowledge.observe_collations(&[
            row("8", "latin1", "latin1_swedish_ci"),
            row("54", "utf16", "utf16_general_ci"),
            row("0", "greek", "greek_general_ci"),
        ]);
        knowledge
    }

    #[test]
    fn a_collation_gives_four_variables_and_an_unknown_one_the_servers_defaults() {
        let (knowledge, baseline) = (knowledge(), Baseline::default());
        let latin = knowledge.variables(8, &baseline).unwrap();
        assert_eq!(latin.changed("character_set_results"), Some(&b"latin1"[..]));
        assert_eq!(latin.changed("collation_connection"), Some(&b"latin1_swedish_ci"[..]));
        let unknown = knowledge.variables(999, &baseline).unwrap();
        assert_eq!(unknown.changed("character_set_client"), Some(&b"greek"[..]));
        assert_eq!(knowledge.variables(54, &baseline), Err(NotForClients(b"utf16".to_vec())));
    }

    #[test]
    fn another_generation_begins_without_knowledge() {
        let mut knowledge = knowledge();
        knowledge.observe_schema(b"nova");
        knowledge.observe_baseline(&Arc::default());
        knowledge.enter(0);
        assert!(knowledge.allows_schema(b"nova") && knowledge.baseline().is_some());
        knowledge.enter(1);
        assert!(!knowledge.allows_schema(b"nova") && knowledge.baseline().is_none());
        assert!(!knowledge.knows_collations());
    }

    #[test]
    fn equal_baselines_are_one() {
        let mut knowledge = Knowledge::default();
        let one = knowledge.observe_baseline(&Arc::default());
        let other = knowledge.observe_baseline(&Arc::default());
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(knowledge.baselines().len(), 1);
    }

    #[test]
    fn what_was_learned_stays_with_its_baseline() {
        let mut knowledge = Knowledge::default();
        let row = ["TIME_ZONE", "SYSTEM", "VARCHAR"].map(|text| Some(text.as_bytes().to_vec())).to_vec();
        let (one, other) = (Arc::new(Baseline::default()), Arc::new(Baseline::new(&[row])));
        knowledge.observe_baseline(&one);
        let state = SessionState::default();
        knowledge.learn(&one, &state, b"\x03COMMIT", &state, b"ok");
        knowledge.observe_baseline(&other);
        assert!(knowledge.outcome(&one, &state, b"\x03COMMIT").is_some());
        assert!(knowledge.outcome(&other, &state, b"\x03COMMIT").is_none());
        knowledge.observe_baseline(&one);
        assert!(Arc::ptr_eq(knowledge.baseline().unwrap(), &one));
        assert!(knowledge.outcome(&one, &state, b"\x03COMMIT").is_some());
    }
}
