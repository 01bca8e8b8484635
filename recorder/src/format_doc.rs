//! Keeps `docs/trace-format.md` true: its example is made here, byte by byte, and compared; its
//! tables name every event and column. `TASKREEL_BLESS=1` writes the example anew.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use taskreel_model::{EVENT_NAMES, Event, LogLevel, LogLine, Nanos, Stamped, TaskId, WorkerId};

use crate::events::COLUMN_NAMES;
use crate::format::{BlockHeader, HEADER_PREFIX, Kind, TRAILER_LEN};
use crate::tail::TailWriter;
use crate::writer::BlockWriter;
use crate::{RunInfo, Source, TraceReader};

const BEGIN: &str = "<!-- example: made by a test -->\n";
const END: &str = "<!-- end of example -->\n";

fn doc() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/trace-format.md")
}

fn events() -> [Stamped<Event>; 4] {
    let (task, worker) = (TaskId(5), WorkerId(1));
    [
        (2_000, 2_000, None, Event::SchedulerStarted { incarnation: 0 }),
        (9_000, 8_000, None, Event::TaskStarted { task, worker, attempt: 1, slot: 0 }),
        (709_000, 700_000, None, Event::TaskFinished { task, worker, attempt: 1, bytes: 300 }),
        (709_000, 709_000, Some(2), Event::RetryDue { task: TaskId(6) }),
    ]
    .map(|(logged_at, at, cause, what)| (Nanos(logged_at), Nanos(at), cause, what))
    .into_iter()
    .zip(0..)
    .map(|((logged_at, at, cause, what), seq)| Stamped { seq, logged_at, at, cause, what })
    .collect::<Vec<_>>()
    .try_into()
    .unwrap()
}

fn run_info() -> RunInfo {
    RunInfo { run_id: "c0ffee".to_owned(), name: "tiny".to_owned(), ..RunInfo::default() }
}

/// Writes a stretch of bytes under a title, sixteen a line.
fn dump(out: &mut String, title: &str, bytes: &[u8], from: usize, len: usize) {
    writeln!(out, "{title}").unwrap();
    for (i, row) in bytes[from..from + len].chunks(16).enumerate() {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = row
            .iter()
            .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { byte as char } else { '.' })
            .collect();
        writeln!(out, "  {:04x}  {:<47}  {text}", from + 16 * i, hex.join(" ")).unwrap();
    }
}

/// The example: a trace and a tail, taken apart.
fn example() -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.reel");
    let (mut writer, run_check) =
        BlockWriter::begin(&path, File::create(&path).unwrap(), &run_info()).unwrap();
    let line = LogLine {
        at: Nanos(700_000),
        worker: Some(WorkerId(1)),
        task: Some(TaskId(5)),
        level: LogLevel::Output,
        text: "hi".to_owned(),
    };
    let header_len = writer.bytes() as usize;
    let mut begins = vec![header_len];
    writer.events(&events()).unwrap();
    begins.push(writer.bytes() as usize);
    writer.logs(&[line]).unwrap();
    begins.push(writer.bytes() as usize);
    writer.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    begins.push(bytes.len() - TRAILER_LEN);
    let mut read = TraceReader::open(&path).unwrap();
    assert_eq!(read.next_batch().unwrap().unwrap().events, events());

    let mut out = "```text\n".to_owned();
    dump(&mut out, "header: before the JSON", &bytes, 0, HEADER_PREFIX);
    dump(&mut out, "header: JSON", &bytes, HEADER_PREFIX, header_len - HEADER_PREFIX);
    for (pair, what) in begins.windows(2).zip(["events", "log lines", "footer"]) {
        let (begin, payload) = (pair[0], pair[0] + BlockHeader::LEN);
        dump(&mut out, &format!("block of {what}: header"), &bytes, begin, BlockHeader::LEN);
        dump(&mut out, &format!("block of {what}: payload"), &bytes, payload, pair[1] - payload);
    }
    dump(&mut out, "trailer", &bytes, bytes.len() - TRAILER_LEN, TRAILER_LEN);

    let mut tail = TailWriter::new(&path, run_check);
    tail.events(&events()[3..], 0).unwrap();
    let tail = fs::read(folder.path().join("tiny.reel.tail")).unwrap();
    dump(&mut out, "a tail that holds the last event: header", &tail, 0, 20);
    let payload_len = u32::from_le_bytes(tail[20..24].try_into().unwrap());
    let len = 21 + payload_len as usize;
    assert!(tail[20 + len..].iter().all(|&byte| byte == 0));
    dump(&mut out, "a tail that holds the last event: frame", &tail, 20, len);
    out.push_str("```\n");
    out
}

#[test]
fn the_example_is_what_the_code_writes() {
    let text = fs::read_to_string(doc()).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the description has an example");
    let (written, after) = rest.split_once(END).expect("the example ends");
    let made = example();
    if std::env::var_os("TASKREEL_BLESS").is_some() {
        fs::write(doc(), [before, BEGIN, &made, END, after].concat()).unwrap();
    } else {
        assert_eq!(written, made, "run this test with TASKREEL_BLESS=1 and look at the change");
    }
}

#[test]
fn the_tables_are_complete() {
    let text = fs::read_to_string(doc()).unwrap();
    let rows = |names: &[&str]| {
        let rows: Vec<String> =
            names.iter().enumerate().map(|(i, name)| format!("\n| {i} | {name} |")).collect();
        rows
    };
    for row in rows(EVENT_NAMES.as_slice()).into_iter().chain(rows(COLUMN_NAMES)) {
        assert!(text.contains(&row), "no row begins with {row}");
    }
    for kind in [Kind::Events, Kind::Samples, Kind::Logs, Kind::Specs, Kind::Keyframe, Kind::Footer]
    {
        let row = format!("\n| {} | {kind:?} |", kind as u8);
        assert!(text.contains(&row), "no row begins with {row}");
    }
}
