//! Writing SVG: numbers with fixed decimals, texts escaped.

use std::fmt::Write as _;

use crate::figure::{Color, Theme};

/// Fonts that systems set their own pages in.
const FONT: &str = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif";

/// A document in the making.
pub(in crate::render) struct Svg {
    out: String,
}

impl Svg {
    pub(in crate::render) fn open(width: u32, height: u32, title: &str, theme: &Theme) -> Self {
        let mut svg = Self { out: String::with_capacity(16 << 10) };
        let _ = write!(
            svg.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FONT}\">\n<title>"
        );
        svg.escaped(title);
        let background = theme.hex(Color::BACKGROUND);
        let _ = writeln!(
            svg.out,
            "</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"{background}\"/>"
        );
        svg
    }

    pub(in crate::render) fn close(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }

    /// Begins a group with the attributes given, which are ours and not escaped.
    pub(in crate::render) fn begin(&mut self, attributes: &str) {
        let _ = writeln!(self.out, "<g {attributes}>");
    }

    pub(in crate::render) fn end(&mut self) {
        self.out.push_str("</g>\n");
    }

    /// A text centred vertically on its point; nothing if it is empty.
    pub(in crate::render) fn text(
        &mut self,
        (x, y): (f32, f32),
        text: &str,
        anchor: &str,
        size: f32,
        bold: bool,
        fill: &str,
    ) {
        if text.is_empty() {
            return;
        }
        // The middle of lower-case letters; `dominant-baseline` is not known everywhere.
        let (x, y, size) = (number(x), number(y + size * 0.36), number(size));
        let weight = if bold { " font-weight=\"600\"" } else { "" };
        let _ = write!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{weight} text-anchor=\"{anchor}\" fill=\"{fill}\">"
        );
        self.escaped(text);
        self.out.push_str("</text>\n");
    }

    pub(super) fn swatch(&mut self, (x, y): (f32, f32), side: f32, fill: &str, opacity: f32) {
        let (x, y, side, opacity) = (number(x), number(y), number(side), fraction(opacity));
        let _ = writeln!(
            self.out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" rx=\"2\" fill=\"{fill}\" fill-opacity=\"{opacity}\"/>"
        );
    }

    pub(super) fn line(&mut self, from: (f32, f32), to: (f32, f32), stroke: &str, width: f32) {
        let (x0, y0, x1, y1) = (number(from.0), number(from.1), number(to.0), number(to.1));
        let width = number(width);
        let _ = writeln!(
            self.out,
            "<path d=\"M{x0} {y0}L{x1} {y1}\" stroke=\"{stroke}\" stroke-width=\"{width}\" shape-rendering=\"crispEdges\"/>"
        );
    }

    /// A filled path; `attributes` are ours and not escaped.
    pub(super) fn path(&mut self, d: &str, fill: &str, attributes: &str) {
        let _ = writeln!(self.out, "<path d=\"{d}\" fill=\"{fill}\"{attributes}/>");
    }

    /// A filled path with a text to hover.
    pub(super) fn titled_path(&mut self, d: &str, fill: &str, title: &str) {
        let _ = write!(self.out, "<path d=\"{d}\" fill=\"{fill}\"><title>");
        self.escaped(title);
        self.out.push_str("</title></path>\n");
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                // XML has no way to write these.
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                    self.out.push(char::REPLACEMENT_CHARACTER);
                }
                c => self.out.push(c),
            }
        }
    }
}

/// At most one decimal.
pub(super) fn number(value: f32) -> String {
    let mut text = format!("{value:.1}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    if text == "-0" { "0".to_owned() } else { text }
}

/// Two decimals.
pub(super) fn fraction(value: f32) -> String {
    format!("{value:.2}")
}
