//! Each kind of finding is found on a run that provokes it, and nothing is on a healthy one.

#[path = "explain/toy.rs"]
mod toy;

use taskreel_model::Nanos;
use taskreel_recorder::VecSource;
use taskreel_replay::analysis::{Explanation, Facts, Finding, Usage, Use, explain};
use taskreel_replay::plots;
use toy::{Job, Toy};

fn facts(toy: &Toy) -> Facts {
    Facts::read(&mut VecSource::of_events(toy.run()))
}

fn explained(toy: &Toy) -> Explanation {
    explain(&facts(toy))
}

/// Durations that vary by a third, the same each time.
fn varied(us: u64, index: u32) -> u64 {
    us * (85 + u64::from(index.wrapping_mul(2_654_435_761) >> 16) % 31) / 100
}

/// A map over many inputs, and a tree of sums.
fn healthy() -> Vec<Job> {
    let mut jobs: Vec<Job> = (0..400).map(|i| Job::new("map", varied(20_000, i))).collect();
    for i in 0..20 {
        jobs.push(Job::new("sum", 5_000).after(i * 20..(i + 1) * 20));
    }
    jobs.push(Job::new("total", 5_000).after(400..420));
    jobs
}

#[track_caller]
fn found(toy: &Toy, kind: &str) -> Finding {
    let explained = explained(toy);
    let kinds: Vec<String> = explained
        .findings
        .iter()
        .map(|f| format!("{} {:.3}: {}", f.kind, f.share, f.title))
        .collect();
    let uses: Vec<(&str, f64)> = explained.uses.iter().map(|u| (u.what, u.share)).collect();
    let Some(finding) = explained.findings.iter().find(|finding| finding.kind == kind) else {
        panic!("{kind} is not among {kinds:#?}\n{uses:?}");
    };
    assert!(finding.share >= 0.05 && finding.share <= 1.0, "{finding:?}");
    assert!(!finding.evidence.is_empty() && !finding.advice.is_empty(), "{finding:?}");
    assert!(finding.window.from < finding.window.to, "{finding:?}");
    assert!(plots::by_id(finding.plot).is_some(), "{}", finding.plot);
    finding.clone()
}

/// It is found, and nothing costs more.
#[track_caller]
fn found_first(toy: &Toy, kind: &str) -> Finding {
    let finding = found(toy, kind);
    let first = explained(toy).findings.remove(0);
    assert_eq!(first.kind, kind, "{first:#?}\n{finding:#?}");
    finding
}

#[test]
fn nothing_is_found_on_a_healthy_run() {
    let toy = Toy::new(healthy());
    let explained = explained(&toy);
    assert_eq!(explained.findings, [], "{:?}", explained.uses);
    assert!(explained.uses[0].what == "executing" && explained.uses[0].share > 0.85);
    // Nor if it is short, on one slot only, or with a retry that costs nothing.
    let one = Toy { pace: vec![1.0], slots: 1, ..Toy::new(healthy()) };
    assert_eq!(self::explained(&one).findings, []);
    let mut jobs = healthy();
    jobs[17].fails = 1;
    let retried = Toy { retries: 2, ..Toy::new(jobs) };
    assert_eq!(self::explained(&retried).findings, []);
}

#[test]
fn what_is_chained_is_not_work_that_others_could_do() {
    // Its input never comes.
    let mut jobs = vec![Job::new("first", 150_000), Job::new("then", 1_000).after([0])];
    jobs[0].fails = 1;
    let explained = explained(&Toy::new(jobs));
    let idle = explained.uses.iter().find(|of| of.what == "no work").expect("slots idle");
    assert!(idle.share > 0.87, "seven of eight slots have nothing to do: {:?}", explained.uses);
}

#[test]
fn every_slot_is_accounted_for_all_the_time() {
    for toy in [Toy::new(healthy()), Toy { bandwidth: 10_000, ..Toy::new(healthy()) }] {
        let facts = facts(&toy);
        let usage = Usage::new(&facts);
        let capacity = facts.makespan().0 * facts.n_slots();
        assert_eq!(usage.capacity(), Nanos(capacity));
        let executed: u64 = facts.attempts.iter().map(|a| a.duration(facts.window.to).0).sum();
        assert_eq!(usage.total(Use::Executing), Nanos(executed));
    }
}

