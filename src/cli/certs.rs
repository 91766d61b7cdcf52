//! `sealock certs`: makes development certificates, and shows what a certificate file contains.

use std::io::Write;

use clap::Subcommand;

pub use generate::{GenerateArgs, KeyChoice};
pub use inspect::{InspectArgs, RoleChoice};

mod generate;
mod inspect;
mod live;

/// Make and inspect certificates.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsCommand {
    /// Make a development CA, a server certificate and a client certificate.
    Generate(GenerateArgs),
    /// Show what a certificate file contains and whether it would be accepted, or what a running proxy uses.
    Inspect(InspectArgs),
}

/// Carries out `command` and writes what there is to say to `out`.
///
/// # Errors
/// What went wrong; for `inspect` also that the certificate would be refused, so that scripts see it in the exit code.
pub fn run(command: &CertsCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        CertsCommand::Generate(args) => generate::run(args, out),
        CertsCommand::Inspect(args) => inspect::run(args, out),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use clap::{FromArgMatches as _, Subcommand as _};
    use tempfile::TempDir;

    use super::*;

    /// Runs `sealock certs` with these words; what it printed, and how it ended.
    fn certs(words: &[&str]) -> (String, anyhow::Result<()>) {
        let parser = CertsCommand::augment_subcommands(clap::Command::new("certs"));
        let matches = parser.try_get_matches_from(["certs"].iter().chain(words)).unwrap();
        let mut out = Vec::new();
        let ended = run(&CertsCommand::from_arg_matches(&matches).unwrap(), &mut out);
        (String::from_utf8(out).unwrap(), ended)
    }

    fn generated(words: &[&str]) -> TempDir {
        let directory = TempDir::new().unwrap();
        let path = directory.path().display().to_string();
        certs(&[&["generate", "--directory", &path], words].concat()).1.unwrap();
        directory
    }

    fn file(directory: &TempDir, name: &str) -> String {
        directory.path().join(name).display().to_string()
    }

    #[test]
    fn what_is_generated_passes_inspection_and_keeps_its_keys_private() {
        for key_type in ["ecdsa", "rsa"] {
            let directory = generated(&["--key-type", key_type, "--name", "db.example"]);
            for stem in ["server", "client"] {
                let (pem, key) =
                    (file(&directory, &format!("{stem}.pem")), file(&directory, &format!("{stem}.key")));
                certs(&["inspect", &pem, "--key", &key]).1.unwrap();
                assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
            }
            let (shown, ended) = certs(&["inspect", &file(&directory, "ca.pem")]);
            ended.unwrap();
            assert!(shown.contains("CA certificates"), "{shown}");
        }
    }

    #[test]
    fn nothing_is_overwritten_unless_forced_and_the_ca_never() {
        let directory = generated(&[]);
        let read = |name: &str| fs::read(directory.path().join(name)).unwrap();
        let (ca, server) = (read("ca.pem"), read("server.pem"));
        let path = directory.path().display().to_string();
        let refused = certs(&["generate", "--directory", &path]).1.unwrap_err();
        assert!(refused.to_string().contains("--force"), "{refused}");
        assert_eq!(read("server.pem"), server);
        certs(&["generate", "--directory", &path, "--force"]).1.unwrap();
        assert_ne!(read("server.pem"), server);
        assert_eq!(read("ca.pem"), ca);
    }

    #[test]
    fn a_bad_name_leaves_nothing_behind() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("new").display().to_string();
        let refused = certs(&["generate", "--directory", &path, "--name", "no name"]).1.unwrap_err();
        assert!(refused.to_string().contains("\"no name\""), "{refused}");
        assert!(!Path::new(&path).exists());
    }

    #[test]
    fn half_a_ca_is_not_replaced() {
        let directory = generated(&[]);
        fs::remove_file(directory.path().join("ca.key")).unwrap();
        let path = directory.path().display().to_string();
        assert!(certs(&["generate", "--directory", &path, "--force"]).1.is_err());
    }

    #[test]
    fn inspection_fails_where_a_listener_would_refuse() {
        let (one, other) = (generated(&[]), generated(&[]));
        let (shown, ended) =
            certs(&["inspect", &file(&one, "server.pem"), "--key", &file(&other, "server.key")]);
        assert!(ended.is_err());
        assert!(shown.contains("problem: "), "{shown}");
        assert!(certs(&["inspect", &file(&one, "client.pem"), "--as", "server"]).1.is_err());
        assert!(certs(&["inspect", &file(&one, "absent.pem")]).1.is_err());
    }

    #[test]
    fn json_carries_what_the_text_shows() {
        let directory = generated(&["--name", "db.example", "--days", "90"]);
        let (json, ended) = certs(&["inspect", "--json", &file(&directory, "server.pem")]);
        ended.unwrap();
        let report: serde_json::Value = serde_json::from_str(&json).unwrap();
        let leaf = &report["certificates"][0];
        assert_eq!(report["role"], "server");
        assert_eq!(leaf["names"], serde_json::json!(["db.example"]));
        assert_eq!(leaf["days_left"], 89);
        assert_eq!(leaf["key_type"], "ECDSA P-256");
        assert_eq!(leaf["usages"][2], "server-auth");
        assert_eq!(report["problems"], serde_json::json!([]));
    }
}
