//! Sizes as people write them.

/// Bytes of `512MB`, `2GiB`, `1.5G`, `4096`. Units with `i` count in 1024, without in 1000.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
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
}
