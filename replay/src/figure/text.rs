//! Texts of strangers, made fit to be shown: cleaned, measured, shortened.

/// Height of labels, in pixels.
pub const LABEL_PX: f32 = 11.0;

/// Width in pixels of a text set `size` pixels high in a common sans-serif font; a guess that is
/// rather too wide, since fonts differ from machine to machine.
pub fn text_width(text: &str, size: f32) -> f32 {
    text.chars().map(char_width).sum::<f32>() * size
}

fn char_width(c: char) -> f32 {
    match c {
        'i' | 'j' | 'l' | '\'' | '.' | ',' | ':' | ';' | '|' | '!' | ' ' | '·' => 0.3,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' | '\\' | '"' => 0.38,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.92,
        'A'..='Z' | '&' | '+' | '=' | '<' | '>' | '~' => 0.7,
        c if (c as u32) < 0x1100 => 0.58,
        _ => 1.05,
    }
}

/// The text, or as much of its begin as fits into `width` pixels, with `…` behind it.
pub fn elide(text: &str, width: f32, size: f32) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut room = width - text_width("…", size);
    let mut short = String::new();
    for c in text.chars() {
        room -= char_width(c) * size;
        if room < 0.0 {
            break;
        }
        short.push(c);
    }
    if short.is_empty() {
        return short;
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// The text, or its begin and end with `…` between them: names of workers differ at their end.
pub fn elide_middle(text: &str, width: f32, size: f32) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let room = width - text_width("…", size);
    let mut tail_px = 0.0;
    let tail = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| {
            tail_px += char_width(*c) * size;
            tail_px <= room * 0.6
        })
        .last()
        .map_or("", |(at, _)| &text[at..]);
    let head = elide(text, width - text_width(tail, size), size);
    if head.is_empty() { elide(text, width, size) } else { head + tail }
}

/// A count for people, its digits in groups: `1,204`.
pub fn count_text(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The text without what could break a line, an XML document or the order of what follows:
/// control and direction characters become `�`; at most `max_chars` characters.
pub fn clean(text: &str, max_chars: usize) -> String {
    let mut out: String = text
        .chars()
        .take(max_chars)
        .map(|c| if is_disruptive(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(max_chars).is_some() {
        out.push('…');
    }
    out
}

fn is_disruptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elides_to_what_fits() {
        assert_eq!(elide("count", 200.0, 11.0), "count");
        let short = elide("a-rather-long-prefix-name", 60.0, 11.0);
        assert!(short.ends_with('…') && text_width(&short, 11.0) <= 60.0, "{short}");
        assert_eq!(elide("count", 3.0, 11.0), "");
    }

    #[test]
    fn groups_digits() {
        let texts = [0, 999, 1_204, 1_234_567].map(count_text);
        assert_eq!(texts, ["0", "999", "1,204", "1,234,567"]);
    }

    #[test]
    fn elides_names_in_the_middle() {
        let short = elide_middle("a-host-with-a-very-long-name-17", 90.0, 11.0);
        assert!(short.starts_with("a-h") && short.ends_with("name-17"), "{short}");
        assert!(text_width(&short, 11.0) <= 90.0);
        assert_eq!(elide_middle("worker-1", 90.0, 11.0), "worker-1");
    }

    #[test]
    fn cleans_control_and_direction() {
        assert_eq!(clean("a\u{0}b\nc\u{202e}d", 100), "a�b�c�d");
        assert_eq!(clean("abcdef", 3), "abc…");
        assert_eq!(clean("abc", 3), "abc");
    }
}
