//! Where a cluster is, and the token that it demands.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::Failure;

/// Holds the token where no file is given.
const TOKEN: &str = "TASKREEL_TOKEN";

/// The cluster's token.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// File with the cluster's token [default: what TASKREEL_TOKEN holds]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Access {
    /// The token, if there is one.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
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
