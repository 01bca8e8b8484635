//! Reads the fields of one TOML table, noting what is unknown or of the wrong type.

use std::collections::BTreeMap;
use std::time::Duration;

use taskreel_replay::Instant;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest::nearest;
use super::problem::Problems;

/// A text with the byte of the file where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) offset: usize,
}

/// One table whose fields are known by name.
pub(crate) struct Fields<'t, 'p, 'a> {
    table: &'t DeTable<'t>,
    pub(crate) problems: &'p mut Problems<'a>,
}

impl<'t, 'p, 'a> Fields<'t, 'p, 'a> {
    /// Notes every field that is not in `known`; `owner` says whose fields these are.
    pub(crate) fn new(
        table: &'t DeTable<'t>,
        owner: &str,
        known: &[&str],
        problems: &'p mut Problems<'a>,
    ) -> Self {
        for name in table.keys() {
            let text = name.get_ref().as_ref();
            if known.contains(&text) {
                continue;
            }
            let hint = match meant(text, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known are {}", known.join(", ")),
            };
            problems.add(name.span().start, format!("unknown field `{text}` in {owner}"), hint);
        }
        Self { table, problems }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(name)
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<Text> {
        let value = self.get(name)?;
        text_of(value).or_else(|| self.wrong(value, name, "a text in quotes"))
    }

    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<Text>> {
        let value = self.get(name)?;
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong(value, name, "a list of texts: [\"a\", \"b\"]");
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match text_of(item) {
                Some(text) => texts.push(text),
                None => return self.wrong(item, name, "a list of texts: [\"a\", \"b\"]"),
            }
        }
        Some(texts)
    }

    pub(crate) fn whole<T: TryFrom<i64>>(&mut self, name: &str, range: &str) -> Option<T> {
        let value = self.get(name)?;
        whole_of(value)
            .and_then(|n| T::try_from(n).ok())
            .or_else(|| self.wrong(value, name, &format!("a whole number {range}")))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong(value, name, "true or false"),
        }
    }

    pub(crate) fn duration(&mut self, name: &str) -> Option<Duration> {
        const WANTED: &str =
            "a duration: \"250ms\", \"30s\", \"5m\", \"1h30m\", or a number of seconds";
        let value = self.get(name)?;
        let duration = match value.get_ref() {
            DeValue::String(text) => parse_duration(text),
            DeValue::Integer(_) => {
                whole_of(value).and_then(|n| u64::try_from(n).ok()).map(Duration::from_secs)
            }
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .ok()
                .and_then(|secs: f64| Duration::try_from_secs_f64(secs).ok()),
            _ => None,
        };
        duration
            .filter(|d| *d <= Duration::from_secs(10 * 365 * 86_400))
            .or_else(|| self.wrong(value, name, WANTED))
    }

    /// A table of amounts from 0 to a billion, in thousandths.
    pub(crate) fn amounts(&mut self, name: &str) -> Option<BTreeMap<String, u64>> {
        let value = self.get(name)?;
        let Some(table) = value.get_ref().as_table() else {
            return self.wrong(value, name, "a table of numbers: { gpu = 1 }");
        };
        let mut amounts = BTreeMap::new();
        for (key, value) in table {
            let number = number_text(value).and_then(|number| number.text.parse::<f64>().ok());
            match number.filter(|number| (0.0..=1e9).contains(number)) {
                Some(number) => {
                    amounts.insert(key.get_ref().to_string(), (number * 1000.0).round() as u64);
                }
                None => {
                    self.wrong::<()>(value, key.get_ref(), "a number from 0 to a billion");
                }
            }
        }
        Some(amounts)
    }

    /// A table of texts, as environment variables are; numbers count as their text.
    pub(crate) fn variables(&mut self, name: &str) -> Option<Vec<(String, Text)>> {
        let value = self.get(name)?;
        let Some(table) = value.get_ref().as_table() else {
            return self.wrong(value, name, "a table of texts: { NAME = \"value\" }");
        };
        let mut variables = Vec::with_capacity(table.len());
        for (key, value) in table {
            let Some(text) = text_of(value).or_else(|| number_text(value)) else {
                self.wrong::<()>(value, key.get_ref(), "a text in quotes");
                continue;
            };
            if key.get_ref().is_empty() || key.get_ref().contains(['=', '\0']) {
                let message = format!("`{}` cannot name a variable", key.get_ref().escape_debug());
                self.problems.add(key.span().start, message, "take letters, digits and `_`");
            }
            variables.push((key.get_ref().to_string(), text));
        }
        Some(variables)
    }

    /// Notes that a field is not what it must be.
    pub(crate) fn wrong<T>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        name: &str,
        wanted: &str,
    ) -> Option<T> {
        let found = match value.get_ref() {
            DeValue::String(text) => format!("\"{}\"", text.escape_debug()),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        self.problems.add(
            value.span().start,
            format!("`{name}` cannot be {found}"),
            format!("it takes {wanted}"),
        );
        None
    }
}

pub(crate) fn text_of(value: &Spanned<DeValue<'_>>) -> Option<Text> {
    let text = value.get_ref().as_str()?.to_owned();
    Some(Text { text, offset: value.span().start })
}

pub(crate) fn whole_of(value: &Spanned<DeValue<'_>>) -> Option<i64> {
    let number = value.get_ref().as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn number_text(value: &Spanned<DeValue<'_>>) -> Option<Text> {
    let text = match value.get_ref() {
        DeValue::Integer(_) => whole_of(value)?.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        _ => return None,
    };
    Some(Text { text, offset: value.span().start })
}

/// `1h30m`, `5m`, `30s`, `1.5s`, `250ms`: as instants of a run are written.
fn parse_duration(text: &str) -> Option<Duration> {
    match text.parse() {
        Ok(Instant::At(since)) => Some(Duration::from_nanos(since.0)),
        Ok(Instant::Percent(_) | Instant::Event(_) | Instant::End) | Err(_) => None,
    }
}

/// What other tools call the fields of a task.
const ELSEWHERE: [(&str, &str); 14] = [
    ("after", "needs"),
    ("dependencies", "needs"),
    ("depends", "needs"),
    ("depends_on", "needs"),
    ("deps", "needs"),
    ("requires", "needs"),
    ("cmd", "run"),
    ("command", "run"),
    ("script", "run"),
    ("args", "argv"),
    ("id", "key"),
    ("dir", "cwd"),
    ("foreach", "each"),
    ("array", "each"),
];

/// The field that a person most likely meant.
fn meant<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == typed).map(|(_, ours)| *ours);
    let of_other_tools = known.iter().copied().find(|name| Some(*name) == elsewhere);
    of_other_tools.or_else(|| nearest(typed, known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let parsed = |text| parse_duration(text).map(|d| d.as_secs_f64());
        assert_eq!(parsed("1h30m"), Some(5400.0));
        assert_eq!(parsed("1.5s"), Some(1.5));
        assert_eq!(parsed("250ms"), Some(0.25));
        for bad in ["", "5", "s", "5x", "1..2s", "-3s", "1e400s"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
