//! Where in a statement its next token stands, and behind what.

/// A place, as far as it decides what the tokens there mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The first word comes next.
    Start,
    /// SET of variables.
    Set,
    /// SET STATEMENT, up to FOR outside parentheses, behind which another statement starts; with the parentheses open.
    SetStatement(u32),
    /// KILL.
    Kill,
    /// A statement about accounts, `user@host`.
    Accounts,
    /// CREATE or ALTER, and it is not clear yet of what.
    Definition,
    /// CREATE TABLE or ALTER TABLE, before any SELECT.
    TableDefinition,
    /// A statement that evaluates nothing: a definition that holds no statements, or one that only names things.
    LeftAlone,
    /// CREATE PROCEDURE and the like, with the blocks of the body that are open. A semicolon inside a block ends nothing.
    StoredProgram(u32),
    /// EXPLAIN or ANALYZE, before the statement that is explained.
    Explain,
    /// Behind the first words of any other statement.
    Body,
}

impl Place {
    /// Whether variables are assigned to here.
    pub(super) fn assigns(self) -> bool {
        matches!(self, Self::Set | Self::SetStatement(_))
    }

    /// Whether the client's id may be put in here in place of the connection's.
    pub(super) fn takes_id(self) -> bool {
        self.evaluates() && !matches!(self, Self::Kill | Self::Accounts | Self::TableDefinition)
    }

    /// Whether what stands here is evaluated when the statement is executed.
    pub(super) fn evaluates(self) -> bool {
        !matches!(self, Self::Definition | Self::LeftAlone | Self::StoredProgram(_))
    }

    /// Whether a call of a stored function can stand here.
    pub(super) fn calls(self) -> bool {
        self.evaluates() && self != Self::TableDefinition
    }
}

/// What the token before the current one was, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// A word behind which a table, a routine or an alias is named, even with parentheses after it.
    Naming,
    /// The name behind such a word.
    Named,
    /// The dot in such a name.
    NamedDot,
    /// SET or a comma: under SET, what follows is assigned to.
    Assigning,
    /// CHARACTER: a SET behind it is part of its name.
    Character,
    /// The end of an operand: a word behind it is an alias or an operator.
    Operand,
    /// A word or quoted name that is called if a parenthesis follows; with its range.
    Callable(usize, usize),
    /// A dot: what follows is a name, whatever it spells.
    Dot,
    /// A name behind a dot.
    Qualified,
    /// END, in the body of a stored program.
    End,
    /// Anything else.
    Other,
}
