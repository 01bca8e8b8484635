//! The file's begin: magic, version, and what the run says of itself.

use crate::RunInfo;
use crate::bytes::Cursor;
use crate::format::{MAJOR, MINOR};

/// The first bytes of every trace. The line end shows a transfer that mangled it.
const MAGIC: &[u8; 6] = b"REEL\r\n";
/// Bytes before the JSON: magic, version, length, checksum.
pub(crate) const HEADER_PREFIX: usize = 16;
/// The most the JSON may have.
const MAX_JSON: usize = 1 << 20;

/// What is wrong with a header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    NotATrace,
    Newer { found: u8 },
    Damaged(&'static str),
}

/// The header's bytes; `Err` holds the size of a JSON that is too large.
pub(crate) fn encode_header(info: &RunInfo) -> Result<Vec<u8>, (usize, usize)> {
    let json = serde_json::to_vec(info).expect("strings and numbers become JSON");
    if json.len() > MAX_JSON {
        return Err((json.len(), MAX_JSON));
    }
    let mut out = Vec::with_capacity(HEADER_PREFIX + json.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[MAJOR, MINOR]);
    out.extend_from_slice(&(json.len() as u32).to_le_bytes());
    let crc = checksum(&out, &json);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&json);
    Ok(out)
}

/// Length of the JSON, from the bytes before it (fewer when the file is shorter).
pub(crate) fn parse_prefix(prefix: &[u8]) -> Result<usize, HeaderFault> {
    if !prefix.starts_with(&MAGIC[..MAGIC.len().min(prefix.len())]) {
        return Err(HeaderFault::NotATrace);
    }
    let mut cursor = Cursor::new(prefix);
    let cut = |_end| HeaderFault::Damaged("it is cut short");
    cursor.take(MAGIC.len()).map_err(cut)?;
    let found = cursor.u8().map_err(cut)?;
    if found > MAJOR {
        return Err(HeaderFault::Newer { found });
    }
    cursor.u8().map_err(cut)?;
    let len = cursor.u32().map_err(cut)? as usize;
    if len > MAX_JSON {
        return Err(HeaderFault::Damaged("its length is impossible"));
    }
    Ok(len)
}

/// Version, checksum (it ties a tail to this file) and content of a whole header.
pub(crate) fn parse_header(bytes: &[u8]) -> Result<((u8, u8), u32, RunInfo), HeaderFault> {
    let len = parse_prefix(bytes)?;
    let cut = |_end| HeaderFault::Damaged("it is cut short");
    let mut cursor = Cursor::new(bytes);
    let before = cursor.take(12).map_err(cut)?;
    let crc = cursor.u32().map_err(cut)?;
    let json = cursor.take(len).map_err(cut)?;
    if checksum(before, json) != crc {
        return Err(HeaderFault::Damaged("its checksum does not fit"));
    }
    let info = serde_json::from_slice(json)
        .map_err(|_why| HeaderFault::Damaged("its JSON is not what it should be"))?;
    Ok(((before[6], before[7]), crc, info))
}

fn checksum(before: &[u8], json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(before);
    hasher.update(json);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back() {
        let info = RunInfo { name: "a \"b\"".to_owned(), tick_ns: 7, ..RunInfo::default() };
        let bytes = encode_header(&info).unwrap();
        let (version, _, read) = parse_header(&bytes).unwrap();
        assert_eq!((version, read), ((MAJOR, MINOR), info));
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let bytes = encode_header(&RunInfo::default()).unwrap();
        for i in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[i] ^= 0x10;
            assert!(parse_header(&damaged).is_err(), "byte {i}");
            assert!(parse_header(&bytes[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let mut bytes = encode_header(&RunInfo::default()).unwrap();
        assert_eq!(parse_header(b"PK\x03\x04....").unwrap_err(), HeaderFault::NotATrace);
        bytes[6] = 9;
        assert_eq!(parse_header(&bytes).unwrap_err(), HeaderFault::Newer { found: 9 });
    }
}
