//! Why something that was asked for is not there, for people and for programs.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::desk::NoAnswer;
use crate::fold::Gone;

/// A refusal with its reason, a sentence.
#[derive(Debug)]
pub(super) struct Missing {
    status: StatusCode,
    why: String,
}

impl Missing {
    /// There is no such thing.
    pub(super) fn nothing(why: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, why: why.into() }
    }

    /// What was asked for cannot be read.
    pub(super) fn unclear(why: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, why: why.into() }
    }

    /// What was handed in is not what it should be.
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, why: why.into() }
    }

    /// It is larger than what is taken.
    pub(super) fn too_large(why: impl Into<String>) -> Self {
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, why: why.into() }
    }

    /// It should be there, and is not.
    #[expect(clippy::needless_pass_by_value, reason = "so that map_err takes it as it is")]
    pub(super) fn failed(why: impl ToString) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, why: why.to_string() }
    }

    /// The reason.
    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// The trace cannot be read from its begin.
    pub(super) fn no_trace() -> Self {
        Self::nothing("the trace cannot be read again from its begin")
    }
}

impl From<Gone> for Missing {
    fn from(_gone: Gone) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, why: "the viewer is stopping".to_owned() }
    }
}

impl From<NoAnswer> for Missing {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Gone => Gone.into(),
            NoAnswer::Busy => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                why: "too much is being worked out already; ask again in a moment".to_owned(),
            },
        }
    }
}

impl IntoResponse for Missing {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.why)).into_response()
    }
}
