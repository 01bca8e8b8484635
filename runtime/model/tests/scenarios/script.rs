//! The little language of the scenarios: one input a line, tasks by the names the case gives them.
//!
//! ```text
//! client ann                      a client connects: c0, c1, … in order
//! worker alice slots=2 gpu=1000   a worker joins: w0, w1, …; unknown words are resources
//! submit c0                       a graph; its tasks follow, indented
//! submit c0 continues             more of the client's last graph
//!   a                             its key
//!   b! a retries=1 delay=5ms      `!`: wanted; then dependencies and options
//! w0: started a; finished a 100   what a worker reports, in one message
//! steal a w0 w1                   the policy asks w0 to give a task back
//! rebalance                       the policy moves what is worth it
//! release c0 a b | want c0 a | cancel a | due a | lost w0 | retire w0 | client-left c0
//! accepted w0 7                   the worker's reports up to the seventh are decided
//! back w0 a b@1                   the worker came back, holds a, and has the first assignment of b
//! at 20ms                         sets the clock, which else goes on 1 ms a turn
//! chains                          from now on tasks are chained, as the policy would have it
//! ```

use std::collections::BTreeMap;

use taskreel_model::{
    Activity, CancelReason, Change, ClientId, Event, FailureKind, Input, LocalityThenIdle,
    LossReason, Nanos, NewGraph, NewNested, NewTask, Output, PauseReason, Placement, Policy,
    Rejection, Report, Reported, Stamped, State, TaskId, TaskOptions, TransferFailure, Turn,
    WorkerId, WorkerInfo, decide, place, rebalance, split_key,
};

/// Places as the first policy does. It chains only where a case says so: else few cases would have a
/// task that waits.
#[derive(Debug, Default)]
struct Placing {
    chains: bool,
}

impl Policy for Placing {
    fn name(&self) -> &'static str {
        LocalityThenIdle.name()
    }

    fn place(&self, state: &State, task: TaskId) -> Placement {
        LocalityThenIdle.place(state, task)
    }

    fn chain(&self, state: &State, task: TaskId, worker: WorkerId) -> Option<TaskId> {
        LocalityThenIdle.chain(state, task, worker).filter(|_| self.chains)
    }
}

/// A cluster without a world: a state, its log so far, and the names of its tasks.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) state: State,
    pub(crate) log: Vec<Stamped<Event>>,
    pub(crate) changes: Vec<Change>,
    pub(crate) names: BTreeMap<String, TaskId>,
    next_local: BTreeMap<ClientId, u32>,
    now: Nanos,
    placing: Placing,
}

/// What one input brought.
pub(crate) struct Answer {
    pub(crate) output: Output,
    pub(crate) refused: Option<Rejection>,
}

impl Script {
    /// Takes all inputs of a text, for what they leave behind: none may be for nothing.
    pub(crate) fn given(&mut self, text: &str) {
        for input in paragraphs(text) {
            let Some(answer) = self.turn(&input) else { continue };
            assert!(answer.refused.is_none(), "{input}: {:?}", answer.refused);
            assert!(!answer.output.events.is_empty(), "nothing comes of {input}");
        }
    }

    /// One turn: the input of a line (with the indented lines below it), then placement. `None`:
    /// the line only set the clock.
    pub(crate) fn turn(&mut self, line: &str) -> Option<Answer> {
        if let Some(time) = line.strip_prefix("at ") {
            self.now = nanos(time);
            return None;
        }
        if line == "chains" {
            self.placing.chains = true;
            return None;
        }
        self.now = self.now + Nanos::from_millis(1);
        let steal = self.steal(line);
        let is_rebalance = line == "rebalance";
        let is_input = steal.is_none() && !is_rebalance;
        let input = if is_input { Some(self.input(line)) } else { None };
        let mut output = Output::default();
        let mut turn = Turn::new(&mut self.state, self.now, &mut output);
        let refused = input.and_then(|input| decide(&mut turn, input).err());
        if let Some(steal) = steal {
            turn.emit(steal);
        }
        place(&self.placing, &mut turn);
        if is_rebalance {
            rebalance(&LocalityThenIdle, &mut turn);
        }
        self.state.validate();
        self.log.extend(output.events.iter().cloned());
        self.changes.extend(output.changes.iter().copied());
        Some(Answer { output, refused })
    }

