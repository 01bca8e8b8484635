//! Dense typed ids. Each is a counter from zero, kept in `State`, so that tables are plain vectors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An id that is a position in a table.
pub trait DenseId: Copy {
    /// The id of a position.
    fn new(position: u32) -> Self;

    /// The position.
    fn index(self) -> usize;
}

/// A number that somebody counts up from zero.
impl DenseId for u32 {
    fn new(position: u32) -> Self {
        position
    }

    fn index(self) -> usize {
        self as usize
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Position in a table indexed by this id.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl DenseId for $name {
            fn new(position: u32) -> Self {
                Self(position)
            }

            fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// One task. Ids of a graph are contiguous and in the order in which its tasks should run.
    TaskId, "t"
);
id!(
    /// One worker connection: a worker that comes back after it was lost is a new worker.
    WorkerId, "w"
);
id!(
    /// One submitted graph.
    GraphId, "g"
);
id!(
    /// One client of the cluster.
    ClientId, "c"
);
id!(
    /// One interned string of a run: names, errors.
    StrId, "s"
);
id!(
    /// One prefix: the group of tasks whose keys begin alike.
    PrefixId, "p"
);
id!(
    /// One distinct set of task options.
    OptionsId, "o"
);
