//! The story of a task: what happened to it, why, and to what it waited for.

#[path = "explain/toy.rs"]
mod toy;

use taskreel_model::{Event, Nanos, Stamped};
use taskreel_recorder::VecSource;
use taskreel_replay::analysis::story::{Story, StoryError, tell};
use taskreel_replay::analysis::{CriticalPath, Facts};
use toy::{Job, Toy};

fn told(events: &[Stamped<Event>], name: &str, depth: usize) -> Result<Story, StoryError> {
    let mut open = || Ok(Box::new(VecSource::of_events(events.to_vec())) as _);
    tell(&mut open, name, depth).map(|(story, _)| story)
}

fn words(story: &Story) -> Vec<String> {
    let phase = |phase: Option<&str>| phase.map_or_else(String::new, |phase| format!(" → {phase}"));
    story.moments.iter().map(|m| format!("{}{}", m.what, phase(m.phase))).collect()
}

/// Two loads, one of which fails once; what needs both; a total on another prefix.
fn small() -> Toy {
    let mut jobs = vec![Job::new("load", 20_000), Job::new("load", 30_000)];
    jobs[1].fails = 1;
    jobs.push(Job::new("join", 10_000).after([0, 1]));
    jobs.push(Job::new("total", 5_000).after([2]));
    let retry_delay = Nanos::from_millis(4);
    Toy { pace: vec![1.0], retries: 1, retry_delay, ..Toy::new(jobs) }
}

#[test]
fn a_task_that_failed_once() {
    let story = told(&small().run(), "load-1", 0).unwrap();
    assert_eq!((story.task.as_str(), story.id.as_str()), ("load-1", "t1"));
    let expected = [
        "submitted; needs no other → queued",
        "assigned to worker-0 for the 1st time (idle) → processing",
        "starts on worker-0, slot 1",
        "failed on worker-0 after 30.00 ms; error, tried again in 4.00 ms: the toy is broken → waiting",
        "its delay is over → queued",
        "assigned to worker-0 for the 2nd time (retry) → processing",
        "starts on worker-0, slot 0",
        "finished on worker-0 after 30.00 ms; its result has 1000 B → memory",
    ];
    assert_eq!(words(&story)[..8], expected, "{story:#?}");
    assert!(story.moments.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert!(story.moments[8..].iter().all(|moment| moment.phase.is_some()), "{story:#?}");
}

#[test]
fn what_it_waited_for_with_its_story() {
    let story = told(&small().run(), "join-2", 1).unwrap();
    let second = &words(&story)[1];
    assert_eq!(second, "is ready: load-1 finished on worker-0 → queued");
    let waits: Vec<&str> = story.waited_for.iter().map(|wait| wait.task.as_str()).collect();
    assert_eq!(waits, ["load-1", "load-0"], "the last to be ready first");
    assert!(story.waited_for[0].waited_s > 0.06 && story.waited_for[1].waited_s < 0.03);
    let of_load = story.waited_for[0].story.as_deref().expect("it is told");
    assert_eq!(of_load.task, "load-1");
    assert!(of_load.moments.len() >= 8);
    // Deeper stories are left out unless they are asked for.
    let shallow = told(&small().run(), "total-3", 1).unwrap();
    let join = shallow.waited_for[0].story.as_deref().expect("it is told");
    assert!(join.waited_for.iter().all(|wait| wait.story.is_none() && wait.ready_at_s.is_some()));
    let deep = told(&small().run(), "t3", 9).unwrap();
    assert_eq!(deep.task, "total-3");
    let join = deep.waited_for[0].story.as_deref().expect("it is told");
    assert!(join.waited_for.iter().all(|wait| wait.story.is_some()));
}

#[test]
fn a_lost_worker_and_inputs_from_afar() {
    let mut jobs: Vec<Job> = (0..8).map(|_| Job::new("load", 20_000)).collect();
    jobs.push(Job::new("join", 50_000).after(0..8));
    let toy = Toy { losses: vec![(2, Nanos::from_millis(10))], ..Toy::new(jobs) };
    let events = toy.run();
    let lost = events.iter().find_map(|event| match &event.what {
        Event::TaskAssigned { task, worker, .. } if worker.0 == 2 => Some(*task),
        _ => None,
    });
    let story = told(&events, &lost.expect("worker 2 had one").to_string(), 0).unwrap();
    let text = words(&story).join("\n");
    assert!(text.contains("is ready: worker-2 was lost (disconnected) → queued"), "{text}");
    assert!(text.contains("(recompute)"), "{text}");
    let story = told(&events, "join-8", 0).unwrap();
    let text = words(&story).join("\n");
    assert!(text.contains("begins to fetch its input load-"), "{text}");
}

#[test]
fn names_that_are_not_one_task() {
    let events = small().run();
    let error = told(&events, "load", 0).unwrap_err().to_string();
    assert_eq!(error, "no task is called `load`; there are load-0, load-1");
    let error = told(&events, "gone", 0).unwrap_err().to_string();
    assert!(error.contains("reel events"), "{error}");
    // The same graph twice: the same keys twice.
    let mut twice = events.clone();
    let first = twice.len();
    for event in &events {
        if let Event::TaskSubmitted { .. } | Event::GraphSubmitted { .. } = event.what {
            let mut event = event.clone();
            event.seq = twice.len() as u64;
            event.logged_at = events[first - 1].logged_at;
            again(&mut event.what);
            twice.push(event);
        }
    }
    let error = told(&twice, "load-1", 0).unwrap_err().to_string();
    assert_eq!(error, "several tasks are called `load-1`; ask for one of load-1 (t1), load-1 (t5)");
    assert_eq!(told(&twice, "t5", 0).unwrap().moments.len(), 1);
}

/// The same submission with the next ids.
fn again(event: &mut Event) {
    use taskreel_model::{GraphId, TaskId};
    if let Event::GraphSubmitted { graph, first, local, .. } = event {
        (*graph, *first, *local) = (GraphId(1), TaskId(4), 4);
    }
    if let Event::TaskSubmitted { task, graph, deps, .. } = event {
        (*graph, *task) = (GraphId(1), TaskId(task.0 + 4));
        *deps = deps.iter().map(|dep| TaskId(dep.0 + 4)).collect();
    }
}

/// The recording of folders: that of a folder submits those of the folders in it.
#[test]
fn a_task_that_another_one_submitted() {
    let trace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/v1/parents.reel");
    let mut open = || Ok(Box::new(taskreel_recorder::TraceReader::open(&trace)?) as _);
    let mut told = |name: &str| tell(&mut open, name, 0).expect("it is in the trace").0;
    let (first, inner) = (told("t0"), told("t3"));
    assert_eq!(first.submitted_by, None);
    let parent = inner.submitted_by.clone().expect("a task did");
    assert_eq!((parent.task.as_str(), parent.id.as_str()), ("bytes_in-1", "t2"));
    assert!(words(&inner)[0].starts_with("submitted by bytes_in-1 (t2); needs no other"));
    assert!(words(&first).contains(&"submits 2 tasks (t1 to t2)".to_owned()), "{first:?}");
    // Down to the innermost, and back: three tasks in five pieces.
    let mut reader = taskreel_recorder::TraceReader::open(&trace).expect("a trace");
    let path = CriticalPath::of(&Facts::read(&mut reader));
    let tasks: Vec<u32> = path.links.iter().map(|link| link.task.0).collect();
    assert_eq!((tasks.as_slice(), path.n_tasks), (&[0, 2, 4, 2, 0][..], 3));
}
