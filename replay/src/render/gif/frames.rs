//! The frames of a GIF, each written once it is known for how long it is shown.

use gif::{DisposalMethod, Encoder, Frame, Repeat};

use super::boxes::{Area, Changes};
use crate::figure::Theme;
use crate::render::raster::Raster;
use crate::render::raster::palette::Palette;

/// Places for colours; the last place of 256 is for pixels that stay as they are.
const N_COLORS: usize = 255;
const UNCHANGED: u8 = 255;
/// Where the palette begins in the file: after signature, size and flags.
const PALETTE_OFFSET: usize = 13;
/// Browsers show a frame at least this long, in hundredths of a second.
const SHORTEST: u64 = 2;
/// Most boxes that one picture's changes are written as.
const MOST_BOXES: u64 = 4;

/// A GIF file in the making.
pub(super) struct Frames {
    encoder: Encoder<Vec<u8>>,
    palette: Palette,
    width: usize,
    height: usize,
    /// What is seen after the last frame that is written, by places in the palette.
    seen: Vec<u8>,
    /// The next picture, and since when it is shown, in hundredths of a second.
    pending: Option<(Vec<u8>, u64)>,
    n_shown: usize,
}

impl Frames {
    pub(super) fn new((width_px, height_px): (u32, u32), theme: &Theme) -> Self {
        let (width, height) = (width_px.min(0xffff) as u16, height_px.min(0xffff) as u16);
        let blank = vec![0; 3 * 256];
        let mut encoder = Encoder::new(Vec::new(), width, height, &blank).expect("a Vec takes all");
        encoder.set_repeat(Repeat::Infinite).expect("a Vec takes all");
        Self {
            encoder,
            palette: Palette::new(theme, N_COLORS),
            width: usize::from(width),
            height: usize::from(height),
            seen: Vec::new(),
            pending: None,
            n_shown: 0,
        }
    }

    /// How large the file is so far, without the last picture.
    pub(super) fn len(&self) -> usize {
        self.encoder.get_ref().len()
    }

    /// How many pictures there are that differ from those before them.
    pub(super) fn n_shown(&self) -> usize {
        self.n_shown
    }

    /// Shows a picture from an instant on, in hundredths of a second. One that looks like the
    /// last is nothing new.
    pub(super) fn show(&mut self, raster: &Raster, at: u64) {
        let indices = self.palette.indices(raster);
        if self.pending.as_ref().is_some_and(|(last, _)| *last == indices) {
            return;
        }
        self.write_pending(at);
        self.pending = Some((indices, at));
        self.n_shown += 1;
    }

    /// The file, whose last picture is shown until an instant.
    pub(super) fn finish(mut self, end: u64) -> Vec<u8> {
        self.write_pending(end);
        let mut file = self.encoder.into_inner().expect("a Vec takes all");
        let palette = self.palette.bytes();
        file[PALETTE_OFFSET..PALETTE_OFFSET + palette.len()].copy_from_slice(&palette);
        file
    }

    /// Writes the next picture: as one frame, or, where that is smaller, as a few that follow each
    /// other faster than anybody sees.
    fn write_pending(&mut self, until: u64) {
        let Some((next, from)) = self.pending.take() else { return };
        let length = until.saturating_sub(from).clamp(1, u64::from(u16::MAX));
        if self.seen.is_empty() {
            let all = Area { columns: 0..self.width, rows: 0..self.height };
            self.write(&all, next.clone(), length, None);
            self.seen = next;
            return;
        }
        let changes = Changes::new(self.width, &self.seen, &next);
        let n_boxes = (length / SHORTEST).clamp(1, MOST_BOXES);
        let boxes = changes.boxes(n_boxes as usize);
        for (i, area) in boxes.iter().enumerate() {
            let is_last = i + 1 == boxes.len();
            let shown = if is_last { length - SHORTEST * i as u64 } else { SHORTEST };
            let pixel = |(column, row): (usize, usize)| {
                if changes.at(column, row) { next[row * self.width + column] } else { UNCHANGED }
            };
            let rows = area.rows.clone();
            let places = rows.flat_map(|row| area.columns.clone().map(move |column| (column, row)));
            let pixels = places.map(pixel).collect();
            self.write(area, pixels, shown, Some(UNCHANGED));
        }
        self.seen = next;
    }

