//! A library lists, remembers, and loses nothing with its index.

use taskreel_model::{Event, Nanos, Stamped};

use super::*;
use crate::pack::{Part, ZipWriter};
use crate::{Recorder, RecorderOptions, RunInfo};

const DAY_NS: u64 = 86_400_000_000_000;

fn record(folder: &Path, file: &str, started_unix_ns: u64) -> PathBuf {
    let info = RunInfo { name: format!("run of {file}"), started_unix_ns, ..RunInfo::default() };
    let path = folder.join(file);
    let mut recorder = Recorder::create(&path, &info, RecorderOptions::default()).unwrap();
    recorder.append(&crate::run::turns(3, 40, 2, 1).concat()).unwrap();
    recorder.finish().unwrap();
    path
}

fn library() -> (tempfile::TempDir, Library) {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    (folder, library)
}

fn files(library: &Library) -> Vec<String> {
    library.runs().unwrap().into_iter().map(|run| run.file).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn runs_are_listed_latest_first_with_what_they_were() {
    let (folder, library) = library();
    record(folder.path(), "old.reel", 5 * DAY_NS);
    let packed = record(folder.path(), "new.reel", 6 * DAY_NS);
    let mut zip = ZipWriter::new(File::create(folder.path().join("copy.reel.zip")).unwrap());
    zip.add(Part::Trace, &mut File::open(packed).unwrap()).unwrap();
    zip.finish().unwrap();
    fs::write(folder.path().join("broken.reel"), "REEL\r\n").unwrap();
    for other in ["notes.txt", "photos.zip", ".hidden.reel"] {
        fs::write(folder.path().join(other), "PK\x03\x04 something else").unwrap();
    }
    // With and without what the index remembers from the first time.
    for _ in 0..2 {
        let runs = library.runs().unwrap();
        let files: Vec<&str> = runs.iter().map(|run| run.file.as_str()).collect();
        assert_eq!(files, ["copy.reel.zip", "new.reel", "old.reel", "broken.reel"]);
        let Facts { name, tasks, workers, closed, .. } = &runs[2].facts;
        assert_eq!((name.as_str(), *tasks, *workers, *closed), ("run of old.reel", 40, 2, true));
        assert!(runs[3].problem.as_ref().is_some_and(|why| why.contains("broken.reel")));
    }
    fs::remove_file(folder.path().join("new.reel")).unwrap();
    assert_eq!(library.runs().unwrap().len(), 3);
}

#[test]
fn a_file_that_changes_is_read_again() {
    let (folder, library) = library();
    let path = record(folder.path(), "run.reel", DAY_NS);
    assert_eq!(library.runs().unwrap()[0].facts.tasks, 40);
    let info = RunInfo { name: "another".to_owned(), ..RunInfo::default() };
    let options = RecorderOptions { overwrite: true, ..RecorderOptions::default() };
    let mut recorder = Recorder::create(&path, &info, options).unwrap();
    let what = Event::SchedulerStarted { incarnation: 0 };
    let begin = Stamped { seq: 0, logged_at: Nanos(0), at: Nanos(0), cause: None, what };
    recorder.append(&[begin]).unwrap();
    // While it is written, too.
    let run = library.runs().unwrap().remove(0);
    assert_eq!((run.facts.tasks, run.facts.closed), (0, false));
    recorder.finish().unwrap();
    let run = library.runs().unwrap().remove(0);
    assert_eq!((run.facts.name.as_str(), run.facts.closed), ("another", true));
}

/// What comes within ten seconds.
fn soon<T>(what: impl Fn() -> Option<T>) -> Option<T> {
    for _ in 0..1_000 {
        if let Some(it) = what() {
            return Some(it);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    None
}

/// The index. A thread of one that was just closed may have it for a moment.
fn opened(folder: &Path) -> Index {
    soon(|| Index::open(folder)).expect("nobody has it")
}

#[test]
fn the_index_can_be_lost_damaged_or_in_use() {
    let (folder, library) = library();
    record(folder.path(), "a.reel", DAY_NS);
    record(folder.path(), "b.reel", 2 * DAY_NS);
    library.tag("a.reel", &words(&["slow"]), &[]).unwrap();
    let expected = library.runs().unwrap();
    let index = folder.path().join(index::FOLDER);
    assert!(index.is_dir());

    fs::remove_dir_all(&index).unwrap();
    assert_eq!(library.runs().unwrap(), expected);

    let held = opened(folder.path());
    assert!(Index::open(folder.path()).is_none(), "it is in use");
    assert_eq!(library.runs().unwrap(), expected);
    drop(held);

    let mut n_damaged = 0;
    for entry in fs::read_dir(&index).unwrap() {
        let path = entry.unwrap().path();
        if let Ok(bytes) = fs::read(&path) {
            fs::write(&path, vec![0xa5; bytes.len().max(64)]).unwrap();
            n_damaged += 1;
        }
    }
    assert!(n_damaged > 0);
    assert_eq!(library.runs().unwrap(), expected);
    // And it is of use again.
    drop(opened(folder.path()));

    fs::remove_dir_all(&index).unwrap();
    fs::write(&index, "no folder").unwrap();
    assert_eq!(library.runs().unwrap(), expected);
}

#[test]
fn what_the_index_remembers_is_used() {
    let (folder, library) = library();
    let path = record(folder.path(), "run.reel", DAY_NS);
    let run = library.runs().unwrap().remove(0);
    let stat = Stat { bytes: run.bytes, modified_unix_ns: run.modified_unix_ns };
    let told = Facts { tasks: 7, closed: true, ..run.facts };
    opened(folder.path()).put("run.reel", stat, &told);
    let is_used = || library.runs().unwrap()[0].facts.tasks == 7;
    assert!(soon(|| is_used().then_some(())).is_some(), "the file was read");
    // Of a file of another size it remembers nothing.
    fs::OpenOptions::new().append(true).open(path).unwrap().set_len(run.bytes + 1).unwrap();
    assert_eq!(library.runs().unwrap()[0].facts.tasks, 40);
}

#[test]
fn tags_and_notes_stay_with_the_trace() {
    let (folder, library) = library();
    let path = record(folder.path(), "run.reel", DAY_NS);
    let tags = library.tag("run.reel", &words(&["slow", "issue-17", "slow"]), &[]).unwrap();
    assert_eq!(tags, ["issue-17", "slow"]);
    library.note("run.reel", " disk was full\n").unwrap();
    library.tag("run.reel", &[], &words(&["slow", "never-set"])).unwrap();
    let run = library.runs().unwrap().remove(0);
    assert_eq!((run.tags, run.note.as_str()), (words(&["issue-17"]), "disk was full"));

    for bad in ["", "two words", "a,b", "x\u{7}", &"x".repeat(65)] {
        let refused = library.tag("run.reel", &words(&[bad]), &[]);
        assert!(matches!(refused, Err(LibraryError::BadNote(_))), "{bad}");
    }
    assert!(library.note("run.reel", &"x".repeat(MAX_NOTE + 1)).is_err());
    for elsewhere in ["../run.reel", "/etc/run.reel", "none.reel", "run.reel/", ""] {
        let refused = library.remove(elsewhere);
        assert!(matches!(refused, Err(LibraryError::NoSuchRun { .. })), "{elsewhere}");
    }

    fs::write(notes_path(&path), "{").unwrap();
    let run = library.runs().unwrap().remove(0);
    assert!(run.problem.is_some() && run.facts.tasks == 40, "{run:?}");
    assert!(matches!(library.note("run.reel", "x"), Err(LibraryError::Damaged { .. })));

    library.remove("run.reel").unwrap();
    assert_eq!(files(&library), Vec::<String>::new());
    assert!(!notes_path(&path).exists());
}

#[test]
fn what_is_old_or_too_much_goes() {
    let now = 100 * DAY_NS;
    let run = |file: &str, day: u64, bytes: u64| Run {
        file: file.to_owned(),
        bytes,
        modified_unix_ns: day * DAY_NS,
        facts: Facts { started_unix_ns: day * DAY_NS, closed: true, ..Facts::default() },
        ..Run::default()
    };
    let tagged = Run { tags: words(&[KEEP_TAG]), ..run("tagged", 1, 50) };
    let mut growing = run("growing", 2, 50);
    growing.facts.closed = false;
    growing.modified_unix_ns = now - 1_000;
    let mut killed = run("killed", 2, 50);
    killed.facts.closed = false;
    // It goes on, and had nothing to write for days.
    let mut idle = run("idle", 3, 50);
    idle.facts.closed = false;
    let unreadable = Run { problem: Some("?".to_owned()), ..run("unreadable", 0, 50) };
    let runs = [
        run("today", 100, 10),
        run("week", 94, 10),
        run("month", 70, 10),
        growing,
        idle,
        killed,
        tagged,
        unreadable,
    ];
    let gone = |days, bytes| -> Vec<&str> {
        let gone = to_remove(&runs, Keep { days, bytes }, now, |run| run.file == "idle");
        gone.iter().map(|run| run.file.as_str()).collect()
    };
    assert_eq!(gone(None, None), Vec::<&str>::new());
    assert_eq!(gone(Some(30), None), ["killed"]);
    assert_eq!(gone(Some(7), None), ["month", "killed"]);
    assert_eq!(gone(None, Some(25)), ["month", "killed"]);
    assert_eq!(gone(Some(0), Some(0)), ["today", "week", "month", "killed"]);
    assert_eq!(gone(None, Some(80)), ["killed"]);
}

#[test]
fn a_run_that_goes_on_is_not_removed() {
    let (folder, library) = library();
    let path = folder.path().join("run.reel");
    let options = RecorderOptions::default();
    let recorder = Recorder::create(&path, &RunInfo::default(), options).unwrap();
    let run = library.runs().unwrap().remove(0);
    assert!(library.is_recording(&run));
    assert!(matches!(library.remove("run.reel"), Err(LibraryError::Recording { .. })));
    assert!(path.exists());
    recorder.finish().unwrap();
    assert!(!library.is_recording(&run));
    library.remove("run.reel").unwrap();
    // And so did somebody else at the same time.
    assert!(matches!(library.remove("run.reel"), Err(LibraryError::NoSuchRun { .. })));
}
