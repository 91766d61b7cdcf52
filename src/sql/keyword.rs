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

/// Longest known word.
const LONGEST: usize = 19;

impl Keyword {
    /// The keyword that `word` spells, in any case.
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        let mut buffer = [0; LONGEST];
        let lower = buffer.get_mut(..word.len())?;
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"alter" => Self::Alter,
            b"as" => Self::As,
            b"call" => Self::Call,
            b"concurrent" => Self::Concurrent,
            b"connection" => Self::Connection,
            b"connection_id" => Self::ConnectionId,
            b"create" => Self::Create,
            b"data" => Self::Data,
            b"except" | b"fetch" | b"from" | b"group" | b"having" | b"intersect" | b"limit" | b"lock"
            | b"order" | b"union" | b"where" => Self::EndOfList,
            b"exists" => Self::Exists,
            b"for" => Self::For,
            b"hard" => Self::Hard,
            b"id" => Self::Id,
            b"ignore" | b"delayed" => Self::InsertOption,
            b"insert" => Self::Insert,
            b"into" => Self::Into,
            b"kill" => Self::Kill,
            b"load" => Self::Load,
            b"local" => Self::Local,
            b"low_priority" => Self::LowPriority,
            b"null" | b"true" | b"false" => Self::Literal,
            b"and" | b"between" | b"collate" | b"div" | b"in" | b"is" | b"like" | b"mod" | b"not" | b"or"
            | b"regexp" | b"rlike" | b"xor" => Self::Operator,
            b"database" | b"index" | b"role" | b"schema" | b"sequence" | b"server" | b"view" => Self::Plain,
            b"procedure" => Self::Procedure,
            b"query" => Self::Query,
            b"replace" => Self::Replace,
            b"returning" => Self::Returning,
            b"select" => Self::Select,
            b"all"
            | b"distinct"
            | b"distinctrow"
            | b"high_priority"
            | b"sql_big_result"
            | b"sql_buffer_result"
            | b"sql_cache"
            | b"sql_calc_found_rows"
            | b"sql_no_cache"
            | b"sql_small_result"
            | b"straight_join" => Self::SelectOption,
            b"set" => Self::Set,
            b"soft" => Self::Soft,
            b"statement" => Self::Statement,
            b"event" | b"function" | b"package" | b"trigger" => Self::Stored,
            b"table" => Self::Table,
            b"user" => Self::User,
            b"xml" => Self::Xml,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_the_longest_word_is_known() {
        assert_eq!(Keyword::of(b"sElEcT"), Some(Keyword::Select));
        assert_eq!(Keyword::of(b"SQL_CALC_FOUND_ROWS"), Some(Keyword::SelectOption));
        assert_eq!(Keyword::of(b"selects"), None);
        assert_eq!(Keyword::of(b"SQL_CALC_FOUND_ROWSX"), None);
    }
}
