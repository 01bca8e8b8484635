//! Tables as comma-separated text, read whole or in pieces.
//!
//! A cell may be in double quotes, doubled within it; a line's end in quotes is not understood,
//! since a file could not be cut at lines then.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The cells of the first line.
pub(crate) fn header(path: &Path) -> io::Result<Vec<String>> {
    let mut line = String::new();
    BufReader::new(File::open(path)?).read_line(&mut line)?;
    Ok(cells(line.trim_start_matches('\u{feff}')))
}

/// Position of a column.
pub(crate) fn column(header: &[String], name: &str) -> Result<usize, String> {
    header.iter().position(|found| found == name).ok_or_else(|| {
        format!("there is no column `{name}`: the columns are {}", header.join(", "))
    })
}

/// The lines that begin within `from..to`, without the first line of the file. Each line belongs
/// to exactly one of the pieces that a file is cut into.
pub(crate) fn lines(path: &Path, from: u64, to: u64) -> io::Result<Vec<String>> {
    let mut file = BufReader::new(File::open(path)?);
    // A line that begins right at `from` is ours: look at the byte before.
    let mut at = from.saturating_sub(1);
    file.seek(SeekFrom::Start(at))?;
    let mut skipped = Vec::new();
    at += file.read_until(b'\n', &mut skipped)? as u64;
    let mut lines = Vec::new();
    while at < to {
        let mut line = Vec::new();
        let n = file.by_ref().read_until(b'\n', &mut line)?;
        if n == 0 {
            break;
        }
        at += n as u64;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            lines.push(text.to_owned());
        }
    }
    Ok(lines)
}

/// The cells of a line.
pub(crate) fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut chars = line.trim_end_matches(['\n', '\r']).chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        let cell = cells.last_mut().expect("there is one from the begin");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cell.push(c),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_be_quoted() {
        assert_eq!(cells("a,\"b, \"\"c\"\"\",,1\r\n"), ["a", "b, \"c\"", "", "1"]);
    }

    #[test]
    fn each_line_is_in_one_piece_wherever_a_file_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, "x\n1\n22\n333\n\n4444\n5").unwrap();
        let size = 19;
        for cut in 0..=size {
            let mut all = lines(&path, 0, cut).unwrap();
            all.extend(lines(&path, cut, size).unwrap());
            assert_eq!(all, ["1", "22", "333", "4444", "5"], "cut at {cut}");
        }
    }
}
