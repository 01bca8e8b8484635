//! Puts values into shell lines so that the shell sees each as one piece of text, whatever
//! characters it has: file names come from anywhere.

/// How the shell reads the place where a value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Bare,
    Double,
    Single,
    Backtick,
}

/// Follows a shell line from its begin and quotes values for the place it has reached.
pub(crate) struct Quoter {
    /// The innermost context last; `$(` nests.
    contexts: Vec<Context>,
    escaped: bool,
    /// The character before; starts a word when it is a space.
    previous: char,
    in_comment: bool,
}

impl Quoter {
    pub(crate) fn new() -> Self {
        Self { contexts: vec![Context::Bare], escaped: false, previous: '\n', in_comment: false }
    }

    /// Notes the next character of the line itself.
    pub(crate) fn follow(&mut self, c: char) {
        let previous = std::mem::replace(&mut self.previous, c);
        if self.in_comment {
            self.in_comment = c != '\n';
            return;
        }
        if std::mem::take(&mut self.escaped) {
            return;
        }
        match (self.context(), c) {
            (Context::Single, '\'') => self.leave(),
            (Context::Single, _) => {}
            (_, '\\') => self.escaped = true,
            (Context::Double, '"') => self.leave(),
            (Context::Double | Context::Bare | Context::Backtick, '(') if previous == '$' => {
                self.contexts.push(Context::Bare);
            }
            (Context::Backtick, '`') => self.leave(),
            (_, '`') => self.contexts.push(Context::Backtick),
            (Context::Double, _) => {}
            (_, '"') => self.contexts.push(Context::Double),
            (_, '\'') => self.contexts.push(Context::Single),
            (_, '#') if previous.is_whitespace() || previous == ';' => self.in_comment = true,
            (Context::Bare, '(') => self.contexts.push(Context::Bare),
            (Context::Bare, ')') => self.leave(),
            _ => {}
        }
    }

    /// The value as it must stand here.
    pub(crate) fn quote(&mut self, value: &str) -> String {
        self.previous = 'x';
        let safe = |c: char| c.is_ascii_alphanumeric() || "_./=:,+@%-".contains(c);
        if !value.is_empty() && value.chars().all(safe) {
            return value.to_owned();
        }
        match self.context() {
            Context::Bare | Context::Backtick => format!("'{}'", value.replace('\'', "'\\''")),
            Context::Single => value.replace('\'', "'\\''"),
            Context::Double => value.chars().fold(String::new(), |mut out, c| {
                if matches!(c, '"' | '\\' | '$' | '`') {
                    out.push('\\');
                }
                out.push(c);
                out
            }),
        }
    }

    fn context(&self) -> Context {
        self.contexts.last().copied().unwrap_or(Context::Bare)
    }

    fn leave(&mut self) {
        if self.contexts.len() > 1 {
            self.contexts.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::placeholder::{Values, expand_shell};

    #[test]
    fn any_name_arrives_as_it_is() {
        let templates = [
            ("printf %s {item}", "", ""),
            ("printf %s \"{item}\"", "", ""),
            ("printf %s '{item}'", "", ""),
            ("printf %s out/{item}.txt", "out/", ".txt"),
            ("printf %s \"$(printf %s \"{item}\")\"", "", ""),
            ("# don't\nprintf %s {item}", "", ""),
            ("(printf %s {item})", "", ""),
            ("x=\"a\\\"{item}\"; printf %s \"$x\"", "a\"", ""),
        ];
        let names =
            ["plain", "two words", "it's", "\"q\"", "$(id)", "`id`", "a\\b", "*", "-n;ls", "ä b"];
        for (template, before, after) in templates {
            for name in names {
                let line = expand_shell(template, &Values::new(name, 0));
                let output = Command::new("sh").arg("-ec").arg(&line).output().unwrap();
                let printed = String::from_utf8(output.stdout).unwrap();
                assert_eq!(printed, format!("{before}{name}{after}"), "{line}");
            }
        }
    }
}
