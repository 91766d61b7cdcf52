//! The words that classification knows; every other word is just a name.

/// A known word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Alter,
    As,
    Call,
    Concurrent,
    Connection,
    ConnectionId,
    Create,
    Data,
    /// A word that ends a select list: `FROM`, `INTO`, `UNION` and the like, all reserved.
    EndOfList,
    Exists,
    For,
    Hard,
    Id,
    /// `IGNORE` and `DELAYED`, after which `INSERT` may name its table.
    InsertOption,
    Insert,
    Into,
    Kill,
    Load,
    Local,
    LowPriority,
    /// `NULL`, `TRUE`, `FALSE`: reserved words that are values.
    Literal,
    /// A reserved word that is an operator and is followed by an operand.
    Operator,
    /// Something that is defined by `CREATE` or `ALTER` and holds no statements: `VIEW`, `USER`, ….
    Plain,
    Procedure,
    Query,
    Replace,
    Returning,
    Select,
    /// What may stand between `SELECT` and its first item.
    SelectOption,
    Set,
    Soft,
    Statement,
    /// Something beside `PROCEDURE` whose definition holds statements: `FUNCTION`, `TRIGGER`, `EVENT`, `PACKAGE`.
    Stored,
    Table,
    User,
    Xml,
}

/// Every known word, sorted.
const WORDS: [(&str, Keyword); 80] = [
    ("all", Keyword::SelectOption),
    ("alter", Keyword::Alter),
    ("and", Keyword::Operator),
    ("as", Keyword::As),
    ("between", Keyword::Operator),
    ("call", Keyword::Call),
    ("collate", Keyword::Operator),
    ("concurrent", Keyword::Concurrent),
    ("connection", Keyword::Connection),
    ("connection_id", Keyword::ConnectionId),
    ("create", Keyword::Create),
    ("data", Keyword::Data),
    ("database", Keyword::Plain),
    ("delayed", Keyword::InsertOption),
    ("distinct", Keyword::SelectOption),
    ("distinctrow", Keyword::SelectOption),
    ("div", Keyword::Operator),
    ("event", Keyword::Stored),
    ("except", Keyword::EndOfList),
    ("exists", Keyword::Exists),
    ("false", Keyword::Literal),
    ("fetch", Keyword::EndOfList),
    ("for", Keyword::For),
    ("from", Keyword::EndOfList),
    ("function", Keyword::Stored),
    ("group", Keyword::EndOfList),
    ("hard", Keyword::Hard),
    ("having", Keyword::EndOfList),
    ("high_priority", Keyword::SelectOption),
    ("id", Keyword::Id),
    ("ignore", Keyword::InsertOption),
    ("in", Keyword::Operator),
    ("index", Keyword::Plain),
    ("insert", Keyword::Insert),
    ("intersect", Keyword::EndOfList),
    ("into", Keyword::Into),
    ("is", Keyword::Operator),
    ("kill", Keyword::Kill),
    ("like", Keyword::Operator),
    ("limit", Keyword::EndOfList),
    ("load", Keyword::Load),
    ("local", Keyword::Local),
    ("lock", Keyword::EndOfList),
    ("low_priority", Keyword::LowPriority),
    ("mod", Keyword::Operator),
    ("not", Keyword::Operator),
    ("null", Keyword::Literal),
    ("or", Keyword::Operator),
    ("order", Keyword::EndOfList),
    ("package", Keyword::Stored),
    ("procedure", Keyword::Procedure),
    ("query", Keyword::Query),
    ("regexp", Keyword::Operator),
    ("replace", Keyword::Replace),
    ("returning", Keyword::Returning),
    ("rlike", Keyword::Operator),
    ("role", Keyword::Plain),
    ("schema", Keyword::Plain),
    ("select", Keyword::Select),
    ("sequence", Keyword::Plain),
    ("server", Keyword::Plain),
    ("set", Keyword::Set),
    ("soft", Keyword::Soft),
    ("sql_big_result", Keyword::SelectOption),
    ("sql_buffer_result", Keyword::SelectOption),
    ("sql_cache", Keyword::SelectOption),
    ("sql_calc_found_rows", Keyword::SelectOption),
    ("sql_no_cache", Keyword::SelectOption),
    ("sql_small_result", Keyword::SelectOption),
    ("statement", Keyword::Statement),
    ("straight_join", Keyword::SelectOption),
    ("table", Keyword::Table),
    ("trigger", Keyword::Stored),
    ("true", Keyword::Literal),
    ("union", Keyword::EndOfList),
    ("user", Keyword::User),
    ("view", Keyword::Plain),
    ("where", Keyword::EndOfList),
    ("xml", Keyword::Xml),
    ("xor", Keyword::Operator),
];

/// For each letter where its words start in [`WORDS`], and where the last letter's end.
const STARTS: [usize; 27] = {
    let mut starts = [WORDS.len(); 27];
    let mut word = WORDS.len();
    while word > 0 {
        word -= 1;
        let letter = WORDS[word].0.as_bytes()[0];
        let mut before = 0;
        while before <= letter - b'a' {
            starts[before as usize] = word;
            before += 1;
        }
    }
    starts
};

impl Keyword {
    /// The keyword that `word` spells, in any case.
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        let letter = usize::from(word.first()?.to_ascii_lowercase().checked_sub(b'a')?);
        let candidates = WORDS.get(*STARTS.get(letter)?..*STARTS.get(letter + 1)?)?;
        let spelled = |(spelling, _): &&(&str, Self)| spelling.as_bytes().eq_ignore_ascii_case(word);
        candidates.iter().find(spelled).map(|(_, keyword)| *keyword)
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