#[test]
fn communication() {
    let mut jobs: Vec<Job> = (0..64).map(|i| Job::new("load", varied(10_000, i))).collect();
    for job in &mut jobs {
        job.bytes = 2_000_000;
    }
    for i in 0..64 {
        jobs.push(Job::new("shuffle", 10_000).after((0..8).map(|k| (i / 8) * 8 + k)));
    }
    let toy = Toy { bandwidth: 50_000_000, ..Toy::new(jobs) };
    let finding = found_first(&toy, "communication");
    assert_eq!(finding.prefixes, ["load"]);
}

#[test]
fn stragglers() {
    let mut jobs = healthy();
    jobs[380].took = Nanos::from_millis(900);
    let finding = found_first(&Toy::new(jobs), "stragglers");
    assert_eq!(finding.prefixes, ["map"]);
    assert!(finding.evidence[0].contains("t380"), "{:?}", finding.evidence);
}

#[test]
fn the_last_of_a_tree_of_merges_are_no_stragglers() {
    // Each merge has as much to do as both before it had together.
    let mut jobs: Vec<Job> = (0..64).map(|i| Job::new("map", varied(20_000, i))).collect();
    let (mut first, mut n, mut took) = (0, 64, 5_000);
    while n > 1 {
        let next = jobs.len() as u32;
        for i in 0..n / 2 {
            jobs.push(Job::new("merge", took).after([first + 2 * i, first + 2 * i + 1]));
        }
        (first, n, took) = (next, n / 2, took * 2);
    }
    let kinds = |jobs: &[Job]| -> Vec<&str> {
        explained(&Toy::new(jobs.to_vec())).findings.iter().map(|found| found.kind).collect()
    };
    assert_eq!(kinds(&jobs), ["parallelism", "critical-path"]);
    // One that takes far longer than its inputs did is.
    let last = jobs.len() - 2;
    jobs[last].took = Nanos::from_millis(900);
    assert!(kinds(&jobs).contains(&"stragglers"));
}

#[test]
fn tasks_of_no_length_are_no_stragglers() {
    let jobs = (0..5_000).map(|i| Job::new("tiny", u64::from(i % 7 == 0))).collect();
    let explained = explained(&Toy::new(jobs));
    assert!(explained.findings.iter().all(|found| found.kind != "stragglers"));
}

#[test]
fn imbalance() {
    let mut jobs = healthy();
    for job in &mut jobs[..200] {
        job.only_on = Some(2);
    }
    let finding = found_first(&Toy::new(jobs), "imbalance");
    assert_eq!(finding.workers[0], "worker-2");
    assert!(finding.advice.contains("restrictions"));
}

#[test]
fn too_small_tasks() {
    let jobs = (0..20_000).map(|i| Job::new("tiny", varied(20, i))).collect();
    let toy = Toy { per_report: Nanos::from_micros(4), ..Toy::new(jobs) };
    let finding = found_first(&toy, "small-tasks");
    assert_eq!(finding.prefixes, ["tiny"]);
}

#[test]
fn too_little_parallelism() {
    let mut jobs: Vec<Job> = Vec::new();
    for step in 0..30 {
        for _ in 0..2 {
            let deps = if step == 0 { 0..0 } else { (step - 1) * 2..step * 2 };
            jobs.push(Job::new("step", 20_000).after(deps));
        }
    }
    let finding = found_first(&Toy::new(jobs), "parallelism");
    assert_eq!(finding.prefixes, ["step"]);
}

#[test]
fn the_critical_path_and_what_makes_it_up() {
    let mut jobs = vec![Job::new("open", 10_000)];
    for i in 1..40 {
        let prefix = if i % 4 == 0 { "check" } else { "iterate" };
        jobs.push(Job::new(prefix, 25_000).after([i - 1]));
    }
    for i in 0..160 {
        jobs.push(Job::new("side", varied(20_000, i)));
    }
    let finding = found(&Toy::new(jobs), "critical-path");
    assert_eq!(finding.prefixes, ["iterate", "check", "open"]);
    assert!(finding.title.contains("40 tasks"), "{}", finding.title);
}

#[test]
fn memory_pressure() {
    let mut jobs: Vec<Job> = (0..160).map(|i| Job::new("load", varied(10_000, i))).collect();
    for job in &mut jobs {
        job.bytes = 4_000_000;
    }
    // Each waits for the last one, too: all results are held until then.
    for i in 0..159 {
        jobs.push(Job::new("use", 5_000).after([i, 159]));
    }
    for pauses in [false, true] {
        let (memory, disk) = (30_000_000, 200_000_000);
        let toy = Toy { memory, disk, pauses, ..Toy::new(jobs.clone()) };
        let finding = found_first(&toy, "memory-pressure");
        assert_eq!(finding.prefixes, ["load"]);
        let text = finding.evidence.concat();
        assert!(text.contains("went to disk") && text.contains("paused") == pauses, "{text}");
    }
}

