//! The live channel: what pages are told while a run goes on, and what they cannot do to it.

use taskreel_model::{Event, Nanos};
use taskreel_recorder::Batch;

use super::client::{Socket, get};
use super::serving::{LOOK, small, start, start_finished, state_when};
use super::synthetic::{self, Plan, Playback};

/// How many tasks run at the most, and an instant at which they do.
fn busiest(batch: &Batch) -> (i32, Nanos) {
    let mut n_running = 0;
    let mut most = (0, Nanos::ZERO);
    for of_instant in batch.events.chunk_by(|a, b| a.logged_at == b.logged_at) {
        for event in of_instant {
            let has_ended =
                matches!(event.what, Event::TaskFinished { .. } | Event::TaskFailed { .. });
            n_running +=
                i32::from(matches!(event.what, Event::TaskStarted { .. })) - i32::from(has_ended);
        }
        if n_running > most.0 {
            most = (n_running, of_instant[0].logged_at);
        }
    }
    most
}

#[test]
fn the_live_channel_follows_a_run_to_its_end() {
    let unix = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let info = synthetic::header("wordcount", unix.unwrap().as_nanos() as u64);
    let batch = synthetic::make(&small());
    let (n_busy, all_busy) = busiest(&batch);
    assert_eq!(n_busy, 8, "all slots");
    let playback = Playback::new(info, batch, 1.0, None);
    let clock = playback.clock.clone();
    clock.stand(all_busy);
    let viewer = start(Box::new(playback));
    let mut socket = Socket::open(viewer.addr(), None).unwrap();
    socket.send(LOOK);
    let (mut kinds, mut running, mut frames) = (Vec::new(), 0, 0);
    loop {
        let frame = socket.receive().expect("not closed");
        frames += 1;
        let figures = frame["figures"].as_object().unwrap();
        assert_eq!(figures.len(), 3, "all that was asked for");
        assert_eq!(figures["task-stream"]["width_px"], 800);
        let words = &frame["words"];
        let executing: u32 = words["texts"]["total-executing"].as_str().unwrap().parse().unwrap();
        if executing == 8 && running < 8 {
            clock.run();
        }
        running = running.max(executing);
        let kind = words["kind"].as_str().unwrap().to_owned();
        if kinds.last() != Some(&kind) {
            kinds.push(kind.clone());
        }
        if kind == "finished" {
            assert_eq!(words["progress"][0], words["progress"][1]);
            break;
        }
    }
    assert_eq!(kinds, ["live", "finished"]);
    assert_eq!(running, 8, "running tasks are told while they run");
    assert!(frames >= 2, "{frames} frames");
}

#[test]
fn a_window_is_answered_at_once() {
    let viewer = start_finished(&small());
    let end = state_when(&viewer, "finished")["now_ns"].as_u64().unwrap();
    let mut socket = Socket::open(viewer.addr(), None).unwrap();
    let look = |from: u64, to: u64| {
        format!(
            r#"{{"plots":[{{"id":"task-stream","width":600,"height":300}},{{"id":"no-such","width":1,"height":1}}],
            "window":{{"from":{from},"to":{to}}}}}"#
        )
    };
    for (from, to) in [(end / 4, end / 2), (0, end), (end / 3, end / 3 + 1_000_000)] {
        socket.send(&look(from, to));
        let frame = socket.receive().unwrap();
        let window = &frame["figures"]["task-stream"]["window_ns"];
        assert_eq!((window[0].as_u64(), window[1].as_u64()), (Some(from), Some(to)));
        assert!(frame["figures"].get("no-such").is_none());
    }
}