    fn write(&mut self, area: &Area, pixels: Vec<u8>, shown: u64, transparent: Option<u8>) {
        let frame = Frame {
            delay: shown as u16,
            dispose: DisposalMethod::Keep,
            transparent,
            left: area.columns.start as u16,
            top: area.rows.start as u16,
            width: area.columns.len() as u16,
            height: area.rows.len() as u16,
            buffer: pixels.into(),
            ..Frame::default()
        };
        let written = self.encoder.write_frame(&frame);
        written.expect("frames lie within the picture, and a Vec takes all");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use gif::{ColorOutput, DecodeOptions};

    use super::*;
    use crate::render::raster::Rgb;

    const SIZE: (u32, u32) = (40, 30);

    /// What a viewer sees, each time with the hundredths of a second until the next change.
    fn played(file: &[u8]) -> Vec<(u64, Vec<u32>)> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let mut decoder = options.read_info(Cursor::new(file)).expect("it is GIF");
        let width = usize::from(decoder.width());
        let mut screen = vec![0; width * usize::from(decoder.height())];
        let mut seen = Vec::new();
        while let Some(frame) = decoder.read_next_frame().expect("its frames are whole") {
            for (i, rgba) in frame.buffer.chunks(4).enumerate() {
                let (x, y) = (i % usize::from(frame.width), i / usize::from(frame.width));
                if rgba[3] != 0 {
                    let at = (y + usize::from(frame.top)) * width + x + usize::from(frame.left);
                    screen[at] = u32::from_be_bytes([0, rgba[0], rgba[1], rgba[2]]);
                }
            }
            seen.push((u64::from(frame.delay), screen.clone()));
        }
        seen
    }

    fn picture(dots: &[(i32, i32, u32)]) -> Raster {
        let mut raster = Raster::new(SIZE.0, SIZE.1, Rgb(0xff_ffff));
        for (x, y, color) in dots {
            raster.rect((*x, *y), (2, 2), Rgb(*color), 1.0);
        }
        raster
    }

    #[test]
    fn every_picture_is_seen_as_it_was_drawn_and_for_as_long() {
        let pictures = [
            picture(&[]),
            picture(&[(1, 1, 0x00_ff00), (30, 20, 0xff_0000)]),
            picture(&[(1, 1, 0x00_ff00), (30, 20, 0xff_0000)]),
            picture(&[(36, 1, 0x12_3456), (1, 27, 0x65_4321)]),
            picture(&[(36, 1, 0x12_3456), (1, 27, 0x65_4321), (20, 14, 0x00_00ff)]),
        ];
        let mut frames = Frames::new(SIZE, &Theme::light());
        for (i, raster) in pictures.iter().enumerate() {
            frames.show(raster, i as u64 * 10);
        }
        assert_eq!(frames.n_shown(), 4, "one is like the one before it");
        let played = played(&frames.finish(300));
        assert_eq!(played.iter().map(|(delay, _)| delay).sum::<u64>(), 300);
        let mut now = 0;
        let mut ends = Vec::new();
        for (delay, screen) in played {
            now += delay;
            ends.push((now, screen));
        }
        for (i, raster) in pictures.iter().enumerate() {
            let until = if i + 1 == pictures.len() { 300 } else { (i as u64 + 1) * 10 };
            let until = if i == 1 { 30 } else { until };
            let expected: Vec<u32> = raster.pixels().iter().map(|rgb| rgb.0).collect();
            let Some((_, screen)) = ends.iter().find(|(end, _)| *end == until) else {
                assert_eq!(i, 2, "only the one that is like another has no end");
                continue;
            };
            assert_eq!(*screen, expected, "picture {i}");
        }
    }
}