#[test]
fn repeated_work_after_lost_workers() {
    let losses = vec![(3, Nanos::from_millis(700))];
    let mut jobs: Vec<Job> = (0..400).map(|i| Job::new("map", varied(20_000, i))).collect();
    jobs.push(Job::new("total", 5_000).after(0..400));
    let finding = found(&Toy { losses, ..Toy::new(jobs) }, "repeated-work");
    assert_eq!((finding.workers, finding.prefixes[0].as_str()), (vec!["worker-3".into()], "map"));
    assert!(finding.window.from >= Nanos::from_millis(700));
}

#[test]
fn retries_and_failing_prefixes() {
    let mut jobs = healthy();
    for job in jobs[..400].iter_mut().step_by(4) {
        job.fails = 1;
    }
    let toy = Toy { retries: 3, retry_delay: Nanos::from_millis(1), ..Toy::new(jobs) };
    let finding = found_first(&toy, "failures");
    assert_eq!(finding.prefixes, ["map"]);
    assert!(finding.title.contains("100 attempts") && finding.title.contains("0 for good"));
    // An error that stays is told whatever it cost.
    let mut jobs = healthy();
    jobs[3].fails = 1;
    let explained = explained(&Toy::new(jobs));
    let failures = explained.findings.iter().find(|f| f.kind == "failures").expect("it erred");
    assert!(failures.title.contains("1 for good"), "{}", failures.title);
    assert!(failures.evidence.concat().contains("`the toy is broken`"));
}

/// Whether the evidence says that the slow worker took three times as long.
fn is_about_three(finding: &Finding) -> bool {
    let times = finding.evidence[0].split(' ').find_map(|word| word.parse::<f64>().ok());
    times.is_some_and(|times| (2.8..=3.2).contains(&times))
}

#[test]
fn a_few_slow_workers_among_equals() {
    let pace = vec![1.0, 1.0, 3.0, 1.0, 1.0, 1.0];
    let maps: Vec<Job> = (0..400).map(|i| Job::new("map", varied(20_000, i))).collect();
    let toy = Toy { pace: pace.clone(), ..Toy::new(maps.clone()) };
    let finding = found_first(&toy, "slow-workers");
    assert_eq!(finding.workers, ["worker-2"]);
    assert!(is_about_three(&finding), "{:?}", finding.evidence);
    // Also when most of the tasks of a prefix ran there.
    let mut jobs = maps;
    for i in 0..100 {
        let mut job = Job::new("check", varied(6_000, i));
        job.only_on = (i < 80).then_some(2);
        jobs.push(job);
    }
    let finding = found(&Toy { pace, ..Toy::new(jobs) }, "slow-workers");
    assert_eq!(finding.workers, ["worker-2"]);
    assert!(
        finding.evidence[0].contains(" 3.0 times") || finding.evidence[0].contains(" 2.9 times")
    );
}

#[test]
fn a_prefix_that_ran_on_one_worker_only_makes_it_no_slow_one() {
    let mut jobs = healthy();
    for i in 0..30 {
        let mut job = Job::new("only-there", varied(4_000, i) * u64::from(1 + i % 9));
        job.only_on = Some(2);
        jobs.push(job);
    }
    let explained = explained(&Toy::new(jobs));
    assert!(explained.findings.iter().all(|found| found.kind != "slow-workers"));
}

#[test]
fn slow_start() {
    let joins_after = [0, 600, 600, 600].map(|ms| Nanos::from_millis(ms + 200)).to_vec();
    let finding = found_first(&Toy { joins_after, ..Toy::new(healthy()) }, "slow-start");
    assert!(finding.title.contains("200 ms"), "{}", finding.title);
    assert_eq!(finding.workers.len(), 4);
}

#[test]
fn scheduler_saturation() {
    let jobs = (0..1_000).map(|i| Job::new("map", varied(8_000, i))).collect();
    let toy = Toy { per_report: Nanos::from_micros(900), ..Toy::new(jobs) };
    found_first(&toy, "scheduler");
}
