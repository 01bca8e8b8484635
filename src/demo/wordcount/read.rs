//! Reading files whole or in pieces that end between words, and finding words.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// How much is looked at at once for the place to cut.
const STEP_BYTES: usize = 64 << 10;

/// A file's bytes.
pub(super) fn whole(path: &OsStr) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// The bytes between two places of a file, each moved on to the next place where a cut parts
/// neither a word nor a character. So the pieces of a file, put together, are the file.
pub(super) fn piece(path: &OsStr, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let from = cut(&mut file, from)?;
    let to = cut(&mut file, to)?.max(from);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::with_capacity((to - from) as usize);
    file.take(to - from).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first place at or after `at` before which the file can be cut.
fn cut(file: &mut File, at: u64) -> io::Result<u64> {
    if at == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(at))?;
    let mut step = vec![0; STEP_BYTES];
    let mut passed = 0;
    loop {
        let n = file.read(&mut step)?;
        let inside = |byte: &u8| byte.is_ascii_alphabetic() || (0x80..0xC0).contains(byte);
        match step[..n].iter().position(|byte| !inside(byte)) {
            Some(place) => return Ok(at + passed + place as u64),
            None if n == 0 => return Ok(at + passed),
            None => passed += n as u64,
        }
    }
}

/// Calls `found` with each word, in lower case.
pub(super) fn each_word(text: &[u8], mut found: impl FnMut(&str)) {
    let mut word = String::new();
    for run in text.split(|byte| !byte.is_ascii_alphabetic()) {
        if !run.is_empty() {
            word.clear();
            word.extend(run.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
            found(&word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_part_neither_words_nor_characters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        let text = "añb€ words and ééé, 漢字 end".repeat(3);
        std::fs::write(&path, &text).unwrap();
        for size in 1..text.len() {
            let mut joined = String::new();
            let mut words = Vec::new();
            for from in (0..text.len()).step_by(size) {
                let to = (from + size).min(text.len()) as u64;
                let bytes = piece(path.as_os_str(), from as u64, to).unwrap();
                each_word(&bytes, |word| words.push(word.to_owned()));
                joined.push_str(std::str::from_utf8(&bytes).expect("whole characters"));
            }
            assert_eq!(joined, text, "pieces of {size}");
            let mut expected = Vec::new();
            each_word(text.as_bytes(), |word| expected.push(word.to_owned()));
            assert_eq!(words, expected);
        }
    }
}
