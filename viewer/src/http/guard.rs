//! Who may ask: the `Host`, `Origin` and token checks.
//!
//! A page of another site must not read a run through the visitor's browser: neither by pointing a
//! name of its own at this machine (DNS rebinding, hence `Host`) nor by opening the WebSocket, which
//! browsers allow across origins (hence `Origin`). Off loopback anybody could ask, so a token is
//! needed there; whoever has it may use any name for this machine.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// Set by proxies; a page cannot set it on a WebSocket, so it may vouch for an origin.
const FORWARDED_HOST: &str = "x-forwarded-host";

/// Keeps the token for what the page loads.
pub(crate) const TOKEN_COOKIE: &str = "taskreel-token";

/// Whom the viewer answers.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    /// The address this server is bound to.
    pub addr: SocketAddr,
    /// What whoever asks must know.
    pub token: Option<String>,
}

impl Gate {
    /// Whether a request may be answered. What would change something must come from the viewer's
    /// own page, or from no page at all.
    pub(super) fn check(&self, request: &Request) -> Result<Proof, Refusal> {
        if self.token.is_none() {
            check_host(request.headers(), request.uri(), self.addr)?;
        }
        if !request.method().is_safe() {
            check_origin(request.headers())?;
        }
        check_token(request.headers(), request.uri(), self.token.as_deref())
    }
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The name asked for is not this server's.
    Host,
    /// The page that asks is not this server's.
    Origin,
    /// The token is missing or wrong.
    Token,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let why = match self {
            Self::Host => {
                "refused: this viewer answers to localhost and to the address it listens on only\n"
            }
            Self::Origin => "refused: this is open to the viewer's own pages only\n",
            Self::Token => {
                "refused: open the whole link that the viewer printed; it has the token\n"
            }
        };
        let status = match self {
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::Token => StatusCode::UNAUTHORIZED,
        };
        (status, why).into_response()
    }
}

/// Whether the request names a host that is this server: a loopback name or address with any port
/// (it may be forwarded), the bound address, or any address where all are bound.
pub(crate) fn check_host(headers: &HeaderMap, uri: &Uri, bound: SocketAddr) -> Result<(), Refusal> {
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority: Authority = match (uri.authority(), named) {
        (Some(authority), _) => authority.clone(),
        (None, Some(host)) => host.parse().map_err(|_error| Refusal::Host)?,
        (None, None) => return Err(Refusal::Host),
    };
    if is_ours(authority.host(), bound.ip()) { Ok(()) } else { Err(Refusal::Host) }
}

fn is_ours(host: &str, bound: IpAddr) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        // Rebinding needs a name, so a bare address is safe where all addresses are bound.
        Ok(ip) => ip.is_loopback() || ip == bound || bound.is_unspecified(),
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// Whether a WebSocket comes from the viewer's own page, or from no page at all.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin: Uri =
        origin.to_str().ok().and_then(|origin| origin.parse().ok()).ok_or(Refusal::Origin)?;
    let page = origin.authority().ok_or(Refusal::Origin)?;
    let same = [HOST.as_str(), FORWARDED_HOST]
        .iter()
        .filter_map(|&name| headers.get(name)?.to_str().ok())
        .any(|host| host.eq_ignore_ascii_case(page.as_str()));
    if same { Ok(()) } else { Err(Refusal::Origin) }
}

/// How a request proved that it may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing to prove, or the cookie was there.
    Known,
    /// By the address: the browser is to keep the token in a cookie, for what the page loads.
    Address,
}

/// Whether a request has the token, in its address (`?token=`) or in the viewer's cookie.
pub(crate) fn check_token(
    headers: &HeaderMap,
    uri: &Uri,
    wanted: Option<&str>,
) -> Result<Proof, Refusal> {
    let Some(wanted) = wanted else { return Ok(Proof::Known) };
    let in_address = uri.query().into_iter().flat_map(|query| query.split('&'));
    if in_address.filter_map(|pair| pair.strip_prefix("token=")).any(|token| is_same(token, wanted))
    {
        return Ok(Proof::Address);
    }
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';')).map(str::trim);
    let mut tokens = pairs.filter_map(|pair| pair.strip_prefix(TOKEN_COOKIE)?.strip_prefix('='));
    if tokens.any(|token| is_same(token, wanted)) { Ok(Proof::Known) } else { Err(Refusal::Token) }
}

/// Compares in a time that does not tell how much of a guess was right.
fn is_same(given: &str, wanted: &str) -> bool {
    let differences = given.bytes().zip(wanted.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == wanted.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, bound: &str) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, name.parse().unwrap());
        check_host(&headers, &Uri::from_static("/"), bound.parse().unwrap())
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let loopback = "127.0.0.1:8787";
        for name in ["localhost:8787", "localhost", "127.0.0.1:9999", "[::1]:8787", "a.localhost:1"]
        {
            assert_eq!(host(name, loopback), Ok(()), "{name}");
        }
        for name in ["evil.example", "localhost.evil.example:8787", "192.168.1.5:8787", "", "a b"] {
            assert_eq!(host(name, loopback), Err(Refusal::Host), "{name}");
        }
        assert_eq!(host("192.168.1.5:8787", "0.0.0.0:8787"), Ok(()));
        assert_eq!(host("evil.example:8787", "0.0.0.0:8787"), Err(Refusal::Host));
        assert_eq!(host("192.168.1.5:8787", "192.168.1.5:8787"), Ok(()));
    }

    #[test]
    fn only_the_right_token_opens() {
        let check = |uri: &'static str, cookie: &str, wanted| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, cookie.parse().unwrap());
            check_token(&headers, &Uri::from_static(uri), wanted)
        };
        assert_eq!(check("/", "", None), Ok(Proof::Known));
        assert_eq!(check("/tasks?at=1s&token=abc", "", Some("abc")), Ok(Proof::Address));
        assert_eq!(check("/ws", "a=b; taskreel-token=abc", Some("abc")), Ok(Proof::Known));
        for (uri, cookie) in [
            ("/", ""),
            ("/?token=", ""),
            ("/?token=ab", ""),
            ("/?token=abcd", "taskreel-token=abx"),
            ("/?xtoken=abc", "xtaskreel-token=abc"),
        ] {
            assert_eq!(check(uri, cookie, Some("abc")), Err(Refusal::Token), "{uri} {cookie}");
        }
    }

    fn origin(pairs: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for &(name, value) in pairs {
            headers.insert(name, value.parse().unwrap());
        }
        check_origin(&headers)
    }

    #[test]
    fn the_live_channel_is_for_our_page() {
        assert_eq!(origin(&[("host", "localhost:1")]), Ok(()), "no browser, no origin");
        assert_eq!(origin(&[("host", "localhost:1"), ("origin", "http://localhost:1")]), Ok(()));
        for bad in ["http://evil.example", "http://localhost:2", "null", "http://localhost:1.evil"]
        {
            assert_eq!(
                origin(&[("host", "localhost:1"), ("origin", bad)]),
                Err(Refusal::Origin),
                "{bad}"
            );
        }
        let proxied = [
            ("host", "127.0.0.1:8787"),
            ("x-forwarded-host", "hub.example"),
            ("origin", "https://hub.example"),
        ];
        assert_eq!(origin(&proxied), Ok(()));
    }
}
