//! Pictures as three bytes a pixel, out of PNG and JPEG files and into PNG.

use std::fs;
use std::io::Cursor;
use std::ops::Range;

use png::{ColorType, Transformations};
use serde::{Deserialize, Serialize};
use taskreel::task::Captured;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Longest side of a picture that is read.
const MAX_SIDE: usize = 16_384;

/// Memory that decoding a picture may take, in bytes.
const MAX_BYTES: usize = 256 << 20;

/// Red, green and blue of each pixel, row by row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Captured,
}

impl Picture {
    /// A picture of one colour.
    pub(crate) fn plain(width: usize, height: usize, level: u8) -> Self {
        Self { width, height, rgb: Captured(vec![level; width * height * 3]) }
    }

    /// A pixel.
    pub(crate) fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let begin = (y * self.width + x) * 3;
        let rgb = &self.rgb.0[begin..begin + 3];
        [rgb[0], rgb[1], rgb[2]]
    }

    /// Draws another picture into this one, where it fits.
    pub(crate) fn put(&mut self, other: &Self, left: usize, top: usize) {
        for y in 0..other.height {
            let from = y * other.width * 3;
            let to = ((top + y) * self.width + left) * 3;
            let len = other.width * 3;
            self.rgb.0[to..to + len].copy_from_slice(&other.rgb.0[from..from + len]);
        }
    }

    /// Brightness of each pixel, as the eye weighs the colours.
    pub(crate) fn luma(&self) -> Vec<u8> {
        let weighed = |rgb: &[u8]| {
            let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
            ((299 * r + 587 * g + 114 * b) / 1000) as u8
        };
        self.rgb.0.chunks_exact(3).map(weighed).collect()
    }

    /// The picture with its longest side `side` long; each pixel is the mean of those it stands for.
    pub(crate) fn shrunk(&self, side: usize) -> Self {
        let longest = self.width.max(self.height).max(1);
        let scaled = |length: usize| (length * side / longest).clamp(1, side);
        let (width, height) = (scaled(self.width), scaled(self.height));
        let mut small = Self::plain(width, height, 0);
        for (index, pixel) in small.rgb.0.chunks_exact_mut(3).enumerate() {
            let (xs, ys) =
                (part(index % width, width, self.width), part(index / width, height, self.height));
            pixel.copy_from_slice(&self.mean(xs, ys));
        }
        small
    }

    fn mean(&self, xs: Range<usize>, ys: Range<usize>) -> [u8; 3] {
        let n = (xs.len() * ys.len()) as u64;
        let mut sums = [0; 3];
        for (x, y) in ys.flat_map(|y| xs.clone().map(move |x| (x, y))) {
            for (sum, level) in sums.iter_mut().zip(self.at(x, y)) {
                *sum += u64::from(level);
            }
        }
        sums.map(|sum| (sum / n) as u8)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no such picture, or too large.
    pub(crate) fn read(path: &str) -> Result<Self, String> {
        let failed = |why: String| format!("{path}: {why}");
        let bytes = fs::read(path).map_err(|e| failed(e.to_string()))?;
        let is_png = bytes.starts_with(b"\x89PNG");
        if is_png { from_png(&bytes) } else { from_jpeg(&bytes) }.map_err(failed)
    }

    /// As a PNG file.
    ///
    /// # Errors
    /// It is too large for one.
    pub(crate) fn to_png(&self) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.width as u32, self.height as u32);
        encoder.set_color(ColorType::Rgb);
        let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
        writer.write_image_data(&self.rgb.0).map_err(|e| e.to_string())?;
        writer.finish().map_err(|e| e.to_string())?;
        Ok(out)
    }
}

/// The pixels of `of` that pixel `at` of `n` stands for: at least one.
fn part(at: usize, n: usize, of: usize) -> Range<usize> {
    let begin = at * of / n;
    begin..((at + 1) * of / n).max(begin + 1)
}

fn from_png(bytes: &[u8]) -> Result<Picture, String> {
    let text = |e: png::DecodingError| e.to_string();
    let limits = png::Limits { bytes: MAX_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(text)?;
    let size = reader.output_buffer_size().filter(|size| *size <= MAX_BYTES);
    let mut pixels = vec![0; size.ok_or("it is too large")?];
    let info = reader.next_frame(&mut pixels).map_err(text)?;
    pixels.truncate(info.buffer_size());
    let n_samples = info.color_type.samples();
    let rgb = pixels.chunks_exact(n_samples).flat_map(|pixel| match *pixel {
        [gray] => [gray; 3],
        [gray, alpha] => [over_white(gray, alpha); 3],
        [r, g, b] => [r, g, b],
        [r, g, b, alpha, ..] => [r, g, b].map(|level| over_white(level, alpha)),
        [] => [0; 3],
    });
    let (width, height) = (info.width as usize, info.height as usize);
    Ok(Picture { width, height, rgb: Captured(rgb.collect()) })
}

fn over_white(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    ((level * alpha + 255 * (255 - alpha)) / 255) as u8
}

fn from_jpeg(bytes: &[u8]) -> Result<Picture, String> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("it has no size")?;
    if width * height * 3 > MAX_BYTES {
        return Err("it is too large".to_owned());
    }
    let rgb = decoder.decode().map_err(|e| e.to_string())?;
    if rgb.len() != width * height * 3 {
        return Err("it is cut off".to_owned());
    }
    Ok(Picture { width, height, rgb: Captured(rgb) })
}
