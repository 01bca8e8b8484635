//! Placeholders: `{item}`, `{index}`, `{name}` and `{stem}` in the fields of an array's task.
//!
//! Only these four names in braces are replaced, so `awk '{print $1}'` and `${name}` stay as they
//! are; `{{item}}` is the text `{item}`.

use std::path::Path;

use super::nearest::nearest;
use super::shell::Quoter;

const NAMES: [&str; 4] = ["item", "index", "name", "stem"];

/// What the placeholders of one element stand for.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    item: String,
    index: usize,
}

impl Values {
    pub(crate) fn new(item: impl Into<String>, index: usize) -> Self {
        Self { item: item.into(), index }
    }

    fn get(&self, name: &str) -> String {
        let part = |part: Option<&std::ffi::OsStr>| {
            part.map_or_else(|| self.item.clone(), |p| p.to_string_lossy().into_owned())
        };
        match name {
            "index" => self.index.to_string(),
            "name" => part(Path::new(&self.item).file_name()),
            "stem" => part(Path::new(&self.item).file_stem()),
            _ => self.item.clone(),
        }
    }
}

enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// Replaces the placeholders; without values (a task that is no array) only unescapes.
pub(crate) fn expand(template: &str, values: Option<&Values>) -> String {
    let mut out = String::with_capacity(template.len());
    for piece in pieces(template) {
        match (piece, values) {
            (Piece::Text(text), _) => out.push_str(text),
            (Piece::Placeholder(name), Some(values)) => out.push_str(&values.get(name)),
            (Piece::Placeholder(name), None) => {
                out.push('{');
                out.push_str(name);
                out.push('}');
            }
        }
    }
    out
}

/// Replaces the placeholders of a shell line by quoted values.
pub(crate) fn expand_shell(template: &str, values: &Values) -> String {
    let mut quoter = Quoter::new();
    let mut out = String::with_capacity(template.len());
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => {
                text.chars().for_each(|c| quoter.follow(c));
                out.push_str(text);
            }
            Piece::Placeholder(name) => out.push_str(&quoter.quote(&values.get(name))),
        }
    }
    out
}

/// Whether a text has a placeholder.
pub(crate) fn has_placeholder(template: &str) -> bool {
    pieces(template).iter().any(|piece| matches!(piece, Piece::Placeholder(_)))
}

/// The text before the first placeholder.
pub(crate) fn before_placeholder(template: &str) -> &str {
    match pieces(template).first() {
        Some(Piece::Text(text)) => text,
        Some(Piece::Placeholder(_)) | None => "",
    }
}

/// A word in braces that looks like a mistyped placeholder, and the one meant.
pub(crate) fn mistyped(template: &str) -> Option<(&str, &'static str)> {
    let mut rest = template;
    let mut previous = ' ';
    while let Some(open) = rest.find('{') {
        previous = rest[..open].chars().next_back().unwrap_or(previous);
        let word = &rest[open + 1..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        let meant = NAMES.into_iter().find(|name| nearest(word, [*name]).is_some());
        if let Some(meant) = meant
            && word.len() > 2
            && !NAMES.contains(&word)
            && after.starts_with('}')
            && !matches!(previous, '$' | '{')
        {
            return Some((word, meant));
        }
        rest = &rest[open + 1..];
        previous = '{';
    }
    None
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut text_from = 0;
    let mut at = 0;
    while let Some(open) = template[at..].find('{').map(|i| at + i) {
        let Some((name, doubled)) = placeholder_at(&template[open..]) else {
            at = open + 1;
            continue;
        };
        at = open + name.len() + if doubled { 4 } else { 2 };
        if !doubled && template[..open].ends_with('$') {
            continue;
        }
        found.push(Piece::Text(&template[text_from..open]));
        found.push(if doubled {
            Piece::Text(&template[open + 1..at - 1])
        } else {
            Piece::Placeholder(name)
        });
        text_from = at;
    }
    found.push(Piece::Text(&template[text_from..]));
    found.retain(|piece| !matches!(piece, Piece::Text("")));
    found
}

/// The name in the braces a text begins with, and whether the braces are doubled.
fn placeholder_at(text: &str) -> Option<(&'static str, bool)> {
    NAMES.into_iter().find_map(|name| {
        let closed_by = |open, close| {
            text.strip_prefix(open)
                .and_then(|rest: &str| rest.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with(close))
        };
        if closed_by("{{", "}}") {
            Some((name, true))
        } else {
            closed_by("{", "}").then_some((name, false))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_its_names_and_nothing_else() {
        let values = Values::new("data/a b.csv", 7);
        let check = |template: &str, expanded: &str| {
            assert_eq!(expand(template, Some(&values)), expanded, "{template}");
        };
        check("{index}: {item} {name} {stem}", "7: data/a b.csv a b.csv a b");
        check("awk '{print $1}' ${name} {{item}} {", "awk '{print $1}' ${name} {item} {");
        check("{{item}", "{data/a b.csv");
        check("x{", "x{");
        check("{ä}{index}", "{ä}7");
        check("{{item}ä", "{data/a b.csvä");
        assert_eq!(expand("{{item}} {item}", None), "{item} {item}");
    }

    #[test]
    fn notices_slips() {
        assert_eq!(mistyped("cat {itme}"), Some(("itme", "item")));
        assert_eq!(mistyped("cat {idnex}"), Some(("idnex", "index")));
        for fine in ["{item}", "{print $1}", "${itme}", "{{itme}}", "{a,b}", "{x}"] {
            assert_eq!(mistyped(fine), None, "{fine}");
        }
    }
}
