//! Tags and notes: what people say of a run, in a small file beside its trace.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::LibraryError;

/// The most characters a tag may have.
pub const MAX_TAG: usize = 64;
/// The most bytes a note may have.
pub const MAX_NOTE: usize = 64 << 10;
/// More than a file of ours ever has.
const MAX_FILE: u64 = 1 << 20;
/// More tags than this nobody reads; it bounds the file.
const MAX_TAGS: usize = 256;

/// What the file beside a trace holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Notes {
    pub(super) tags: Vec<String>,
    pub(super) note: String,
}

/// The file with tags and notes of a trace.
pub(super) fn notes_path(trace: &Path) -> PathBuf {
    let mut path = trace.as_os_str().to_owned();
    path.push(".notes");
    path.into()
}

/// Held while notes are changed: two processes do not overwrite each other's.
pub(super) fn lock(folder: &Path) -> Result<File, LibraryError> {
    let path = folder.join(".reel-lock");
    let fault = |source| LibraryError::Io { what: "lock", path: path.clone(), source };
    let file = File::create(&path).map_err(fault)?;
    file.lock().map_err(fault)?;
    Ok(file)
}

/// A tag is one word, so that a list of them can be read.
pub(super) fn check_tag(tag: &str) -> Result<(), LibraryError> {
    let is_word = !tag.is_empty()
        && tag.chars().count() <= MAX_TAG
        && !tag.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',');
    if is_word {
        return Ok(());
    }
    let message = format!("`{tag}` is no tag: one word of at most {MAX_TAG} characters");
    Err(LibraryError::BadNote(message))
}

pub(super) fn check_note(text: &str) -> Result<(), LibraryError> {
    if text.len() <= MAX_NOTE {
        return Ok(());
    }
    let len = text.len();
    Err(LibraryError::BadNote(format!("the note has {len} bytes, more than {MAX_NOTE}")))
}

impl Notes {
    /// What stands beside a trace; nothing if there is no file.
    pub(super) fn read(trace: &Path) -> Result<Self, LibraryError> {
        let path = notes_path(trace);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(LibraryError::Io { what: "read", path, source }),
        };
        let mut text = Vec::new();
        if let Err(source) = file.take(MAX_FILE).read_to_end(&mut text) {
            return Err(LibraryError::Io { what: "read", path, source });
        }
        match serde_json::from_slice(&text) {
            Ok(notes) => Ok(notes),
            Err(_why) => Err(LibraryError::Damaged { path }),
        }
    }

    /// Puts it beside a trace, whole or not at all; nothing to say leaves no file.
    pub(super) fn write(&self, trace: &Path) -> Result<(), LibraryError> {
        if self.tags.len() > MAX_TAGS {
            let message = format!("a run has at most {MAX_TAGS} tags: remove some first");
            return Err(LibraryError::BadNote(message));
        }
        let path = notes_path(trace);
        let fault = |source| LibraryError::Io { what: "write", path: path.clone(), source };
        if *self == Self::default() {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault(error)),
                Ok(()) | Err(_) => Ok(()),
            };
        }
        let mut text = serde_json::to_vec_pretty(self).expect("strings become JSON");
        text.push(b'\n');
        let mut next = path.as_os_str().to_owned();
        next.push(".new");
        fs::write(&next, text).and_then(|()| fs::rename(&next, &path)).map_err(fault)
    }
}
