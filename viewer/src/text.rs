//! Names and numbers for people.

use taskreel_model::Nanos;
use taskreel_replay::figure::clean;

/// Longest name shown, in characters.
const NAME_CHARS_MAX: usize = 160;
/// Longest message or command line shown, in characters.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// A name as it may stand on the page. Names in a trace come from strangers: what would hide or
/// reorder the text around it becomes `�`, as in the plots, and a long one ends in `…`. Escaping is
/// the templates' and the scripts' work.
pub(crate) fn visible(name: &str) -> String {
    clean(name, NAME_CHARS_MAX)
}

/// The same for what may be longer than a name: errors, command lines.
pub(crate) fn visible_message(text: &str) -> String {
    clean(text, MESSAGE_CHARS_MAX)
}

/// A count with separators: `1,204,000`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How long a run took: `0.82 s`, `12.3 s`, `4 m 07 s`, `2 h 05 m`.
pub(crate) fn elapsed(time: Nanos) -> String {
    let seconds = time.0 / 1_000_000_000;
    match seconds {
        0..10 => format!("{:.2} s", time.as_secs_f64()),
        10..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_names_cannot_hide_or_reorder() {
        assert_eq!(visible("a\0b\x1b[31m\u{202e}c"), "a�b�[31m�c");
        assert_eq!(visible("שלום <b>"), "שלום <b>");
        assert_eq!(visible(&"x".repeat(500)).chars().count(), NAME_CHARS_MAX + 1);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_204_000), "1,204,000");
        assert_eq!(count(999), "999");
        assert_eq!(elapsed(Nanos::from_millis(820)), "0.82 s");
        assert_eq!(elapsed(Nanos::from_millis(12_340)), "12.3 s");
        assert_eq!(elapsed(Nanos::from_millis(247_000)), "4 m 07 s");
        assert_eq!(elapsed(Nanos::from_millis(7_500_000)), "2 h 05 m");
    }
}
