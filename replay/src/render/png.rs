//! A figure as PNG, with a palette. The same figure gives the same bytes.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::raster::Raster;
use super::raster::palette::Palette;
use crate::figure::Theme;

/// Places in a palette of eight bits.
const N_COLORS: usize = 256;

/// The picture as a PNG file.
pub(super) fn encode(raster: &Raster, theme: &Theme) -> Vec<u8> {
    let mut palette = Palette::new(theme, N_COLORS);
    let indices = palette.indices(raster);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, raster.width() as u32, raster.height() as u32);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.bytes());
    encoder.set_compression(Compression::High);
    // Neighbouring places in a palette are no neighbouring colours: nothing to predict.
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header().expect("a picture has a size, and a Vec takes all");
    writer.write_image_data(&indices).expect("there is one index per pixel");
    writer.finish().expect("a Vec takes all");
    file
}
