//! What the live channel sends: parts, each packed once, however many pages take it.
//!
//! A message is a list of parts: length of the id (1 byte), the id, length of what follows (4 bytes,
//! little-endian), and that, deflated without a header. Inflated, a part is the length of its JSON
//! (4 bytes), the JSON, and columns of numbers from the next multiple of 4 on, each padded to 4 bytes.
//! A part `words` is what the page says; any other is a plot's figure:
//!
//! ```json
//! {"columns":[[2,"x","i16+",1200],[2,"color","u8",1200]],"figure":{…}}
//! ```
//!
//! Column `x` of layer 2 was taken out of the JSON: 1,200 numbers of 16 bits, each the difference
//! from the one before (`+`). A part that a page has already is not sent to it again.

use std::io::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Serialize;
use taskreel_replay::figure::{Figure, Glyphs};

/// Layers with fewer glyphs stay in the JSON.
const COLUMN_MIN: usize = 64;

/// A part of a message, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub id: Arc<str>,
    /// Differs where the content differs.
    pub fingerprint: u64,
    bytes: Bytes,
}

/// A column beside the JSON: its layer, name, kind of numbers and length.
type Head = (usize, &'static str, &'static str, usize);

#[derive(Serialize)]
struct Framed<'a> {
    columns: &'a [Head],
    figure: &'a Figure,
}

/// The columns that were taken out of a figure.
#[derive(Default)]
struct Columns {
    heads: Vec<Head>,
    bytes: Vec<u8>,
}

impl Packed {
    /// Packs a figure.
    pub(crate) fn figure(mut figure: Figure) -> Self {
        let id = Arc::from(figure.id.as_str());
        let columns = Columns::take(&mut figure);
        let framed = Framed { columns: &columns.heads, figure: &figure };
        let json = serde_json::to_vec(&framed).expect("a figure is strings, numbers and arrays");
        Self::new(id, &json, &columns.bytes)
    }

    /// Packs what serde writes.
    pub(crate) fn json(id: &str, value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).expect("words are strings and numbers");
        Self::new(Arc::from(id), &json, &[])
    }

    /// What stands in a message behind the id and the length.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn new(id: Arc<str>, json: &[u8], columns: &[u8]) -> Self {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        let gap = json.len().next_multiple_of(4) - json.len();
        let parts = [&(json.len() as u32).to_le_bytes()[..], json, &[0; 3][..gap], columns];
        let written = parts.iter().try_for_each(|part| deflate.write_all(part));
        let bytes = written.and_then(|()| deflate.finish()).expect("a vector takes all");
        Self { id, fingerprint: fingerprint(&bytes), bytes: bytes.into() }
    }
}

/// The message that holds these parts.
pub(crate) fn message<'a>(parts: impl IntoIterator<Item = &'a Packed>) -> Bytes {
    let mut bytes = Vec::new();
    for part in parts {
        // Ids are names of our plots.
        bytes.push(part.id.len() as u8);
        bytes.extend(part.id.as_bytes());
        bytes.extend((part.bytes.len() as u32).to_le_bytes());
        bytes.extend(&part.bytes[..]);
    }
    bytes.into()
}

/// FNV-1a: differs, in all likelihood, where the bytes do.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

impl Columns {
    fn take(figure: &mut Figure) -> Self {
        let mut columns = Self::default();
        for (index, layer) in figure.layers.iter_mut().enumerate() {
            let Glyphs::Rects(rects) = &mut layer.glyphs else { continue };
            if rects.x.len() < COLUMN_MIN {
                continue;
            }
            columns.steps(index, "x", &mut rects.x);
            columns.steps(index, "y", &mut rects.y);
            columns.shorts(index, "width", &mut rects.width);
            columns.shorts(index, "height", &mut rects.height);
            columns.steps_of_labels(index, &mut rects.label);
            let colors = std::mem::take(&mut rects.color);
            columns.add((index, "color", "u8", colors.len()), colors.iter().map(|color| [color.0]));
        }
        columns
    }

    fn add<const N: usize>(&mut self, head: Head, values: impl Iterator<Item = [u8; N]>) {
        self.heads.push(head);
        self.bytes.extend(values.flatten());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn shorts(&mut self, layer: usize, name: &'static str, column: &mut Vec<i32>) {
        let column = std::mem::take(column);
        let values = column.iter().map(|value| (*value as i16).to_le_bytes());
        self.add((layer, name, "i16", column.len()), values);
    }

    /// Neighbours differ by little, and often by the same.
    fn steps(&mut self, layer: usize, name: &'static str, column: &mut Vec<i32>) {
        let column = std::mem::take(column);
        let before = [0].iter().chain(&column);
        let steps = column.iter().zip(before);
        let steps = steps.map(|(value, before)| (value.wrapping_sub(*before) as i16).to_le_bytes());
        self.add((layer, name, "i16+", column.len()), steps);
    }

    fn steps_of_labels(&mut self, layer: usize, column: &mut Vec<i32>) {
        let column = std::mem::take(column);
        let before = [0].iter().chain(&column);
        let steps = column.iter().zip(before);
        let steps = steps.map(|(value, before)| value.wrapping_sub(*before).to_le_bytes());
        self.add((layer, "label", "i32+", column.len()), steps);
    }
}

#[cfg(test)]
mod tests {
    use flate2::read::DeflateDecoder;
    use std::io::Read as _;
    use taskreel_replay::figure::{Color, Layer, Rects};

    use super::*;

    #[test]
    fn columns_are_beside_the_json_and_small() {
        let mut rects = Rects::default();
        for i in 0..2_000 {
            rects.push((i % 500, i / 500 * 20), (1, 18), Color(3), i - 1);
        }
        let mut figure = Figure { id: "task-stream".to_owned(), ..Figure::default() };
        figure.push(Layer::new(Glyphs::Rects(rects.clone())));
        let json_bytes = figure.to_json().len();
        let packed = Packed::figure(figure.clone());
        assert!(packed.bytes.len() * 50 < json_bytes, "{} of {json_bytes}", packed.bytes.len());
        assert_eq!(packed.fingerprint, Packed::figure(figure).fingerprint);

        let mut bytes = Vec::new();
        DeflateDecoder::new(&packed.bytes[..]).read_to_end(&mut bytes).expect("deflated");
        let length = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize;
        let json: serde_json::Value = serde_json::from_slice(&bytes[4..4 + length]).expect("JSON");
        assert_eq!(json["columns"][0], serde_json::json!([0, "x", "i16+", 2_000]));
        assert_eq!(json["figure"]["layers"][0]["x"], serde_json::json!([]));
        let first = 4 + length.next_multiple_of(4);
        let step = |i: usize| i16::from_le_bytes([bytes[first + 2 * i], bytes[first + 2 * i + 1]]);
        let mut x = 0;
        for (i, expected) in rects.x.iter().enumerate() {
            x += i32::from(step(i));
            assert_eq!(x, *expected);
        }
        assert_eq!(bytes.len(), first + 2_000 * (4 * 2 + 4 + 1));
    }
}
