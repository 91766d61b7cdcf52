//! Names that mean something, and names without their quotes.

/// A name without its quotes, if it has any; a doubled quote in it stays doubled.
pub(super) fn unquoted(name: &[u8]) -> &[u8] {
    match name {
        [b'`', inner @ .., b'`'] | [b'"', inner @ .., b'"'] => inner,
        _ => name,
    }
}

/// Whether `name` is one of `known`, in any case.
pub(super) fn is_any(name: &[u8], known: &[&str]) -> bool {
    known.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether what is named shows the values of `session_track_…`: one of them, or a table of variables.
pub(super) fn shows_settings(name: &[u8]) -> bool {
    const TRACKING: &[u8] = b"session_track";
    if name.len() < TRACKING.len() {
        return false;
    }
    match name.first() {
        Some(b's' | b'S') => {
            name.get(..TRACKING.len()).is_some_and(|start| start.eq_ignore_ascii_case(TRACKING))
                || is_any(name, &["session_variables", "system_variables"])
        }
        Some(b'g' | b'G') => is_any(name, &["global_variables"]),
        Some(b'v' | b'V') => is_any(name, &["variables_by_thread", "variables_info"]),
        Some(b'p' | b'P') => is_any(name, &["persisted_variables"]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_shown_by_their_names_and_by_tables_of_all() {
        for name in
            ["session_track_schema", "SESSION_TRACK_x", "session_track", "System_Variables", "variables_info"]
        {
            assert!(shows_settings(name.as_bytes()), "{name}");
        }
        for name in ["session_trac", "session_id", "global_variable", "variables", "personal_variables", ""] {
            assert!(!shows_settings(name.as_bytes()), "{name}");
        }
    }
}
