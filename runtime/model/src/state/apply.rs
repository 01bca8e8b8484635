//! (being written)
use crate::{Change, Event, IllegalEvent, Stamped, State};
impl State {
    /// Applies the next event of the log, and appends the changes that follow from it.
    ///
    /// # Errors
    /// The event contradicts those before it; the state and `changes` are untouched.
    pub fn apply(
        &mut self,
        event: &Stamped<Event>,
        changes: &mut Vec<Change>,
    ) -> Result<(), IllegalEvent> {
        let _ = (event, changes);
        Ok(())
    }
}
