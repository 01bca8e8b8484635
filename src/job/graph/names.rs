//! The names that dependencies can use: keys of tasks, names of arrays, `array[3]`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::nearest::nearest;
use super::super::placeholder::{Values, expand, has_placeholder};
use super::super::problem::Problems;
use super::super::read::{DraftTask, array_name};
use super::Element;

/// What each name means, by position among the elements.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Every task's key, with the byte of the file that declares it.
    keys: BTreeMap<String, (usize, usize)>,
    /// Every array's elements, with the byte of the file that declares it.
    arrays: BTreeMap<String, (Range<usize>, usize)>,
    /// Keys of tables that are no arrays, for hints.
    plain: Vec<String>,
    /// Arrays whose items are not known because of a mistake that is noted already.
    unknown: Vec<String>,
}

/// A dependency that does not exist.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) name: String,
    pub(crate) hint: String,
}

impl Names {
    /// Adds a table's task or elements, noting keys that are taken.
    pub(crate) fn declare(
        &mut self,
        position: usize,
        task: &DraftTask,
        elements: &mut Vec<Element>,
        problems: &mut Problems<'_>,
    ) {
        let template = &task.key.text;
        let offset = task.key.offset;
        if task.each.is_none() {
            let key = expand(template, None);
            self.plain.push(key.clone());
            self.add_key(&key, elements.len(), offset, problems);
            elements.push(Element { position, key, values: None });
            return;
        }
        let name = array_name(template).to_owned();
        let Some(items) = super::items(task, problems) else {
            self.unknown.push(name);
            return;
        };
        let numbered = !has_placeholder(template);
        let first = elements.len();
        for (index, item) in items.into_iter().enumerate() {
            let values = Values::new(item, index);
            let mut key = expand(template, Some(&values));
            if numbered {
                key = format!("{key}-{index}");
            }
            if !self.add_key(&key, elements.len(), offset, problems) {
                break;
            }
            elements.push(Element { position, key, values: Some(values) });
        }
        let name = if numbered { expand(template, None) } else { name };
        let taken = self.keys.get(&name).map(|(_, offset)| *offset);
        let taken = taken.or_else(|| self.arrays.get(&name).map(|(_, offset)| *offset));
        match taken {
            Some(other) => note_taken(&name, other, offset, problems),
            None => drop(self.arrays.insert(name, (first..elements.len(), offset))),
        }
    }

    /// The elements that a name in `needs` stands for.
    pub(crate) fn find(&self, name: &str) -> Result<Vec<usize>, Missing> {
        if let Some((element, _)) = self.keys.get(name) {
            return Ok(vec![*element]);
        }
        if let Some((range, _)) = self.arrays.get(name) {
            return Ok(range.clone().collect());
        }
        let missing = |hint: String| Err(Missing { name: name.to_owned(), hint });
        if let Some((array, index)) = indexed(name)
            && let Some((range, _)) = self.arrays.get(array)
        {
            return match range.clone().nth(index) {
                Some(element) => Ok(vec![element]),
                None => missing(self.elements_hint(array)),
            };
        }
        if self.unknown.iter().any(|array| name.starts_with(array.as_str())) {
            return Ok(Vec::new());
        }
        missing(self.hint(name))
    }

    fn hint(&self, name: &str) -> String {
        let within = self.arrays.keys().rev().find(|array| {
            name.strip_prefix(array.as_str())
                .is_some_and(|rest| rest.starts_with(['-', '.', '_', ' ', '[']))
        });
        if let Some(array) = within {
            return self.elements_hint(array);
        }
        let candidates = self.plain.iter().chain(self.arrays.keys()).map(String::as_str);
        match nearest(name, candidates.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                let known: Vec<&str> = candidates.take(8).collect();
                let more = if self.plain.len() + self.arrays.len() > 8 { ", …" } else { "" };
                format!("the job has {}{more}", known.join(", "))
            }
        }
    }

    fn elements_hint(&self, array: &str) -> String {
        let Some((range, _)) = self.arrays.get(array) else { return String::new() };
        let key_of = |element| {
            self.keys.iter().find(|(_, (at, _))| *at == element).map_or("", |(key, _)| key.as_str())
        };
        match range.len() {
            0 => format!("array `{array}` is empty"),
            1 => format!("array `{array}` has one element, `{}`", key_of(range.start)),
            n => format!(
                "array `{array}` has {n} elements, `{}` to `{}`",
                key_of(range.start),
                key_of(range.end - 1)
            ),
        }
    }

    /// Whether the key was free.
    fn add_key(
        &mut self,
        key: &str,
        element: usize,
        offset: usize,
        problems: &mut Problems<'_>,
    ) -> bool {
        let other = self.keys.get(key).map(|(_, other)| *other);
        let other = other.or_else(|| self.arrays.get(key).map(|(_, other)| *other));
        match other {
            Some(other) if other == offset => {
                let message = format!("two elements of the array have the key `{key}`");
                problems.add(offset, message, "add `{index}` to the key");
                false
            }
            Some(other) => {
                note_taken(key, other, offset, problems);
                false
            }
            None => {
                self.keys.insert(key.to_owned(), (element, offset));
                true
            }
        }
    }
}

fn note_taken(key: &str, first: usize, second: usize, problems: &mut Problems<'_>) {
    let (first, second) = (first.min(second), first.max(second));
    let message = format!("duplicate key `{key}`: line {} has it too", problems.line(first));
    problems.add(second, message, "rename one of them");
}

/// `array[3]`
fn indexed(name: &str) -> Option<(&str, usize)> {
    let (array, index) = name.strip_suffix(']')?.rsplit_once('[')?;
    Some((array, index.parse().ok()?))
}