    /// The id of a task: its name in this case, or `t7`.
    pub(crate) fn task(&self, name: &str) -> TaskId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        TaskId(number(name, "t"))
    }

    /// A worker that came back, with results (`a`) and assignments (`a@1`).
    fn back(&self, worker: WorkerId, has: &[&str]) -> Input {
        let (mut held, mut assigned) = (Vec::new(), Vec::new());
        for item in has {
            match item.split_once('@') {
                Some((task, n)) => assigned.push((self.task(task), n.parse().expect("an attempt"))),
                None => held.push((self.task(item), 100)),
            }
        }
        Input::WorkerResumed { worker, held, assigned }
    }

    fn tasks(&self, names: &[&str]) -> Vec<TaskId> {
        names.iter().map(|name| self.task(name)).collect()
    }

    fn input(&mut self, line: &str) -> Input {
        let (head, body) = line.split_once('\n').unwrap_or((line, ""));
        if let Some((worker, reports)) = head.split_once(": ") {
            let reports = reports.split(';').map(|report| self.report(report.trim())).collect();
            return Input::WorkerReported { worker: worker_id(worker), reports };
        }
        let words: Vec<&str> = head.split_whitespace().collect();
        match words[..] {
            ["start"] => Input::SchedulerStarted,
            ["client", name] => {
                Input::ClientConnected { client: self.state.next_client(), name: name.to_owned() }
            }
            ["client-left", client] => Input::ClientLeft { client: client_id(client) },
            ["submit", client, ref options @ ..] => self.submit(client_id(client), options, body),
            ["want", client, ref tasks @ ..] => {
                Input::ResultWanted { client: client_id(client), tasks: self.tasks(tasks) }
            }
            ["release", client, ref tasks @ ..] => {
                Input::ResultReleased { client: client_id(client), tasks: self.tasks(tasks) }
            }
            ["cancel", ref tasks @ ..] => {
                Input::CancelRequested { tasks: self.tasks(tasks), reason: CancelReason::Requested }
            }
            ["worker", name, ref options @ ..] => {
                Input::WorkerJoined { worker: self.state.next_worker(), info: info(name, options) }
            }
            ["lost", worker] => {
                Input::WorkerLost { worker: worker_id(worker), reason: LossReason::Disconnected }
            }
            ["clock", worker, offset, error] => Input::ClockMeasured {
                worker: worker_id(worker),
                offset_ns: offset.parse().expect("an offset in nanoseconds"),
                error_ns: error.parse().expect("an error in nanoseconds"),
            },
            ["accepted", worker, through] => Input::ReportsAccepted {
                worker: worker_id(worker),
                through: through.parse().expect("the number of a report"),
            },
            ["back", worker, ref has @ ..] => self.back(worker_id(worker), has),
            ["retire", worker] => Input::RetireRequested { worker: worker_id(worker) },
            ["due", task] => Input::RetryDue { task: self.task(task) },
            _ => panic!("no such input: {line}"),
        }
    }

    /// A policy's decision that no input brings yet.
    fn steal(&self, line: &str) -> Option<Event> {
        let mut words = line.strip_prefix("steal ")?.split_whitespace();
        let mut next = || words.next().expect("steal TASK FROM TO");
        let (task, from, to) = (self.task(next()), worker_id(next()), worker_id(next()));
        Some(Event::StealRequested { task, from, to })
    }

    fn submit(&mut self, client: ClientId, options: &[&str], body: &str) -> Input {
        let next = self.next_local.entry(client).or_default();
        let local = options.iter().find_map(|o| o.strip_prefix("local=")).map_or(*next, parse);
        let first = self.state.tasks().next_id().0;
        let continues = options.contains(&"continues");
        let name = "graph".to_owned();
        let mut graph = NewGraph { name, local, continues, ..NewGraph::default() };
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let name = words.next().expect("the line is not empty");
            let wanted = name.ends_with('!');
            let name = name.trim_end_matches('!');
            let (prefix, suffix) = split_key(name);
            let mut options = TaskOptions::new("f");
            let mut deps = Vec::new();
            for word in words {
                match word.split_once('=') {
                    Some(("by", parent)) => {
                        let (parent, first) = (self.task(parent), graph.tasks.len() as u32);
                        graph.nested.push(NewNested { parent, first, n_tasks: 1 });
                    }
                    Some((option, value)) => set_option(&mut options, option, value),
                    None => deps.push(self.local(word, (first, local))),
                }
            }
            deps.sort_unstable();
            let prefix = position_of(&mut graph.prefixes, prefix.to_owned());
            let options = position_of(&mut graph.options, options);
            self.names.insert(name.to_owned(), TaskId(first + graph.tasks.len() as u32));
            graph.tasks.push(NewTask { prefix, suffix, options, wanted, deps });
            self.next_local.insert(client, local + graph.tasks.len() as u32);
        }
        Input::GraphSubmitted { client, graph }
    }

    /// The client's own number of a task, also of one in the graph that is being read and has its
    /// `first` task; or `#7`.
    fn local(&self, name: &str, (first, local): (u32, u32)) -> u32 {
        if let Some(number) = name.strip_prefix('#') {
            return parse(number);
        }
        let id = self.task(name);
        match id.0.checked_sub(first) {
            Some(position) => local + position,
            None => self.state.local_number(id).expect("a live task, or #7"),
        }
    }

    fn report(&self, text: &str) -> Report {
        let (text, at) = match text.split_once(" @") {
            Some((text, at)) => (text, nanos(at)),
            None => (text, self.now),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (options, words): (Vec<&str>, Vec<&str>) = words.iter().partition(|w| w.contains('='));
        let option = |name: &str| {
            options.iter().find_map(|o| o.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let what = match words[..] {
            ["marked", name] => Reported::Marked { name: name.to_owned(), task: None },
            ["marked", name, task] => {
                Reported::Marked { name: name.to_owned(), task: Some(self.task(task)) }
            }
            ["span", name, took] => {
                Reported::Span { name: name.to_owned(), task: None, took: nanos(took) }
            }
            ["paused"] => Reported::Paused { reason: PauseReason::Memory },
            ["resumed"] => Reported::Resumed,
            [what, task, ref rest @ ..] => {
                let task = self.task(task);
                let found = self.state.task(task);
                let attempt = option("attempt")
                    .map_or_else(|| found.map_or(1, |found| found.attempt), |text| parse(&text));
                let slot = option("slot").map_or(0, |text| parse(&text) as u16);
                self.task_report(what, rest, (task, attempt, slot))
            }
            _ => panic!("no such report: {text}"),
        };
        Report { at, what }
    }

    fn task_report(
        &self,
        what: &str,
        rest: &[&str],
        (task, attempt, slot): (TaskId, u32, u16),
    ) -> Reported {
        let bytes = rest.first().and_then(|text| text.parse().ok()).unwrap_or(100);
        let took = Nanos::from_micros(200);
        match (what, rest) {
            ("started", []) => Reported::Started { task, attempt, slot },
            ("seceded", []) => Reported::Seceded { task, attempt },
            ("rejoined", []) => Reported::Rejoined { task, attempt, slot },
            ("finished", _) => Reported::Finished { task, attempt, bytes },
            ("failed", words) => {
                let error = if words.is_empty() { "boom".to_owned() } else { words.join(" ") };
                Reported::Failed { task, attempt, kind: FailureKind::Error, error }
            }
            ("lacks", []) => {
                let error = "no such function".to_owned();
                Reported::Failed { task, attempt, kind: FailureKind::Missing, error }
            }
            ("encoded", _) => {
                Reported::Activity { task, activity: Activity::Serialize, took, bytes }
            }
            ("fetches", [from, "for", dependent]) => Reported::TransferStarted {
                task,
                from: worker_id(from),
                dependent: self.task(dependent),
            },
            ("fetched", _) => Reported::TransferFinished { task, bytes },
            ("not-fetched", ["missing"]) => {
                Reported::TransferFailed { task, reason: TransferFailure::Missing }
            }
            ("not-fetched", ["unreachable"]) => {
                Reported::TransferFailed { task, reason: TransferFailure::Unreachable }
            }
            ("misses-inputs", []) => Reported::InputsMissing { task, attempt },
            ("spilled", _) => Reported::Spilled { task, bytes, took },
            ("restored", _) => Reported::Restored { task, bytes, took },
            ("holds", _) => Reported::ReplicaAdded { task, bytes },
            ("dropped", []) => Reported::ReplicaDropped { task },
            ("gave-back", []) => Reported::GaveBack { task, attempt },
            ("kept", []) => Reported::Kept { task, attempt },
            _ => panic!("no such report: {what} {rest:?}"),
        }
    }
}

/// The inputs of a text: lines, each with the indented lines below it. `#` begins a comment.
pub(crate) fn paragraphs(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines().map(|line| line.split(" # ").next().unwrap_or(line)) {
        if line.trim().is_empty() || line.trim_start().starts_with("# ") {
            continue;
        }
        match found.last_mut() {
            Some(last) if line.starts_with(' ') => {
                last.push('\n');
                last.push_str(line);
            }
            _ => found.push(line.to_owned()),
        }
    }
    found
}

pub(crate) fn worker_id(text: &str) -> WorkerId {
    WorkerId(number(text, "w"))
}

fn client_id(text: &str) -> ClientId {
    ClientId(number(text, "c"))
}

fn number(text: &str, letter: &str) -> u32 {
    let digits = text.strip_prefix(letter).and_then(|digits| digits.parse().ok());
    digits
        .unwrap_or_else(|| panic!("{text} is no name of this case and no {letter}0, {letter}1, …"))
}

fn parse(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn nanos(text: &str) -> Nanos {
    let ms = text.strip_suffix("ms").unwrap_or_else(|| panic!("{text} is not like 20ms"));
    Nanos::from_millis(u64::from(parse(ms)))
}

fn position_of<T: PartialEq>(list: &mut Vec<T>, item: T) -> u32 {
    let position = list.iter().position(|known| *known == item);
    position.unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    }) as u32
}

fn set_option(options: &mut TaskOptions, option: &str, value: &str) {
    match option {
        "priority" => options.priority = value.parse().expect("a priority is a number"),
        "retries" => options.retries = parse(value),
        "delay" => options.retry_delay = nanos(value),
        "on" => options.workers.push(value.to_owned()),
        resource => {
            options.resources.insert(resource.to_owned(), u64::from(parse(value)));
        }
    }
}

fn info(name: &str, options: &[&str]) -> WorkerInfo {
    let mut info = WorkerInfo {
        name: name.to_owned(),
        address: format!("local://{name}"),
        host: "here".to_owned(),
        pid: 1,
        slots: 1,
        memory_limit: 0,
        resources: BTreeMap::new(),
        version: "0".to_owned(),
    };
    for (option, value) in options.iter().filter_map(|option| option.split_once('=')) {
        match option {
            "slots" => info.slots = parse(value) as u16,
            resource => {
                info.resources.insert(resource.to_owned(), u64::from(parse(value)));
            }
        }
    }
    info
}
