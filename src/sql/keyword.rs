//! The words that classification knows; every other word is just a name.

use super::index::Index;

/// A known word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    JsonTable,
    Alter,
    Analyze,
    As,
    Backup,
    Begin,
    /// The first word, beside `BEGIN` and `CASE`, of a compound statement: `LOOP`, `WHILE`, ….
    Block,
    CalcFoundRows,
    Call,
    Case,
    Char,
    Character,
    Charset,
    Close,
    Collate,
    Commit,
    Concurrent,
    Connection,
    ConnectionId,
    Count,
    Create,
    Data,
    Deallocate,
    Default,
    /// The first word, beside `CREATE` and the like, of a statement that commits implicitly: `GRANT`, `OPTIMIZE`, ….
    Defining,
    Delete,
    /// `DESCRIBE` and `DESC`.
    Describe,
    Do,
    Drop,
    End,
    /// A word that ends a select list: `FROM`, `UNION` and the like, all reserved.
    EndOfList,
    Errors,
    Execute,
    Exists,
    Explain,
    Flush,
    For,
    Get,
    Global,
    Grants,
    Handler,
    Hard,
    Id,
    If,
    Index,
    Insert,
    /// `IGNORE` and `DELAYED`, after which `INSERT` may name its table.
    InsertOption,
    Into,
    Kill,
    /// `NULL`, `TRUE`, `FALSE`: reserved words that are values.
    Literal,
    Load,
    Local,
    Lock,
    LowPriority,
    Names,
    Next,
    NoWriteToBinlog,
    Open,
    /// A reserved word that is an operator and is followed by an operand.
    Operator,
    Password,
    /// Something that is defined by `CREATE` or `ALTER` and holds no statements: `VIEW`, `ROLE`, ….
    Plain,
    /// The first word of a statement that has no effects which matter: `HELP`, `PURGE`, ….
    Plainly,
    Prepare,
    Procedure,
    Query,
    Release,
    Replace,
    Returning,
    Rename,
    Role,
    Rollback,
    Savepoint,
    Select,
    /// What may stand between `SELECT` and its first item.
    SelectOption,
    Sequence,
    Session,
    Set,
    Show,
    Soft,
    Stage,
    Start,
    Statement,
    /// Something beside `PROCEDURE` whose definition holds statements: `FUNCTION`, `TRIGGER`, `EVENT`, `PACKAGE`.
    Stored,
    Table,
    Tables,
    Temporary,
    Transaction,
    Unlock,
    Update,
    Use,
    User,
    Value,
    Values,
    Variables,
    Warnings,
    With,
    Work,
    Xa,
    Xml,
}

