//! Kinds of statements.

/// What a text is, by its first words.
///
/// `SET STATEMENT … FOR x` is of the kind of `x`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No statement: nothing but space, comments and semicolons.
    #[default]
    Empty,
    /// SELECT, WITH … SELECT, VALUES (…), in parentheses or not.
    Select,
    /// INSERT and REPLACE.
    Insert,
    /// LOAD DATA and LOAD XML.
    Load,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// SET of variables, NAMES, CHARACTER SET, PASSWORD or DEFAULT ROLE.
    Set,
    /// `SET [GLOBAL | SESSION] TRANSACTION`.
    SetTransaction,
    /// SET ROLE.
    SetRole,
    /// `BEGIN [WORK]` and START TRANSACTION.
    Begin,
    /// Exactly `COMMIT [WORK]`.
    Commit,
    /// Exactly `ROLLBACK [WORK]`.
    Rollback,
    /// COMMIT with anything behind it: `[NO] CHAIN`, `[NO] RELEASE`.
    CommitOther,
    /// ROLLBACK with anything behind it: `[NO] CHAIN`, `[NO] RELEASE`, `TO SAVEPOINT`.
    RollbackOther,
    /// SAVEPOINT and RELEASE SAVEPOINT.
    Savepoint,
    /// SHOW, but for diagnostics.
    Show,
    /// USE.
    Use,
    /// CALL.
    Call,
    /// EXECUTE and EXECUTE IMMEDIATE.
    Execute,
    /// BEGIN NOT ATOMIC, and IF, CASE, LOOP, WHILE, REPEAT, FOR or a label in place of a statement. It lasts to the end of the text.
    Compound,
    /// XA.
    Xa,
    /// KILL.
    Kill,
    /// PREPARE.
    Prepare,
    /// DEALLOCATE PREPARE and DROP PREPARE.
    Deallocate,
    /// HANDLER.
    Handler,
    /// LOCK TABLES.
    LockTables,
    /// UNLOCK TABLES.
    UnlockTables,
    /// FLUSH.
    Flush,
    /// BACKUP.
    Backup,
    /// CREATE, ALTER, DROP, RENAME, TRUNCATE, GRANT, REVOKE, ANALYZE TABLE and the like: they commit first.
    Definition,
    /// SHOW WARNINGS, SHOW ERRORS and GET DIAGNOSTICS.
    Diagnostics,
    /// SHOW COUNT(*) WARNINGS and SHOW COUNT(*) ERRORS.
    ConditionCount,
    /// EXPLAIN, DESCRIBE and ANALYZE of a statement; the last executes it.
    Explain,
    /// DO.
    Do,
    /// Anything else.
    Other,
    /// More than one statement.
    Several,
}
