//! `sealock certs`: makes development certificates, and shows what a certificate file contains.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use zeroize::Zeroizing;

use crate::tls::inspect::{self, Entry, Report, Role};
use crate::tls::mint::{Authority, DEFAULT_DAYS, KeyType, PemPair};

/// Make and inspect certificates.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsCommand {
    /// Make a development CA, a server certificate and a client certificate.
    Generate(GenerateArgs),
    /// Show what a certificate file contains, and whether it would be accepted.
    Inspect(InspectArgs),
}

/// Arguments of `sealock certs generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArgs {
    /// Where to write; a CA that is there already is used again.
    #[arg(long, value_name = "DIR", default_value = "certs")]
    pub directory: PathBuf,
    /// DNS name or IP address that clients will use; repeat for several.
    #[arg(long = "name", value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
    pub names: Vec<String>,
    /// Days that the server and client certificates are valid.
    #[arg(long, value_name = "DAYS", default_value_t = DEFAULT_DAYS, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub days: u32,
    /// Kind of the keys.
    #[arg(long, value_name = "TYPE", default_value = "ecdsa")]
    pub key_type: KeyChoice,
    /// Common name of the client certificate.
    #[arg(long, value_name = "NAME", default_value = "client")]
    pub client: String,
    /// Replace existing server and client certificates.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `sealock certs inspect`.
