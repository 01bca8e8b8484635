//! TLS: encrypts what the ends of a cluster say, and keeps out whoever has no certificate for it.
//!
//! Scheduler, workers and clients each show a certificate, and each checks that the other's is
//! signed by the cluster's certificate authority. Names in certificates are not compared with
//! addresses: workers come and go, and their addresses with them. So the authority should be the
//! cluster's own, and sign nothing else.

mod verify;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// What a certificate is checked for instead of a host's name: nobody compares it.
const ANY_NAME: &str = "taskreel";

/// How much of what an end that was refused has sent is read away, so that it gets to read why.
const MAX_REST_BYTES: usize = 64 << 10;

/// A certificate with its key, and the authority that all ends of the cluster trust.
#[derive(Clone)]
pub struct Tls {
    files: [PathBuf; 3],
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

/// Why certificates cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM file of its kind.
    #[error("{path}: no {what} in it: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// What is wrong.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The file has none.
    #[error("{path}: no certificate in it", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The certificates and the key are read, and do not serve.
    #[error("{cert}, {key} and {ca} do not go together: {reason}", cert = files[0].display(), key = files[1].display(), ca = files[2].display())]
    Unfit {
        /// Certificate, key and authority.
        files: Box<[PathBuf; 3]>,
        /// What is wrong.
        reason: String,
    },
}

impl Tls {
    /// Reads PEM files: this end's certificate (with those between it and the authority, if there
    /// are any, behind it), its key, and the certificate of the cluster's authority.
    ///
    /// # Errors
    /// A file cannot be read, is not what it should be, or the key is not the certificate's.
    pub fn load(
        cert: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        ca: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let files = [cert.into(), key.into(), ca.into()];
        let chain = certificates(&files[0])?;
        let key = PrivateKeyDer::from_pem_file(&files[1]).map_err(|source| TlsError::Read {
            path: files[1].clone(),
            what: "private key",
            source,
        })?;
        let unfit = |reason: &dyn fmt::Display| TlsError::Unfit {
            files: Box::new(files.clone()),
            reason: reason.to_string(),
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates(&files[2])? {
            roots.add(authority).map_err(|e| unfit(&e))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(roots);
        let of_clients =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                .build()
                .map_err(|e| unfit(&e))?;
        let of_servers = verify::OfCluster::new(roots, Arc::clone(&provider));
        let of_servers = of_servers.map_err(|e| unfit(&e))?;
        let versions = &[&rustls::version::TLS13];
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(|e| unfit(&e))?
            .with_client_cert_verifier(of_clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(|e| unfit(&e))?;
        // Connections live long: none is resumed.
        server.send_tls13_tickets = 0;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|e| unfit(&e))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(of_servers))
            .with_client_auth_cert(chain, key)
            .map_err(|e| unfit(&e))?;
        Ok(Self {
            files,
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
        })
    }

    /// The files it was read from: certificate, key and authority.
    pub fn files(&self) -> [&Path; 3] {
        self.files.each_ref().map(PathBuf::as_path)
    }

    /// Greets an end that connected.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        match self.acceptor.accept(stream).into_fallible().await {
            Ok(stream) => Ok(TlsStream::Server(stream)),
            Err((error, mut stream)) => {
                read_away(&mut stream).await;
                Err(error)
            }
        }
    }

    /// Greets the end that a connection leads to.
    pub(crate) async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(ANY_NAME).expect("the constant is a name");
        self.connector.connect(name, stream).await.map(TlsStream::Client)
    }
}

/// Compares where they were read from.
impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl Eq for Tls {}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), what: "certificate", source };
    let all = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(failed)?;
    if all.is_empty() { Err(TlsError::Empty { path: path.to_owned() }) } else { Ok(all) }
}

/// Reads what an end sent that is refused: closing before would have its system drop the refusal.
pub(crate) async fn read_away(stream: &mut TcpStream) {
    // It may be gone already; then it needs no word.
    let _ = stream.shutdown().await;
    let mut rest = vec![0; MAX_REST_BYTES];
    let reading = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), reading).await;
}

/// What went wrong, in words for the user of this end; `None`: it has nothing to do with TLS.
pub(crate) fn explain(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    use CertificateError as Wrong;
    let text = match error {
        rustls::Error::InvalidCertificate(Wrong::UnknownIssuer | Wrong::BadSignature) => {
            "the certificate of the other end is not signed by the authority given here"
        }
        rustls::Error::InvalidCertificate(Wrong::Expired | Wrong::ExpiredContext { .. }) => {
            "the certificate of the other end has expired"
        }
        rustls::Error::InvalidCertificate(
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. },
        ) => "the certificate of the other end is not valid yet: do both clocks agree?",
        rustls::Error::NoCertificatesPresented => "the other end shows no certificate",
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA | AlertDescription::DecryptError,
        ) => "the other end refuses our certificate: its authority did not sign it",
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "the other end refuses our certificate: it has expired"
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the other end wants to see a certificate"
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the other end speaks no TLS: leave the certificates out, or give it some"
        }
        other => return Some(other.to_string()),
    };
    Some(text.to_owned())
}
