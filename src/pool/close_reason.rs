//! Why a backend connection was closed.

/// Why a backend connection was closed; also a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Its login was relayed, so nobody else may have it.
    Relayed,
    /// A transaction was open; closing rolls it back, and an XA transaction that was prepared survives only so.
    InTransaction,
    /// A role was active, which no reset takes away.
    RoleActive,
    /// A reset took away what the server's init_connect had set, which only a login runs.
    InitConnect,
    /// The session changed an option of the protocol that no reset takes back.
    OptionChanged,
    /// Its client asked for what only a handshake can set.
    HandshakeOnly,
    /// A KILL may still be on its way to it.
    KillUnderWay,
    /// Its client went away while a statement ran.
    ClientGone,
    /// It failed, or the server closed it.
    Broken,
    /// The server sent something that nobody asked for.
    Spoke,
    /// It could not be reset, or not be logged in again.
    ResetFailed,
    /// It could not be brought to the state of the session that borrowed it.
    SyncRefused,
    /// It became a stream of binlog events.
    Streamed,
    /// More were idle than are kept.
    Surplus,
    /// It gave way to another account's, or another kind of, connection.
    Evicted,
    /// It was idle for too long.
    Idle,
    /// It was old.
    Lifetime,
    /// The configuration it was opened under has been replaced.
    Reloaded,
    /// The proxy ends.
    Shutdown,
}

crate::label!(CloseReason {
    Relayed => "relayed",
    InTransaction => "in_transaction",
    RoleActive => "role_active",
    InitConnect => "init_connect",
    OptionChanged => "option_changed",
    HandshakeOnly => "handshake_only",
    KillUnderWay => "kill_under_way",
    ClientGone => "client_gone",
    Broken => "broken",
    Spoke => "spoke",
    ResetFailed => "reset_failed",
    SyncRefused => "sync_refused",
    Streamed => "streamed",
    Surplus => "surplus",
    Evicted => "evicted",
    Idle => "idle",
    Lifetime => "lifetime",
    Reloaded => "reloaded",
    Shutdown => "shutdown",
});
