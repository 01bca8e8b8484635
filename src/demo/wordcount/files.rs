//! Which files are counted: regular files under the paths, links not followed.
//!
//! Left out, unless named themselves or `--all` is given: what version control keeps for itself
//! (`.git`, `.hg`, `.svn`), folders that say they are caches (`CACHEDIR.TAG`, as `target` has) and
//! traces (`*.reel` and their tails), one of which is being written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

/// What to count.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Regular files, in the order of their paths.
    pub(crate) files: Vec<Listed>,
    /// Folders that could not be entered, with the reason.
    pub(crate) unreadable: Vec<String>,
    /// Paths that were left out on purpose.
    pub(crate) skipped: Vec<PathBuf>,
}

/// A file and its size.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// Lists the files under the paths; one that is under several of them is listed once.
pub(crate) fn list(paths: &[PathBuf], all: bool) -> Result<Listing, String> {
    let mut listing = Listing::default();
    let mut seen = BTreeSet::new();
    for root in paths {
        // A path that is not there is a mistake of the caller's, unlike one found on the way.
        std::fs::metadata(root).map_err(|error| format!("count {}: {error}", root.display()))?;
        let mut walk = WalkDir::new(root).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    listing.unreadable.push(error.to_string());
                    continue;
                }
            };
            if !all && entry.depth() > 0 && is_left_out(&entry) {
                if entry.file_type().is_dir() {
                    walk.skip_current_dir();
                }
                listing.skipped.push(entry.into_path());
                continue;
            }
            let is_file = entry.file_type().is_file()
                || (entry.depth() == 0
                    && std::fs::metadata(entry.path()).is_ok_and(|m| m.is_file()));
            if is_file && (paths.len() == 1 || is_new(entry.path(), &mut seen)) {
                let bytes = std::fs::metadata(entry.path()).map_or(0, |metadata| metadata.len());
                listing.files.push(Listed { path: tidy(entry.path()), bytes });
            }
        }
    }
    Ok(listing)
}

fn is_left_out(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.file_type().is_dir() {
        let is_cache = || entry.path().join("CACHEDIR.TAG").is_file();
        return matches!(name.as_ref(), ".git" | ".hg" | ".svn") || is_cache();
    }
    [".reel", ".reel.tail", ".reel.tail2"].iter().any(|ending| name.ends_with(ending))
}

fn is_new(path: &Path, seen: &mut BTreeSet<PathBuf>) -> bool {
    seen.insert(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
}

/// Without the `./` that every path under `.` begins with.
fn tidy(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_owned()
}
