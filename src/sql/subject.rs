//! The names of what a statement creates, drops, takes, releases or sets.

/// What a single statement names, where its effect is on something with a name:
///
/// - CREATE TEMPORARY TABLE or SEQUENCE, DROP TABLE or SEQUENCE: the tables, `schema.table` where written so;
/// - PREPARE, DEALLOCATE PREPARE: the statement;
/// - HANDLER … OPEN, HANDLER … CLOSE: the alias, or the table's name without its schema;
/// - GET_LOCK, RELEASE_LOCK: the locks;
/// - SET: the variables that are assigned, without scope; NAMES is `names`, CHARACTER SET is `character set`.
///
/// Names are without quotes and in lower case as far as ASCII goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// Nothing of that sort.
    #[default]
    None,
    /// Every name, in order.
    Names(Vec<String>),
    /// There are names which the text does not tell: several statements, an expression, a name that is not UTF-8.
    Unknown,
}

impl Subject {
    /// The names, if they are known; empty for [`None`](Self::None).
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Self::None => Some(&[]),
            Self::Names(names) => Some(names),
            Self::Unknown => None,
        }
    }
}