#[test]
fn nonsense_ends_the_channel_and_nothing_else() {
    let viewer = start_finished(&small());
    let many = format!(
        r#"{{"plots":[{}],"window":null}}"#,
        [r#"{"id":"a","width":1,"height":1}"#; 40].join(",")
    );
    for nonsense in ["hello", "{}", r#"{"plots":7}"#, &many] {
        let mut socket = Socket::open(viewer.addr(), None).unwrap();
        socket.send(nonsense);
        assert_eq!(socket.receive(), None, "{nonsense}");
    }
    assert_eq!(get(viewer.addr(), "/health").status, 200);
}

#[test]
fn a_page_sees_how_the_run_ended_before_the_viewer_goes() {
    let (info, batch) = (synthetic::header("wordcount", 0), synthetic::make(&small()));
    // Ends long before anybody could look twice.
    let viewer = start(Box::new(Playback::new(info, batch, 1e6, None)));
    let mut socket = Socket::open(viewer.addr(), None).unwrap();
    socket.send(LOOK);
    socket.receive().unwrap();
    viewer.shutdown();
    let mut last = None;
    while let Some(frame) = socket.receive() {
        last = Some(frame);
    }
    let last = last.expect("a last frame");
    assert_eq!(last["words"]["kind"], "finished");
}

#[test]
fn a_page_that_reads_nothing_hinders_nobody() {
    let unix = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let info = synthetic::header("wordcount", unix.unwrap().as_nanos() as u64);
    let batch = synthetic::make(&Plan { n_files: 200, n_workers: 20, ..Plan::default() });
    let viewer = start(Box::new(Playback::new(info, batch, 1.0, None)));
    let stuck: Vec<Socket> = (0..8)
        .map(|_| {
            let mut socket = Socket::open(viewer.addr(), None).unwrap();
            socket.send(&LOOK.replace("800", "4000"));
            socket
        })
        .collect();
    let mut reader = Socket::open(viewer.addr(), None).unwrap();
    reader.send(LOOK);
    loop {
        let frame = reader.receive().expect("not closed");
        assert_eq!(get(viewer.addr(), "/health").status, 200);
        if frame["words"]["kind"] == "finished" {
            break;
        }
    }
    drop(stuck);
}

#[test]
fn a_page_that_stops_reading_is_dropped_and_catches_up() {
    let viewer = start_finished(&Plan { n_files: 400, n_workers: 30, ..Plan::default() });
    let end = state_when(&viewer, "finished")["now_ns"].as_u64().unwrap();
    let mut stuck = Socket::open_narrow(viewer.addr());
    let look = |to: u64| {
        LOOK.replace("800", "4000").replace("null", &format!(r#"{{"from":0,"to":{to}}}"#))
    };
    let dropped = (0..20_000).any(|i| {
        std::thread::sleep(std::time::Duration::from_millis(1));
        stuck.try_send(&look(end - i % 1_000 * (end / 2_000))).is_err()
    });
    assert!(dropped, "nobody waits for it");
    assert_eq!(get(viewer.addr(), "/health").status, 200);
    let mut again = Socket::open(viewer.addr(), None).unwrap();
    again.send(LOOK);
    let frame = again.receive().expect("not closed");
    assert_eq!(frame["words"]["kind"], "finished");
    assert_eq!(frame["figures"].as_object().unwrap().len(), 3, "all that it shows");
}

#[test]
fn a_live_page_takes_a_bounded_number_of_bytes() {
    let unix = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let info = synthetic::header("wordcount", unix.unwrap().as_nanos() as u64);
    let batch = synthetic::make(&Plan { n_files: 3_000, n_workers: 40, ..Plan::default() });
    let viewer = start(Box::new(Playback::new(info, batch, 4.0, None)));
    let mut socket = Socket::open(viewer.addr(), None).unwrap();
    socket.send(&LOOK.replace("800", "1800").replace("300", "900"));
    let (began, mut n_bytes, mut n_frames) = (std::time::Instant::now(), 0, 0);
    while began.elapsed().as_secs() < 3 {
        n_bytes += socket.receive_bytes().expect("not closed");
        n_frames += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    // What it may be ahead is a second's.
    assert!(n_bytes as f64 <= 200_000.0 * (seconds + 1.0) + 100_000.0, "{n_bytes} in {seconds} s");
    assert!(n_frames >= 3, "{n_frames} frames");
}

#[test]
fn live_pages_are_bounded() {
    let viewer = start_finished(&small());
    let open: Vec<Socket> = (0..64).map(|_| Socket::open(viewer.addr(), None).unwrap()).collect();
    assert_eq!(Socket::open(viewer.addr(), None).err(), Some(503));
    assert_eq!(get(viewer.addr(), "/").status, 200, "the page itself is still served");
    drop(open);
    let mut again = Socket::open(viewer.addr(), None);
    for _ in 0..10_000 {
        if again.is_ok() {
            break;
        }
        again = Socket::open(viewer.addr(), None);
    }
    assert!(again.is_ok(), "places are given back");
}