/// Every known word, sorted.
const WORDS: [(&str, Keyword); 157] = [
    ("all", Keyword::SelectOption),
    ("alter", Keyword::Alter),
    ("analyze", Keyword::Analyze),
    ("and", Keyword::Operator),
    ("as", Keyword::As),
    ("backup", Keyword::Backup),
    ("begin", Keyword::Begin),
    ("between", Keyword::Operator),
    ("cache", Keyword::Defining),
    ("call", Keyword::Call),
    ("case", Keyword::Case),
    ("change", Keyword::Plainly),
    ("char", Keyword::Char),
    ("character", Keyword::Character),
    ("charset", Keyword::Charset),
    ("check", Keyword::Defining),
    ("checksum", Keyword::Plainly),
    ("close", Keyword::Close),
    ("collate", Keyword::Collate),
    ("commit", Keyword::Commit),
    ("concurrent", Keyword::Concurrent),
    ("connection", Keyword::Connection),
    ("connection_id", Keyword::ConnectionId),
    ("count", Keyword::Count),
    ("create", Keyword::Create),
    ("data", Keyword::Data),
    ("database", Keyword::Plain),
    ("deallocate", Keyword::Deallocate),
    ("declare", Keyword::Block),
    ("default", Keyword::Default),
    ("delayed", Keyword::InsertOption),
    ("delete", Keyword::Delete),
    ("desc", Keyword::Describe),
    ("describe", Keyword::Describe),
    ("distinct", Keyword::SelectOption),
    ("distinctrow", Keyword::SelectOption),
    ("div", Keyword::Operator),
    ("do", Keyword::Do),
    ("drop", Keyword::Drop),
    ("end", Keyword::End),
    ("errors", Keyword::Errors),
    ("event", Keyword::Stored),
    ("except", Keyword::EndOfList),
    ("execute", Keyword::Execute),
    ("exists", Keyword::Exists),
    ("explain", Keyword::Explain),
    ("false", Keyword::Literal),
    ("fetch", Keyword::EndOfList),
    ("flush", Keyword::Flush),
    ("for", Keyword::For),
    ("from", Keyword::EndOfList),
    ("function", Keyword::Stored),
    ("get", Keyword::Get),
    ("global", Keyword::Global),
    ("grant", Keyword::Defining),
    ("grants", Keyword::Grants),
    ("group", Keyword::EndOfList),
    ("handler", Keyword::Handler),
    ("hard", Keyword::Hard),
    ("having", Keyword::EndOfList),
    ("help", Keyword::Plainly),
    ("high_priority", Keyword::SelectOption),
    ("id", Keyword::Id),
    ("if", Keyword::If),
    ("ignore", Keyword::InsertOption),
    ("in", Keyword::Operator),
    ("index", Keyword::Index),
    ("insert", Keyword::Insert),
    ("install", Keyword::Defining),
    ("intersect", Keyword::EndOfList),
    ("into", Keyword::Into),
    ("is", Keyword::Operator),
    ("json_table", Keyword::JsonTable),
    ("kill", Keyword::Kill),
    ("like", Keyword::Operator),
    ("limit", Keyword::EndOfList),
    ("load", Keyword::Load),
    ("local", Keyword::Local),
    ("lock", Keyword::Lock),
    ("loop", Keyword::Block),
    ("low_priority", Keyword::LowPriority),
    ("mod", Keyword::Operator),
    ("names", Keyword::Names),
    ("next", Keyword::Next),
    ("no_write_to_binlog", Keyword::NoWriteToBinlog),
    ("not", Keyword::Operator),
    ("null", Keyword::Literal),
    ("open", Keyword::Open),
    ("optimize", Keyword::Defining),
    ("or", Keyword::Operator),
    ("order", Keyword::EndOfList),
    ("package", Keyword::Stored),
    ("password", Keyword::Password),
    ("prepare", Keyword::Prepare),
    ("procedure", Keyword::Procedure),
    ("purge", Keyword::Plainly),
    ("query", Keyword::Query),
    ("regexp", Keyword::Operator),
    ("release", Keyword::Release),
    ("rename", Keyword::Rename),
    ("repair", Keyword::Defining),
    ("repeat", Keyword::Block),
    ("replace", Keyword::Replace),
    ("reset", Keyword::Plainly),
    ("resignal", Keyword::Plainly),
    ("returning", Keyword::Returning),
    ("revoke", Keyword::Defining),
    ("rlike", Keyword::Operator),
    ("role", Keyword::Role),
    ("rollback", Keyword::Rollback),
    ("savepoint", Keyword::Savepoint),
    ("schema", Keyword::Plain),
    ("select", Keyword::Select),
    ("sequence", Keyword::Sequence),
    ("server", Keyword::Plain),
    ("session", Keyword::Session),
    ("set", Keyword::Set),
    ("show", Keyword::Show),
    ("shutdown", Keyword::Plainly),
    ("signal", Keyword::Plainly),
    ("soft", Keyword::Soft),
    ("sql_big_result", Keyword::SelectOption),
    ("sql_buffer_result", Keyword::SelectOption),
    ("sql_cache", Keyword::SelectOption),
    ("sql_calc_found_rows", Keyword::CalcFoundRows),
    ("sql_no_cache", Keyword::SelectOption),
    ("sql_small_result", Keyword::SelectOption),
    ("stage", Keyword::Stage),
    ("start", Keyword::Start),
    ("statement", Keyword::Statement),
    ("stop", Keyword::Plainly),
    ("straight_join", Keyword::SelectOption),
    ("table", Keyword::Table),
    ("tables", Keyword::Tables),
    ("temporary", Keyword::Temporary),
    ("transaction", Keyword::Transaction),
    ("trigger", Keyword::Stored),
    ("true", Keyword::Literal),
    ("truncate", Keyword::Defining),
    ("uninstall", Keyword::Defining),
    ("union", Keyword::EndOfList),
    ("unlock", Keyword::Unlock),
    ("update", Keyword::Update),
    ("use", Keyword::Use),
    ("user", Keyword::User),
    ("value", Keyword::Value),
    ("values", Keyword::Values),
    ("variables", Keyword::Variables),
    ("view", Keyword::Plain),
    ("warnings", Keyword::Warnings),
    ("where", Keyword::EndOfList),
    ("while", Keyword::Block),
    ("with", Keyword::With),
    ("work", Keyword::Work),
    ("xa", Keyword::Xa),
    ("xml", Keyword::Xml),
    ("xor", Keyword::Operator),
];

const SPELLINGS: [&str; WORDS.len()] = {
    let mut spellings = [""; WORDS.len()];
    let mut word = 0;
    while word < WORDS.len() {
        spellings[word] = WORDS[word].0;
        word += 1;
    }
    spellings
};

static INDEX: Index<{ WORDS.len() }, 512> = Index::of(SPELLINGS);

impl Keyword {
    /// The keyword that `word` spells, in any case.
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        INDEX.find(word).and_then(|number| WORDS.get(number)).map(|(_, keyword)| *keyword)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_in_any_case() {
        assert!(WORDS.is_sorted_by(|(one, _), (next, _)| one < next));
        for (word, keyword) in WORDS {
            assert_eq!(Keyword::of(word.as_bytes()), Some(keyword), "{word}");
            assert_eq!(Keyword::of(word.to_ascii_uppercase().as_bytes()), Some(keyword), "{word}");
        }
    }

    #[test]
    fn other_words_are_not_known() {
        for word in ["", "selects", "selec", "_select", "zzz", "@", "\u{e9}", "{"] {
            assert_eq!(Keyword::of(word.as_bytes()), None, "{word}");
        }
    }
}
