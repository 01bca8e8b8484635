//! What a plot says of itself, and the pages on which plots are listed.

/// What a plot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// For options and addresses: `task-stream`.
    pub id: &'static str,
    /// For people: `Task stream`.
    pub title: &'static str,
    /// The question it answers.
    pub question: &'static str,
    /// Where it is listed.
    pub page: Page,
}

/// What a plot is about: pages and lists are made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    /// The whole run at a glance.
    Status,
    /// Tasks: who ran what, and how many wait.
    Tasks,
    /// What depends on what.
    Graph,
    /// Workers: their load, memory and logs.
    Workers,
    /// Data on the move.
    Transfers,
    /// What failed.
    Errors,
    /// Groups of tasks: their time and bytes.
    Prefixes,
    /// The scheduler and its log of events.
    System,
}

impl Page {
    /// All pages, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Status,
        Self::Tasks,
        Self::Graph,
        Self::Workers,
        Self::Transfers,
        Self::Errors,
        Self::Prefixes,
        Self::System,
    ];

    /// For addresses: `transfers`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Tasks => "tasks",
            Self::Graph => "graph",
            Self::Workers => "workers",
            Self::Transfers => "transfers",
            Self::Errors => "errors",
            Self::Prefixes => "prefixes",
            Self::System => "system",
        }
    }

    /// For people: `Transfers`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Status => "Status",
            Self::Tasks => "Tasks",
            Self::Graph => "Graph",
            Self::Workers => "Workers",
            Self::Transfers => "Transfers",
            Self::Errors => "Errors",
            Self::Prefixes => "Prefixes",
            Self::System => "System",
        }
    }
}
