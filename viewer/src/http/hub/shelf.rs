//! The runs that are open beside the first, and the files that visitors handed in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Router;
use taskreel_recorder::{OpenError, Source, Tailer, read_info};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::http::Folders;
use crate::http::missing::Missing;
use crate::serve::{Shown, start_folders};

/// Most runs open at the same time; one that nobody asked for longest is closed for another.
const OPEN_MAX: usize = 6;
/// Most files that visitors handed in and that are kept.
const UPLOADS_MAX: usize = 12;

/// The runs that are open.
#[derive(Default)]
pub(super) struct Shelf(Mutex<Vec<Opened>>);

/// One of them; the last one asked for stands at the end.
struct Opened {
    name: String,
    router: Router,
    /// Ends its threads.
    stop: watch::Sender<bool>,
}

impl Shelf {
    pub(super) fn find(&self, name: &str) -> Option<Router> {
        let mut runs = self.lock();
        let place = runs.iter().position(|run| run.name == name)?;
        let run = runs.remove(place);
        let router = run.router.clone();
        runs.push(run);
        Some(router)
    }

    /// Puts a run among those that are open, unless somebody else did meanwhile.
    pub(super) fn put(&self, name: &str, router: Router, stop: watch::Sender<bool>) -> Router {
        if let Some(router) = self.find(name) {
            stop.send_replace(true);
            return router;
        }
        let mut runs = self.lock();
        if runs.len() >= OPEN_MAX {
            runs.remove(0).stop.send_replace(true);
        }
        runs.push(Opened { name: name.to_owned(), router: router.clone(), stop });
        router
    }

    pub(super) fn close(&self) {
        for run in self.lock().drain(..) {
            run.stop.send_replace(true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Opened>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the threads that fold a trace. They end by the sender, or when the viewer stops.
pub(super) fn open(
    path: &Path,
    stopped: &watch::Receiver<bool>,
) -> Result<(Folders, watch::Sender<bool>), Missing> {
    let again = path.to_owned();
    let tailed = move || Ok(Box::new(Tailer::open(&again)?) as Box<dyn Source>);
    let source = tailed().map_err(|error: OpenError| Missing::refused(error.to_string()))?;
    let (stop, own_stopped) = watch::channel(*stopped.borrow());
    let shown = Shown { source, reopen: Some(Box::new(tailed)), title: String::new() };
    let mut threads = Vec::new();
    let folders = start_folders(shown, &own_stopped, &mut threads).map_err(Missing::failed)?;
    // The threads end by themselves; nobody waits for those of a run that was closed.
    drop(threads);
    Ok((folders, stop))
}

/// Files that visitors handed in, until the viewer stops.
#[derive(Default)]
pub(in crate::http) struct Uploads(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    folder: Option<TempDir>,
    /// Names in the folder, the oldest first.
    names: Vec<String>,
    n_taken: u64,
}

impl Uploads {
    /// Where to put the next file, and the name that it will have.
    ///
    /// # Errors
    /// There is no folder for such files, and none can be made.
    pub(in crate::http) fn place(&self, name: &str) -> io::Result<(PathBuf, String)> {
        let mut kept = self.lock();
        if kept.folder.is_none() {
            kept.folder = Some(tempfile::Builder::new().prefix("taskreel-").tempdir()?);
        }
        kept.n_taken += 1;
        let name = format!("{}-{}", kept.n_taken, file_name(name));
        let folder = kept.folder.as_ref().expect("it was made just now");
        Ok((folder.path().join(&name), name))
    }

    /// Keeps a file that was written to its place, if it is a trace; the oldest makes room.
    ///
    /// # Errors
    /// It is no trace, for the reason given.
    pub(in crate::http) fn keep(&self, name: String) -> Result<(), String> {
        let mut kept = self.lock();
        let folder = kept.folder.as_ref().expect("the file was put there").path().to_owned();
        let path = folder.join(&name);
        if let Err(error) = read_info(&path) {
            // What is left goes with the folder.
            let _ = fs::remove_file(&path);
            let full = folder.join("").display().to_string();
            return Err(error.to_string().replace(&full, ""));
        }
        kept.names.push(name);
        if kept.names.len() > UPLOADS_MAX {
            let oldest = kept.names.remove(0);
            let _ = fs::remove_file(folder.join(oldest));
        }
        Ok(())
    }

    /// The names of the files, the newest first.
    pub(in crate::http) fn names(&self) -> Vec<String> {
        self.lock().names.iter().rev().cloned().collect()
    }

    /// The file of a name.
    pub(in crate::http) fn path(&self, name: &str) -> Option<PathBuf> {
        let kept = self.lock();
        kept.names
            .iter()
            .any(|known| known == name)
            .then(|| kept.folder.as_ref())?
            .map(|folder| folder.path().join(name))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stranger's name for a file, as one that may stand in a folder and in an address.
fn file_name(name: &str) -> String {
    let ending = if name.ends_with(".zip") { ".reel.zip" } else { ".reel" };
    let stem = name.trim_end_matches(".zip").trim_end_matches(".reel");
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let stem: String = stem.chars().filter(plain).take(60).collect();
    let stem = stem.trim_matches('.');
    format!("{}{ending}", if stem.is_empty() { "run" } else { stem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_names_stay_in_the_folder() {
        for (name, kept) in [
            ("run.reel", "run.reel"),
            ("slow run.reel.zip", "slowrun.reel.zip"),
            ("../../etc/passwd", "etcpasswd.reel"),
            ("<script>.zip", "script.reel.zip"),
            ("", "run.reel"),
        ] {
            assert_eq!(file_name(name), kept);
        }
    }

    #[test]
    fn what_is_no_trace_is_refused() {
        let uploads = Uploads::default();
        let (path, name) = uploads.place("x.reel").unwrap();
        fs::write(path, "no trace").unwrap();
        let why = uploads.keep(name.clone()).unwrap_err();
        assert!(why.contains("1-x.reel") && !why.contains("/tmp"), "{why}");
        assert_eq!((uploads.names(), uploads.path(&name)), (Vec::new(), None));
    }
}
