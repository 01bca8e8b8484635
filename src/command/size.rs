//! Sizes, addresses and numbers of workers as people write them.

use std::net::{Ipv4Addr, SocketAddr};

/// Bytes of `512MB`, `2GiB`, `1.5G`, `4096`. Units with `i` count in 1024, without in 1000.
pub fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 14] = [
        ("", 1.0),
        ("b", 1.0),
        ("k", 1e3),
        ("kb", 1e3),
        ("kib", 1024.0),
        ("m", 1e6),
        ("mb", 1e6),
        ("mib", 1_048_576.0),
        ("g", 1e9),
        ("gb", 1e9),
        ("gib", 1_073_741_824.0),
        ("t", 1e12),
        ("tb", 1e12),
        ("tib", 1_099_511_627_776.0),
    ];
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let unit = unit.trim().to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    match (number.parse::<f64>(), factor) {
        (Ok(number), Some(factor)) if number * factor <= 1e18 => Ok((number * factor) as u64),
        _ => Err(format!("`{text}` is no size: write 512MB, 2GiB or a number of bytes")),
    }
}

/// An address to listen on: `127.0.0.1:8787`, or a port of this machine.
pub fn parse_addr(text: &str) -> Result<SocketAddr, String> {
    if let Ok(addr) = text.parse() {
        return Ok(addr);
    }
    match text.trim_start_matches(':').parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => {
            Err("write ADDRESS:PORT as in 127.0.0.1:8787, or a port; 0 takes a free one".into())
        }
    }
}

/// Where a scheduler listens unless told.
const SCHEDULER_PORT: u16 = 7878;

/// The address of a scheduler: `tcp://head:7878`; what is left out of it is added.
///
/// # Errors
/// It is one of something else, such as `http://head`.
pub fn parse_scheduler(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is no scheduler: write tcp://HOST:PORT as in tcp://head:7878");
    let host = text.strip_prefix("tcp://").unwrap_or(text);
    let is_file = host.contains('/') || host.ends_with(".toml") || host.ends_with(".reel");
    if host.is_empty() || is_file || host.contains(char::is_whitespace) {
        return Err(wrong());
    }
    // Of `[::1]:7878` the port stands behind the bracket; a bare `::1` is left as it is.
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    if behind.contains(':') {
        return Ok(format!("tcp://{host}"));
    }
    Ok(format!("tcp://{host}:{SCHEDULER_PORT}"))
}

/// How many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// So many.
    Fixed(u16),
    /// At least and at most so many.
    Between(u16, u16),
}

/// Reads a number of workers: `4`, `1..8`.
///
/// # Errors
/// It is none.
pub fn parse_workers(text: &str) -> Result<Workers, String> {
    let wrong = || format!("`{text}` is no number of workers: write 4 or 1..8, at most 4096");
    let number = |text: &str| text.parse::<u16>().ok().filter(|n| *n <= 4096).ok_or_else(wrong);
    match text.split_once("..") {
        None => number(text).and_then(|n| if n > 0 { Ok(Workers::Fixed(n)) } else { Err(wrong()) }),
        Some((min, max)) => match (number(min)?, number(max)?) {
            (min, max) if min <= max && max > 0 => Ok(Workers::Between(min, max)),
            _ => Err(wrong()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!(parse_size("512mb"), Ok(512_000_000));
        for bad in ["", "MB", "1XB", "-1", "1e9", "999999999999T"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn completes_the_address_of_a_scheduler() {
        let parsed = |text| parse_scheduler(text).unwrap();
        assert_eq!(parsed("tcp://head:9000"), "tcp://head:9000");
        assert_eq!(parsed("10.0.0.7"), "tcp://10.0.0.7:7878");
        assert_eq!(parsed("[::1]"), "tcp://[::1]:7878");
        assert_eq!(parsed("tcp://[::1]:9000"), "tcp://[::1]:9000");
        for bad in ["", "tcp://", "http://head:8787", "a b", "job.toml", "jobs/job"] {
            assert!(parse_scheduler(bad).is_err(), "{bad}");
        }
    }
}
