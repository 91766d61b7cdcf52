//! `sealock certs generate`: a development CA and what it issues.
//!
//! An existing CA is taken up again and never replaced, since clients already trust it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use crate::tls::identity::Purpose;
use crate::tls::mint::{Authority, DEFAULT_DAYS, KeyType, PemPair};
use crate::tls::problem::date;

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

/// Values of `--key-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyChoice {
    /// ECDSA over P-256.
    Ecdsa,
    /// RSA with 2048 bits.
    Rsa,
}

/// Makes and checks everything before anything is written, so that a bad name leaves no half-made set behind.
pub(super) fn run(args: &GenerateArgs, out: &mut dyn Write) -> anyhow::Result<()> {
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
    let server_end = server.identity(Purpose::Server)?.not_after();
    let client_end = client.identity(Purpose::Client)?.not_after();

    fs::create_dir_all(&args.directory)
        .with_context(|| format!("cannot create {}", args.directory.display()))?;
    if !found {
        ca_files.write(ca.pem())?;
    }
    server_files.write(&server)?;
    client_files.write(&client)?;
    let taken = if found { "taken up" } else { "made" };
    writeln!(out, "{taken:8}  {}  {}", ca_files.certificate.display(), ca.certificate().subject)?;
    for (files, what, end) in
        [(&server_files, args.names.join(", "), server_end), (&client_files, args.client.clone(), client_end)]
    {
        writeln!(out, "made      {}  {what}; until {}", files.certificate.display(), date(end))?;
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

impl From<KeyChoice> for KeyType {
    fn from(choice: KeyChoice) -> Self {
        match choice {
            KeyChoice::Ecdsa => Self::Ecdsa,
            KeyChoice::Rsa => Self::Rsa,
        }
    }
}
