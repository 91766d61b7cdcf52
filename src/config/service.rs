//! `[service]`.

use crate::config::account::{USER_FORM, is_user};
use crate::config::key::{Key, KeyDoc};
use crate::config::model::Service;
use crate::config::secret::PasswordKeys;
use crate::config::section::{Section, assemble};

const USER: Key<String> = Key::required(
    "service.user",
    "User name of the proxy's own login at the servers; without it, health probes log in as the first account with a known password. Needs no privilege for them; `SELECT` on `mysql.global_priv` for `auth.recover`; `CONNECTION ADMIN` to kill statements of relayed accounts.",
)
.accepting(USER_FORM, |user| is_user(user));

const PASSWORD: PasswordKeys = PasswordKeys {
    inline: Key::optional(
        "service.password",
        "exactly one of `password`, `password_file`, `password_env` is needed",
        "Its password.",
    ),
    file: Key::optional("service.password_file", "see `password`", "File with its password."),
    variable: Key::optional(
        "service.password_env",
        "see `password`",
        "Environment variable with its password.",
    ),
};

pub(super) const KEYS: &[KeyDoc] =
    &[USER.doc(), PASSWORD.inline.doc(), PASSWORD.file.doc(), PASSWORD.variable.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Option<Service>> {
    if !section.exists() {
        return Some(None);
    }
    let password = PASSWORD.read(section);
    let accepted = "exactly one of `password`, `password_file`, `password_env`";
    let one = section.refuse_unless_one(&PASSWORD.inline, &PASSWORD.given(section), accepted);
    let service = assemble!(Service { user: section.value(&USER), password: password.flatten() });
    one.and(service).map(Some)
}
