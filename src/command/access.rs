//! What a cluster demands of those that connect: its token, and certificates.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use taskreel_runtime::{Credentials, Tls};

use super::Failure;

/// Holds the token where no file is given.
const TOKEN: &str = "TASKREEL_TOKEN";

/// The cluster's token, and certificates.
#[derive(Debug, Args)]
pub struct Access {
    /// File with the cluster's token [default: what TASKREEL_TOKEN holds]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Speak TLS, and show this certificate (PEM) [default: the file that TASKREEL_TLS_CERT names]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM) [default: the file that TASKREEL_TLS_KEY names]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Certificate of the authority that signs those of the cluster (PEM)
    /// [default: the file that TASKREEL_TLS_CA names]
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
}

impl Access {
    /// The certificate, if TLS is to be spoken.
    pub fn tls(&self) -> Result<Option<Tls>, Failure> {
        let or_variable = |file: &Option<PathBuf>, name| {
            let variable = || std::env::var_os(name).filter(|value| !value.is_empty());
            file.clone().or_else(|| variable().map(PathBuf::from))
        };
        let cert = or_variable(&self.tls_cert, "TASKREEL_TLS_CERT");
        let key = or_variable(&self.tls_key, "TASKREEL_TLS_KEY");
        let ca = or_variable(&self.tls_ca, "TASKREEL_TLS_CA");
        match (cert, key, ca) {
            (None, None, None) => Ok(None),
            (Some(cert), Some(key), Some(ca)) => {
                Tls::load(cert, key, ca).map(Some).map_err(Failure::input)
            }
            _ => Err(Failure::usage("TLS needs all of --tls-cert, --tls-key and --tls-ca")),
        }
    }

    /// All of it.
    pub fn credentials(&self) -> Result<Credentials, Failure> {
        Ok(Credentials::new(self.token()?.as_deref(), self.tls()?))
    }

    /// The token, if there is one.
    pub fn token(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.token_file else {
            return Ok(std::env::var(TOKEN).ok().filter(|token| !token.is_empty()));
        };
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(Failure::input(format!("{} is empty: no token", path.display())));
        }
        Ok(Some(token.to_owned()))
    }
}
