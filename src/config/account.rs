//! `[[account]]`.

use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Account, AuthPlugin, BackendLogin, Credential, PoolMode, Secret, Stage};
use crate::config::secret::PasswordKeys;
use crate::config::section::{Section, assemble};
use crate::config::value::{Node, Value};

/// Accepted form of a user name; MariaDB's own limit is 128 characters.
pub(super) const USER_FORM: &str = "text of 1 to 128 characters";

/// Whether text is a user name.
pub(super) fn is_user(text: &str) -> bool {
    (1..=128).contains(&text.chars().count()) && !text.contains('\0')
}

const USER: Key<String> = Key::required("account.user", "User name that clients give. Must be unique.")
    .accepting(USER_FORM, |user| is_user(user));

const PASSWORD: PasswordKeys = PasswordKeys {
    inline: Key::optional(
        "account.password",
        "exactly one of `password`, `password_file`, `password_env`, `password_hash` is needed",
        "The account's password.",
    ),
    file: Key::optional("account.password_file", "see `password`", "File with the password."),
    variable: Key::optional(
        "account.password_env",
        "see `password`",
        "Environment variable with the password.",
    ),
};

const PASSWORD_HASH: Key<NativeHash> = Key::optional(
    "account.password_hash",
    "see `password`",
    "What `SELECT PASSWORD('…')` answers, instead of the password. Serves `mysql_native_password` only.",
);

const PLUGIN: Key<AuthPlugin> = Key::optional(
    "account.plugin",
    "`auth.default_plugin`",
    "How clients of this account prove their password. `mysql_clear_password` works inside TLS and over unix sockets only.",
);

const BACKEND_USER: Key<String> = Key::optional(
    "account.backend_user",
    "the client's user and password",
    "Another user name to log in with at the server.",
)
.accepting(USER_FORM, |user| is_user(user));

const BACKEND_PASSWORD: PasswordKeys = PasswordKeys {
    inline: Key::optional(
        "account.backend_password",
        "with `backend_user`, exactly one of `backend_password`, `backend_password_file`, `backend_password_env` is needed",
        "Password of `backend_user`.",
    ),
    file: Key::optional(
        "account.backend_password_file",
        "see `backend_password`",
        "File with the password of `backend_user`.",
    ),
    variable: Key::optional(
        "account.backend_password_env",
        "see `backend_password`",
        "Environment variable with the password of `backend_user`.",
    ),
};

const MAX_CLIENTS: Key<u32> = Key::optional(
    "account.max_clients",
    "`limits.max_clients_per_account`",
    "Client connections of this account at once; 0 is no limit.",
);

const MODE: Key<PoolMode> = Key::optional(
    "account.mode",
    "`pool.mode`",
    "How this account's sessions share connections to the servers: `multiplex` or `session`.",
);

const TLS: Key<Stage> = Key::optional(
    "account.tls",
    "`migration.stage`",
    "What is asked of this account's clients in plaintext: `observe`, `warn`, `brownout` or `enforce`; see docs/migration.md.",
);

pub(super) const KEYS: &[KeyDoc] = &[
    USER.doc(),
    PASSWORD.inline.doc(),
    PASSWORD.file.doc(),
    PASSWORD.variable.doc(),
    PASSWORD_HASH.doc(),
    PLUGIN.doc(),
    BACKEND_USER.doc(),
    BACKEND_PASSWORD.inline.doc(),
    BACKEND_PASSWORD.file.doc(),
    BACKEND_PASSWORD.variable.doc(),
    MAX_CLIENTS.doc(),
    MODE.doc(),
    TLS.doc(),
];

pub(super) fn read(section: &Section<'_>) -> Option<Account> {
    let account = assemble!(Account {
        user: section.value(&USER),
        credential: read_credential(section),
        plugin: section.optional(&PLUGIN),
        backend: read_backend_login(section),
        max_clients: section.optional(&MAX_CLIENTS),
        mode: section.optional(&MODE),
        tls: section.optional(&TLS),
    })?;
    match (&account.credential, account.plugin) {
        (Credential::NativeHash(_), Some(plugin)) if plugin != AuthPlugin::NativePassword => {
            let accepted = "\"mysql_native_password\", or a password instead of the hash";
            section.refuse(&PLUGIN, "a plugin that `password_hash` cannot serve", accepted)
        }
        _ => Some(account),
    }
}

fn read_credential(section: &Section<'_>) -> Option<Credential> {
    let password = PASSWORD.read(section);
    let hash = section.optional(&PASSWORD_HASH);
    let mut given = PASSWORD.given(section);
    given.extend(section.has(&PASSWORD_HASH).then_some(PASSWORD_HASH.doc().name()));
    let accepted = "exactly one of `password`, `password_file`, `password_env`, `password_hash`";
    section.refuse_unless_one(&PASSWORD.inline, &given, accepted)?;
    match (password?, hash?) {
        (Some(password), _) => Some(Credential::Password(password)),
        (None, hash) => hash.map(|hash| Credential::NativeHash(hash.0)),
    }
}

fn read_backend_login(section: &Section<'_>) -> Option<Option<BackendLogin>> {
    let user = section.optional(&BACKEND_USER);
    let password: Option<Option<Secret>> = BACKEND_PASSWORD.read(section);
    let given = BACKEND_PASSWORD.given(section);
    if !section.has(&BACKEND_USER) {
        return match given.first() {
            None => Some(None),
            Some(name) => {
                let found = format!("nothing, though `{name}` is given");
                section.refuse(&BACKEND_USER, found, "the user name that the password belongs to")
            }
        };
    }
    let accepted = "exactly one of `backend_password`, `backend_password_file`, `backend_password_env`";
    section.refuse_unless_one(&BACKEND_PASSWORD.inline, &given, accepted)?;
    let (user, password) = (user??, password??);
    Some(Some(BackendLogin { user, password }))
}

/// `SHA1(SHA1(password))`.
struct NativeHash([u8; 20]);

impl Value for NativeHash {
    const FORM: &'static str = "`*` and 40 hexadecimal digits";

    fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.text::<Self>()?;
        let hash = parse_hash(text).map(NativeHash);
        hash.or_else(|| node.refuse(format!("other text ({} characters)", text.chars().count())))
    }

    fn describe(value: &toml::de::DeValue<'_>) -> String {
        Secret::describe(value)
    }
}

fn parse_hash(text: &str) -> Option<[u8; 20]> {
    let digits = text.strip_prefix('*')?.as_bytes();
    let mut hash = [0; 20];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(hash)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_the_server_prints_it() {
        // SELECT PASSWORD('secret') on MariaDB 10.11
        let hash = parse_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7").unwrap();
        assert_eq!((hash[0], hash[1], hash[19]), (0x14, 0xe6, 0xe7));
        assert!(parse_hash("*14e65567abdb5135d0cfd9a70b3032c179a49ee7").is_some());
    }

    #[test]
    fn anything_else_is_no_hash() {
        let digits = "14E65567ABDB5135D0CFD9A70B3032C179A49EE7";
        for text in [
            digits.to_owned(),
            format!("*{digits}0"),
            format!("*{digits}00"),
            format!("*{}G", &digits[1..]),
            "*".to_owned(),
        ] {
            assert!(parse_hash(&text).is_none(), "{text}");
        }
    }
}
