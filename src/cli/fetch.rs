//! A trace from the web: `reel view https://…/run.reel.zip` fetches it into a file that goes with the viewer.
//!
//! As much of HTTP as that takes, over the TLS that is here anyway: one `GET`, redirections, no proxy, no
//! passwords. What comes is a stranger's file like any other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::Failure;
use super::failure::say;

/// Largest trace that is fetched.
const BYTES_MAX: u64 = 2 << 30;
/// Largest head of an answer.
const HEAD_BYTES_MAX: u64 = 64 << 10;
const REDIRECTIONS_MAX: usize = 6;
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
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return None;
    }
    if io::stderr().is_terminal() {
        say(format_args!("fetching {text}"));
    }
    Some(fetched(text).map_err(|why| Failure::input(format!("{text}: {why}"))))
}

fn fetched(text: &str) -> Result<Fetched, String> {
    let mut url = Url::parse(text).ok_or("this is no address that can be fetched from")?;
    for _ in 0..REDIRECTIONS_MAX {
        match get(&url).map_err(|error| error.to_string())? {
            Answer::Elsewhere(location) => {
                let next = url.join(&location).ok_or("it redirects to no address")?;
                if url.is_tls && !next.is_tls {
                    return Err("it redirects to where anybody could change the file".to_owned());
                }
                url = next;
            }
            Answer::Body(body) => return kept(body).map_err(|error| error.to_string()),
            Answer::Refused(status) => return Err(format!("the server answers {status}")),
        }
    }
    Err("it redirects too often".to_owned())
}

/// What a server says.
enum Answer {
    Body(Box<dyn Read>),
    Elsewhere(String),
    Refused(String),
}

fn get(url: &Url) -> io::Result<Answer> {
    let mut stream = connect(url)?;
    let Url { host, path, .. } = url;
    // Of version 1.0, so that the body comes as it is and ends with the connection.
    let version = env!("CARGO_PKG_VERSION");
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: taskreel/{version}\r\n\r\n"
    )?;
    stream.flush()?;
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    for line in reader.by_ref().take(HEAD_BYTES_MAX).lines() {
        match line? {
            line if line.is_empty() => break,
            line => head.push(line),
        }
    }
    let field = |name: &str| {
        let mut fields = head.iter().filter_map(|line| line.split_once(':'));
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let status = head.first().and_then(|line| line.split_once(' ')).map_or("nothing", |it| it.1);
    Ok(match status.get(..3) {
        Some("200") => match field("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => Answer::Body(Box::new(Whole { left: length, reader })),
            None if field("transfer-encoding").is_some() => {
                Answer::Refused("in pieces, which is not asked for".to_owned())
            }
            None => Answer::Body(Box::new(reader)),
        },
        Some("301" | "302" | "303" | "307" | "308") => {
            Answer::Elsewhere(field("location").unwrap_or_default().to_owned())
        }
        _ => Answer::Refused(status.to_owned()),
    })
}

/// A body whose length was told: less is an error.
struct Whole<R> {
    left: u64,
    reader: R,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.by_ref().take(self.left).read(into)?;
        self.left -= n as u64;
        if n == 0 && self.left > 0 && !into.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection broke off"));
        }
        Ok(n)
    }
}

/// Keeps a body as a file, called as what it is.
fn kept(body: Box<dyn Read>) -> io::Result<Fetched> {
    let folder = tempfile::Builder::new().prefix("taskreel-fetched-").tempdir()?;
    let raw = folder.path().join("fetched");
    let n = io::copy(&mut body.take(BYTES_MAX + 1), &mut File::create(&raw)?)?;
    if n > BYTES_MAX {
        return Err(io::Error::other(
            "it is larger than 2 GiB; fetch it yourself, and view the file",
        ));
    }
    let mut magic = Vec::new();
    File::open(&raw)?.take(2).read_to_end(&mut magic)?;
    let file = folder.path().join(if magic == b"PK" { "run.reel.zip" } else { "run.reel" });
    std::fs::rename(raw, &file)?;
    Ok(Fetched { _folder: folder, file })
}

/// Both ways of a connection.
trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

fn connect(url: &Url) -> io::Result<Box<dyn Stream>> {
    let name = url.name();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "there is no such host");
    for addr in (name, url.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&addr, SILENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(SILENCE))?;
                stream.set_write_timeout(Some(SILENCE))?;
                return if url.is_tls { encrypted(stream, name) } else { Ok(Box::new(stream)) };
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn encrypted(stream: TcpStream, name: &str) -> io::Result<Box<dyn Stream>> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let mut usual = AUTHORITIES.iter().map(PathBuf::from).filter(|path| path.is_file());
    let file = named.or_else(|| usual.next()).ok_or_else(|| {
        io::Error::other("no trusted certificates are found; name their file in SSL_CERT_FILE")
    })?;
    let mut roots = RootCertStore::empty();
    let all = CertificateDer::pem_file_iter(&file).map_err(io::Error::other)?;
    // A system's file may hold some that this library does not know.
    roots.add_parsable_certificates(all.filter_map(Result::ok));
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(Box::new(StreamOwned::new(connection, stream)))
}

/// An address of the web, as far as it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    is_tls: bool,
    /// With the port, if the address has one: what the server is asked for.
    host: String,
    port: u16,
    /// With the query.
    path: String,
}

impl Url {
    fn parse(text: &str) -> Option<Self> {
        // What else there is would end up in the request's head.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let is_tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let rest = rest.split('#').next()?;
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.is_empty() || host.contains('@') {
            return None;
        }
        let port = match host.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => port.parse().ok()?,
            _ => {
                if is_tls {
                    443
                } else {
                    80
                }
            }
        };
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some(Self { is_tls, host: host.to_owned(), port, path: format!("{slash}{path}") })
    }

    /// The host's name without port, as it is looked up.
    fn name(&self) -> &str {
        match self.host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((address, _)) => address,
            None => self.host.split(':').next().unwrap_or_default(),
        }
    }

    /// Where a redirection leads to.
    fn join(&self, location: &str) -> Option<Self> {
        let scheme = if self.is_tls { "https" } else { "http" };
        if location.contains("://") {
            return Self::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let folder = self.path.split('?').next()?.rsplit_once('/').map_or("", |(folder, _)| folder);
        let base = if location.starts_with('/') { String::new() } else { format!("{folder}/") };
        Self::parse(&format!("{scheme}://{}{base}{location}", self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn addresses_are_read_and_joined() {
        let url = Url::parse("https://example.org:8443/runs/a.reel?x=1#top").unwrap();
        assert_eq!((url.is_tls, url.port, url.name()), (true, 8443, "example.org"));
        assert_eq!((&*url.host, &*url.path), ("example.org:8443", "/runs/a.reel?x=1"));
        let joined = |to: &str| url.join(to).map(|url| format!("{}{}", url.host, url.path));
        assert_eq!(joined("b.reel").as_deref(), Some("example.org:8443/runs/b.reel"));
        assert_eq!(joined("/b").as_deref(), Some("example.org:8443/b"));
        assert_eq!(joined("http://other/b").as_deref(), Some("other/b"));
        assert_eq!(
            Url::parse("http://[::1]:80").map(|url| url.name().to_owned()),
            Some("::1".into())
        );
        for bad in ["ftp://a/b", "http://", "http://a b/", "http://me@a/", "http://a:x/"] {
            assert_eq!(Url::parse(bad), None, "{bad}");
        }
    }
}
