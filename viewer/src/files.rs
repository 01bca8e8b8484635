//! What of the file system a viewer may show, take and make, beside the run that it serves.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes a pack of a trace (the first path) at the second path, and gives the text for an issue.
/// An error says what went wrong, in words for the page.
pub type MakePack = Arc<dyn Fn(&Path, &Path) -> Result<String, String> + Send + Sync>;

/// See the module. By default nothing: the viewer shows its source, and that is all.
#[derive(Clone, Default)]
pub struct Files {
    /// The trace that the viewer's source reads: what is packed.
    pub trace: Option<PathBuf>,
    /// The folder whose runs the viewer lists, opens and compares; their tags and notes may be
    /// changed.
    pub library: Option<PathBuf>,
    /// Whether traces may be handed in, to be looked at until the viewer stops.
    pub takes_uploads: bool,
    /// How packs are made; `None`: none are.
    pub pack: Option<MakePack>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("trace", &self.trace)
            .field("library", &self.library)
            .field("takes_uploads", &self.takes_uploads)
            .finish_non_exhaustive()
    }
}
