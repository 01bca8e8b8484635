//! A trace from the web: `reel view https://…/run.reel.zip` fetches it into a file that goes with the viewer.
//!
//! What comes is a stranger's file like any other. The system's certificates are trusted, its proxies used.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::Failure;
use super::failure::say;

/// Largest trace that is fetched.
const BYTES_MAX: u64 = 2 << 30;
const REDIRECTIONS_MAX: u32 = 6;
/// Longest silence of the other end.
const SILENCE: Duration = Duration::from_secs(30);
/// Where systems keep the certificates that they trust, unless `SSL_CERT_FILE` says it.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A fetched trace; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Fetched {
    _folder: TempDir,
    /// Where it is.
    pub(crate) file: PathBuf,
}

/// Fetches a trace or a pack; `None`: the text is the address of no web server.
pub(crate) fn fetch(text: &str) -> Option<Result<Fetched, Failure>> {
    let is_tls = text.starts_with("https://");
    if !is_tls && !text.starts_with("http://") {
        return None;
    }
    if io::stderr().is_terminal() {
        say(format_args!("fetching {text}"));
    }
    let fetched = agent(is_tls).and_then(|agent| kept(&agent, text)).map_err(told);
    Some(fetched.map_err(|why| Failure::input(format!("{text}: {why}"))))
}

/// `is_tls`: nothing is to come from where anybody could change it, redirections included.
fn agent(is_tls: bool) -> Result<Agent, Error> {
    let config = Agent::config_builder()
        .https_only(is_tls)
        .max_redirects(REDIRECTIONS_MAX)
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .user_agent(concat!("taskreel/", env!("CARGO_PKG_VERSION")));
    let config = if is_tls { config.tls_config(trusted()?) } else { config };
    Ok(config.build().new_agent())
}

/// Trusts what the system trusts.
fn trusted() -> io::Result<TlsConfig> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let mut usual = AUTHORITIES.iter().map(PathBuf::from).filter(|path| path.is_file());
    let file = named.or_else(|| usual.next()).ok_or_else(|| {
        io::Error::other("no trusted certificates are found; name their file in SSL_CERT_FILE")
    })?;
    let unread =
        |error| io::Error::other(format!("{}, which SSL_CERT_FILE names: {error}", file.display()));
    let all = CertificateDer::pem_file_iter(&file).map_err(unread)?;
    let roots = all.filter_map(Result::ok).map(|one| Certificate::from_der(&one).to_owned());
    let roots: Vec<Certificate<'static>> = roots.collect();
    let provider = Arc::new(ring::default_provider());
    let config = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots)));
    Ok(config.unversioned_rustls_crypto_provider(provider).build())
}

/// Fetches into a file, called as what it is.
fn kept(agent: &Agent, text: &str) -> Result<Fetched, Error> {
    let mut body = agent.get(text).call()?.into_body().into_with_config().limit(BYTES_MAX).reader();
    let folder = tempfile::Builder::new().prefix("taskreel-fetched-").tempdir()?;
    let raw = folder.path().join("fetched");
    io::copy(&mut body, &mut File::create(&raw)?)?;
    let mut magic = Vec::new();
    File::open(&raw)?.take(2).read_to_end(&mut magic)?;
    let file = folder.path().join(if magic == b"PK" { "run.reel.zip" } else { "run.reel" });
    std::fs::rename(raw, &file)?;
    Ok(Fetched { _folder: folder, file })
}

/// The error in words, with the way out where there is one.
fn told(error: Error) -> String {
    match error {
        Error::StatusCode(status) => format!("the server answers {status}"),
        Error::BodyExceedsLimit(_) => {
            "it is larger than 2 GiB; fetch it yourself, and view the file".to_owned()
        }
        Error::RequireHttpsOnly(_) => {
            "it redirects to where anybody could change the file".to_owned()
        }
        // What reading a body says comes wrapped.
        Error::Io(error) => match error.downcast::<Error>() {
            Ok(inner) => told(inner),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                "the connection broke off".to_owned()
            }
            Err(error) => error.to_string(),
        },
        Error::Http(_) | Error::BadUri(_) => {
            "this is no address that can be fetched from".to_owned()
        }
        Error::TooManyRedirects => "it redirects too often".to_owned(),
        error => error.to_string(),
    }
}
