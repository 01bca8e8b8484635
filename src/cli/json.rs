//! JSON objects whose fields keep their order, for people who look at them.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// An object; no name occurs twice.
#[derive(Debug)]
pub(crate) struct Object(pub(crate) Vec<(&'static str, Value)>);

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
