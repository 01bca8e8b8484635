//! What the ends of a cluster show one another before anything else is said.

use std::sync::Arc;

use crate::tls::Tls;

/// The cluster's token, and this end's certificate. By default neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    token: Option<Arc<str>>,
    tls: Option<Tls>,
}

impl Credentials {
    /// A token to be shown and demanded, and whether to speak TLS.
    pub fn new(token: Option<&str>, tls: Option<Tls>) -> Self {
        Self { token: token.map(Into::into), tls }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }
}