#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// PEM file with certificates.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Private key that should belong to the first of them.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// What it is for; left out, the file decides.
    #[arg(long = "as", value_name = "ROLE")]
    pub role: Option<RoleChoice>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Values of `--key-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyChoice {
    /// ECDSA over P-256.
    Ecdsa,
    /// RSA with 2048 bits.
    Rsa,
}

/// Values of `--as`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleChoice {
    /// What a listener shows.
    Server,
    /// What is shown to a backend.
    Client,
    /// CA certificates to trust.
    Ca,
}

/// Carries out `command` and writes what there is to say to `out`.
///
/// # Errors
/// What went wrong; for `inspect` also that the certificate would be refused, so that scripts see it in the exit code.
pub fn run(command: &CertsCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        CertsCommand::Generate(args) => generate(args, out),
        CertsCommand::Inspect(args) => inspect(args, out),
    }
}

/// The two files of one certificate.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(directory: &Path, stem: &str) -> Self {
        let file = |extension| directory.join(stem).with_extension(extension);
        Self { certificate: file("pem"), key: file("key") }
    }

    fn existing(&self) -> Vec<&Path> {
        [&self.certificate, &self.key]
            .into_iter()
            .filter(|file| file.exists())
            .map(PathBuf::as_path)
            .collect()
    }

    fn write(&self, pair: &PemPair) -> anyhow::Result<()> {
        pair.write(&self.certificate, &self.key).with_context(|| {
            format!("cannot write {} and {}", self.certificate.display(), self.key.display())
        })
    }
}

/// Makes everything before anything is written, so that a bad name leaves no half-made set behind.
fn generate(args: &GenerateArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let [ca_files, server_files, client_files] =
        ["ca", "server", "client"].map(|stem| Files::new(&args.directory, stem));
    if let (false, [first, ..]) =
        (args.force, [server_files.existing(), client_files.existing()].concat().as_slice())
    {
        bail!("{} exists already; --force replaces it", first.display());
    }
    let key_type = KeyType::from(args.key_type);
    let (ca, found) = authority(&ca_files, key_type)?;
    let server = ca.issue_server(&args.names, args.days, key_type)?;
    let client = ca.issue_client(&args.client, args.days, key_type)?;

    fs::create_dir_all(&args.directory)
        .with_context(|| format!("cannot create {}", args.directory.display()))?;
    if !found {
        ca_files.write(ca.pem())?;
    }
    server_files.write(&server)?;
    client_files.write(&client)?;
    let taken = if found { "taken up" } else { "made" };
    writeln!(out, "{taken:8}  {}  {}", ca_files.certificate.display(), ca.certificate().subject)?;
    for (files, what) in [(&server_files, args.names.join(", ")), (&client_files, args.client.clone())] {
        writeln!(out, "made      {}  {what}; {} days", files.certificate.display(), args.days)?;
    }
    writeln!(
        out,
        "\n[listener.tls]\ncertificate = \"{}\"\nkey = \"{}\"",
        server_files.certificate.display(),
        server_files.key.display()
    )?;
    writeln!(out, "\nClients verify with {} (ssl_ca, --ssl-ca).", ca_files.certificate.display())?;
    Ok(())
}

/// The CA in `files`, or a new one that is not written yet; and whether it was there.
fn authority(files: &Files, key_type: KeyType) -> anyhow::Result<(Authority, bool)> {
    let Files { certificate, key } = files;
    match (certificate.exists(), key.exists()) {
        (false, false) => Ok((Authority::generate("Sealock development CA", key_type)?, false)),
        (true, true) => {
            let read = |file: &Path| {
                fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
            };
            let pem = PemPair { certificate: read(certificate)?, key: Zeroizing::new(read(key)?) };
            let ca = Authority::from_pem(pem).with_context(|| {
                format!("{} and {} are there but cannot be used", certificate.display(), key.display())
            })?;
            Ok((ca, true))
        }
        (true, false) => bail!("{} is there without {}", certificate.display(), key.display()),
        (false, true) => bail!("{} is there without {}", key.display(), certificate.display()),
    }
}

fn inspect(args: &InspectArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let report = inspect::inspect(&args.file, args.key.as_deref(), args.role.map(Role::from));
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        print(&report, &args.file, out)?;
    }
    match report.problems.len() {
        0 => Ok(()),
        1 => bail!("{} would be refused", args.file.display()),
        count => bail!("{} would be refused for {count} reasons", args.file.display()),
    }
}

fn print(report: &Report, file: &Path, out: &mut dyn Write) -> std::io::Result<()> {
    let role = match report.role {
        Role::Server => "server chain",
        Role::Client => "client chain",
        Role::Ca => "CA certificates",
    };
    writeln!(out, "{}: {role}", file.display())?;
    for (index, entry) in report.certificates.iter().enumerate() {
        writeln!(out, "\n{}. {}", index + 1, entry.subject)?;
        for (label, value) in lines(entry) {
            writeln!(out, "   {label:<8} {value}")?;
        }
    }
    writeln!(out)?;
    for problem in &report.problems {
        writeln!(out, "problem: {problem}")?;
    }
    if report.problems.is_empty() {
        writeln!(out, "no problems found")?;
    }
    Ok(())
}

fn lines(entry: &Entry) -> Vec<(&'static str, String)> {
    let usages: Vec<_> = entry.usages.iter().map(ToString::to_string).collect();
    let list =
        |items: &[String], none: &str| if items.is_empty() { none.to_owned() } else { items.join(", ") };
    let left = match entry.days_left {
        days if days < 0 => format!("ended {} days ago", days.unsigned_abs()),
        days => format!("{days} days left"),
    };
    vec![
        ("issuer", entry.issuer.clone()),
        ("names", list(&entry.names, "none")),
        ("valid", format!("{} to {} ({left})", entry.not_before, entry.not_after)),
        ("key", entry.key_type.clone()),
        ("usages", list(&usages, "not limited")),
        ("serial", entry.serial.clone()),
        ("sha256", entry.sha256.clone()),
    ]
}

impl From<KeyChoice> for KeyType {
    fn from(choice: KeyChoice) -> Self {
        match choice {
            KeyChoice::Ecdsa => Self::Ecdsa,
            KeyChoice::Rsa => Self::Rsa,
        }
    }
}

impl From<RoleChoice> for Role {
    fn from(choice: RoleChoice) -> Self {
        match choice {
            RoleChoice::Server => Self::Server,
            RoleChoice::Client => Self::Client,
            RoleChoice::Ca => Self::Ca,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

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
