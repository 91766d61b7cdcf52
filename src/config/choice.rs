//! Words from a closed list.

use crate::config::model::{
    AuthPlugin, BackendTlsMode, ClientCertificate, HostCheck, ListenerTlsMode, LogFormat, PoolMode, Stage,
    TlsVersion, Watch,
};
use crate::config::nearest::nearest;
use crate::config::value::{Node, Value};

/// A type whose values have names.
pub(super) trait Choice: Copy + 'static {
    /// Every value with its name.
    const ALL: &'static [(&'static str, Self)];
    /// The names in a sentence.
    const NAMES: &'static str;
}

impl<T: Choice> Value for T {
    const FORM: &'static str = T::NAMES;

    fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.text::<Self>()?;
        let chosen = T::ALL.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        chosen.or_else(|| {
            let hint = nearest(text, T::ALL.iter().map(|(name, _)| *name));
            node.refuse_with_hint(format!("{text:?}"), hint.map(|name| format!("did you mean \"{name}\"?")))
        })
    }
}

impl Choice for ListenerTlsMode {
    const ALL: &'static [(&'static str, Self)] =
        &[("disabled", Self::Disabled), ("optional", Self::Optional), ("required", Self::Required)];
    const NAMES: &'static str = "\"disabled\", \"optional\" or \"required\"";
}

impl Choice for BackendTlsMode {
    const ALL: &'static [(&'static str, Self)] = &[
        ("disabled", Self::Disabled),
        ("required", Self::Required),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];
    const NAMES: &'static str = "\"disabled\", \"required\", \"verify-ca\" or \"verify-full\"";
}

impl Choice for ClientCertificate {
    const ALL: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("request", Self::Request), ("require", Self::Require)];
    const NAMES: &'static str = "\"none\", \"request\" or \"require\"";
}

impl Choice for TlsVersion {
    const ALL: &'static [(&'static str, Self)] = &[("1.2", Self::V1_2), ("1.3", Self::V1_3)];
    const NAMES: &'static str = "\"1.2\" or \"1.3\"";
}

impl Choice for AuthPlugin {
    const ALL: &'static [(&'static str, Self)] = &[
        ("mysql_native_password", Self::NativePassword),
        ("client_ed25519", Self::Ed25519),
        ("caching_sha2_password", Self::CachingSha2),
        ("mysql_clear_password", Self::ClearPassword),
    ];
    const NAMES: &'static str = "\"mysql_native_password\", \"client_ed25519\", \"caching_sha2_password\" or \"mysql_clear_password\"";
}

impl Choice for HostCheck {
    const ALL: &'static [(&'static str, Self)] = &[("client", Self::Client), ("server", Self::Server)];
    const NAMES: &'static str = "\"client\" or \"server\"";
}

impl Choice for PoolMode {
    const ALL: &'static [(&'static str, Self)] =
        &[("multiplex", Self::Multiplex), ("session", Self::Session)];
    const NAMES: &'static str = "\"multiplex\" or \"session\"";
}

impl Choice for Stage {
    const ALL: &'static [(&'static str, Self)] = &[
        ("observe", Self::Observe),
        ("warn", Self::Warn),
        ("brownout", Self::Brownout),
        ("enforce", Self::Enforce),
    ];
    const NAMES: &'static str = "\"observe\", \"warn\", \"brownout\" or \"enforce\"";
}

impl Choice for Watch {
    const ALL: &'static [(&'static str, Self)] =
        &[("off", Self::Off), ("files", Self::Files), ("all", Self::All)];
    const NAMES: &'static str = "\"off\", \"files\" or \"all\"";
}

impl Choice for LogFormat {
    const ALL: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
    const NAMES: &'static str = "\"text\" or \"json\"";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_are_told<T: Choice>() {
        for (name, _) in T::ALL {
            assert!(T::NAMES.contains(&format!("\"{name}\"")), "{name} is missing in: {}", T::NAMES);
        }
        assert_eq!(T::NAMES.matches('"').count(), 2 * T::ALL.len(), "{} names too much", T::NAMES);
    }

    #[test]
    fn every_accepted_word_is_told() {
        names_are_told::<ListenerTlsMode>();
        names_are_told::<BackendTlsMode>();
        names_are_told::<TlsVersion>();
        names_are_told::<AuthPlugin>();
        names_are_told::<PoolMode>();
        names_are_told::<LogFormat>();
        names_are_told::<Stage>();
    }
}
