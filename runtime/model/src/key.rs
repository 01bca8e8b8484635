//! Keys: the names users give to tasks, stored as a prefix and a suffix.
//!
//! A run of a million tasks has a million keys but few prefixes, so a key is twelve bytes:
//! `count-17` is prefix `count`, suffix index 17; `read-data.csv` is prefix `read`, suffix name.

use serde::{Deserialize, Serialize};

use crate::{PrefixId, StrId};

/// A task's key, with its strings in the tables of `State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The group of tasks it belongs to; plots colour and count by it.
    pub prefix: PrefixId,
    /// What tells it from the others of its prefix.
    pub suffix: Suffix,
}

/// What follows the prefix in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suffix {
    /// The key is its prefix.
    None,
    /// `prefix-17`
    Index(u32),
    /// `prefix-name`
    Name(StrId),
}

/// What follows the first part of a key's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuffixText {
    /// Nothing.
    None,
    /// A number without leading zeros.
    Index(u32),
    /// Any other text.
    Name(String),
}

/// Splits a key's text into prefix and suffix. Joined with `-` they give the text back.
///
/// `a-b-17` is `a-b` and 17: a number behind the last dash is an index. Otherwise the first dash
/// splits, and a key without one is all prefix.
pub fn split_key(text: &str) -> (&str, SuffixText) {
    if let Some((prefix, digits)) = text.rsplit_once('-')
        && !prefix.is_empty()
        && let Some(index) = canonical_index(digits)
    {
        return (prefix, SuffixText::Index(index));
    }
    match text.split_once('-') {
        Some((prefix, name)) if !prefix.is_empty() => (prefix, SuffixText::Name(name.to_owned())),
        _ => (text, SuffixText::None),
    }
}

fn canonical_index(digits: &str) -> Option<u32> {
    let index: u32 = digits.parse().ok()?;
    (digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0')))
        .then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_joins() {
        for text in ["count-17", "a-b-17", "read-data.csv", "sum", "x-007", "-3", "x-", "x-+5", ""]
        {
            let (prefix, suffix) = split_key(text);
            let joined = match suffix {
                SuffixText::None => prefix.to_owned(),
                SuffixText::Index(i) => format!("{prefix}-{i}"),
                SuffixText::Name(name) => format!("{prefix}-{name}"),
            };
            assert_eq!(joined, text);
        }
        assert_eq!(split_key("a-b-17"), ("a-b", SuffixText::Index(17)));
        assert_eq!(split_key("x-007"), ("x", SuffixText::Name("007".to_owned())));
    }
}
