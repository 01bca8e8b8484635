//! The graphs that are run.

use taskreel_model::{NewGraph, NewTask, SuffixText, TaskOptions};

/// Who depends on whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Tasks that depend on nothing.
    Independent,
    /// Layers; each task depends on two of the layer before.
    Layers,
    /// Half of the tasks depend on nothing; each of the others joins two, down to one.
    Tree,
    /// Chains side by side: each task depends on the one before it in its chain.
    Chains,
}

impl Shape {
    pub(crate) const ALL: [Self; 4] = [Self::Independent, Self::Layers, Self::Tree, Self::Chains];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Layers => "layers",
            Self::Tree => "tree",
            Self::Chains => "chains",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.name() == name)
    }

    /// What a task depends on, of `n_tasks` in layers or chains of `width`.
    pub(crate) fn deps(self, task: u32, n_tasks: u32, width: u32) -> Vec<u32> {
        let n_leaves = n_tasks / 2 + 1;
        match self {
            Self::Layers if task >= width => vec![task - width, task - width / 2],
            Self::Chains if task >= width => vec![task - width],
            Self::Tree if task >= n_leaves => {
                let first = 2 * (task - n_leaves);
                vec![first, first + 1]
            }
            Self::Independent | Self::Layers | Self::Tree | Self::Chains => Vec::new(),
        }
    }

    /// Whether a client wants a task's result: those that nothing depends on.
    fn is_wanted(self, task: u32, n_tasks: u32, width: u32) -> bool {
        match self {
            Self::Independent => true,
            Self::Layers | Self::Chains => n_tasks - task <= width,
            Self::Tree => n_tasks / 2 + 1 + task / 2 >= n_tasks,
        }
    }
}

/// The tasks from `first` to `end` of `n_tasks`, as one graph.
pub(crate) fn part(shape: Shape, (first, end): (u32, u32), n_tasks: u32, width: u32) -> NewGraph {
    let task = |local: u32| NewTask {
        prefix: 0,
        suffix: SuffixText::Index(local),
        options: 0,
        // What nobody wants and nothing needs yet is not run: the next part needs the last layer.
        wanted: shape.is_wanted(local, n_tasks, width) || end - local <= width,
        deps: shape.deps(local, n_tasks, width),
    };
    NewGraph {
        name: shape.name().to_owned(),
        local: first,
        continues: false,
        nested: Vec::new(),
        prefixes: vec!["task".to_owned()],
        options: vec![TaskOptions::new("nothing")],
        tasks: (first..end).map(task).collect(),
    }
}
