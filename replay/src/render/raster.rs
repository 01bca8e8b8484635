//! A picture in pixels, for PNG and GIF. Our own, because what other crates draw is anti-aliased
//! throughout: thin rectangles wash out, and a GIF of hundreds of colours is large. Here
//! rectangles fall on whole pixels, and edges and text have few levels of coverage, so that a
//! whole picture needs fewer colours than a palette holds.

pub(super) mod figure;
pub(super) mod font;
pub(super) mod palette;
mod shape;

use shape::Coverage;

use crate::figure::{Color, Theme};

/// Coverage is rounded to this many levels.
const LEVELS: f32 = 8.0;

/// Red, green and blue, eight bits each: `0xrrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Rgb(pub(super) u32);

impl Rgb {
    /// The value of a theme's colour.
    pub(super) fn of(theme: &Theme, color: Color) -> Self {
        let hex = theme.hex(color).trim_start_matches('#');
        Self(u32::from_str_radix(hex, 16).expect("a theme's colours are #rrggbb"))
    }

    pub(super) fn channels(self) -> [u8; 3] {
        let [_, r, g, b] = self.0.to_be_bytes();
        [r, g, b]
    }

    /// This colour over another, `alpha` from 0 (the other) to 1 (this).
    fn over(self, below: Self, alpha: f32) -> Self {
        let (above, below) = (self.channels(), below.channels());
        let mix = |i: usize| {
            let (above, below) = (f32::from(above[i]), f32::from(below[i]));
            (below + (above - below) * alpha).round() as u8
        };
        Self(u32::from_be_bytes([0, mix(0), mix(1), mix(2)]))
    }
}

/// A picture that is drawn upon. What lies outside of it is cut off.
#[derive(Clone, Debug)]
pub(super) struct Raster {
    width: usize,
    height: usize,
    /// Row by row.
    pixels: Vec<Rgb>,
    /// Reused from shape to shape.
    coverage: Coverage,
}

impl Raster {
    /// A picture in one colour.
    pub(super) fn new(width_px: u32, height_px: u32, color: Rgb) -> Self {
        let (width, height) = (width_px as usize, height_px as usize);
        let pixels = vec![color; width * height];
        Self { width, height, pixels, coverage: Coverage::default() }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row by row.
    pub(super) fn pixels(&self) -> &[Rgb] {
        &self.pixels
    }

    /// A rectangle on whole pixels.
    pub(super) fn rect(
        &mut self,
        (x, y): (i32, i32),
        (width, height): (i32, i32),
        color: Rgb,
        alpha: f32,
    ) {
        let clip = |from: i32, length: i32, max: usize| {
            let to = from.saturating_add(length).clamp(0, max as i32) as usize;
            (from.clamp(0, max as i32) as usize, to)
        };
        let (left, right) = clip(x, width, self.width);
        let (top, bottom) = clip(y, height, self.height);
        for row in top..bottom {
            let row = row * self.width;
            let Some(span) = self.pixels.get_mut(row + left..row + right) else { continue };
            if alpha >= 1.0 {
                span.fill(color);
                continue;
            }
            for pixel in span {
                *pixel = color.over(*pixel, alpha);
            }
        }
    }

    /// One pixel, covered in part.
    fn dab(&mut self, x: i32, y: i32, color: Rgb, alpha: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let pixel = &mut self.pixels[y * self.width + x];
            *pixel = color.over(*pixel, alpha);
        }
    }

    /// The inside of closed outlines, which wind the same way around.
    fn fill(&mut self, outlines: &[Vec<(f32, f32)>], color: Rgb, opacity: f32) {
        let mut coverage = std::mem::take(&mut self.coverage);
        coverage.of(outlines, (self.width as f32, self.height as f32));
        coverage.each(|x, y, covered| {
            let alpha = level(covered) * opacity;
            if alpha > 0.0 {
                self.dab(x, y, color, alpha);
            }
        });
        self.coverage = coverage;
    }
}

/// Coverage from 0 to 1, rounded to few levels.
fn level(covered: f32) -> f32 {
    (covered.clamp(0.0, 1.0) * LEVELS).round() / LEVELS
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Rgb = Rgb(0xff_ffff);

    fn text(raster: &Raster) -> String {
        let row = |row: &[Rgb]| -> String {
            row.iter().map(|p| char::from(b"#7531. "[usize::from(p.channels()[0] / 40)])).collect()
        };
        raster.pixels().chunks(raster.width()).map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn rectangles_adjoin_without_a_gap() {
        let mut raster = Raster::new(6, 3, WHITE);
        raster.rect((1, 1), (2, 1), Rgb(0), 1.0);
        raster.rect((3, 1), (2, 1), Rgb(0), 1.0);
        assert_eq!(text(&raster), "      \n #### \n      ");
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut raster = Raster::new(4, 2, WHITE);
        raster.rect((-5, -5), (7, 6), Rgb(0), 1.0);
        raster.rect((3, 1), (i32::MAX, i32::MAX), Rgb(0), 1.0);
        raster.rect((i32::MAX, 0), (i32::MAX, 1), Rgb(0), 1.0);
        raster.fill(&[vec![(-1e9, -1e9), (1e9, -1e9), (f32::NAN, 3.0)]], Rgb(0), 1.0);
        assert_eq!(text(&raster), "##  \n   #");
    }

    #[test]
    fn edges_are_covered_in_part() {
        let mut raster = Raster::new(4, 3, WHITE);
        raster.fill(&[vec![(0.5, 0.0), (3.0, 0.0), (3.0, 2.5), (0.5, 2.5)]], Rgb(0), 1.0);
        assert_eq!(text(&raster), "3## \n3## \n133 ");
    }
}
