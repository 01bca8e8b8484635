//! The brightness of PNG pictures, and one picture that shows them all, side by side.
//!
//! `cargo run --release --example images -- montage.png photos/*.png`

#![expect(clippy::print_stdout, reason = "it prints its result")]

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter};

use png::{BitDepth, ColorType, Decoder, Encoder, Transformations};
use taskreel::task::Captured;
use taskreel::{Cluster, task};

/// Side of a picture in the montage.
const SIDE: usize = 96;

/// Width and grey levels, row by row.
type Picture = (usize, Captured);

#[task]
fn decode(path: &str) -> Result<Picture, String> {
    let failed = |error: png::DecodingError| format!("{path}: {error}");
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(failed)?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let info = reader.next_frame(&mut pixels).map_err(failed)?;
    let n_samples = info.color_type.samples();
    let n_colors = if n_samples > 2 { 3 } else { 1 };
    let grey = |pixel: &[u8]| {
        (pixel[..n_colors].iter().map(|level| usize::from(*level)).sum::<usize>() / n_colors) as u8
    };
    let levels = pixels[..info.buffer_size()].chunks_exact(n_samples).map(grey).collect();
    Ok((info.width as usize, Captured(levels)))
}

#[task]
fn brightness(picture: &Picture) -> f64 {
    let levels = &picture.1.0;
    levels.iter().map(|level| f64::from(*level)).sum::<f64>() / levels.len().max(1) as f64
}

/// A square of `SIDE` pixels, each one taken from the picture.
#[task]
fn tile(picture: &Picture) -> Captured {
    let (width, Captured(levels)) = picture;
    let height = levels.len() / width;
    let at = |x: usize, y: usize| levels[y * height / SIDE * width + x * width / SIDE];
    Captured((0..SIDE * SIDE).map(|i| at(i % SIDE, i / SIDE)).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let mut args = std::env::args().skip(1);
    let montage = args.next().ok_or("which MONTAGE.png, and of which pictures?")?;
    let paths: Vec<String> = args.collect();
    if paths.is_empty() {
        return Err("of which pictures?".into());
    }
    let cluster = Cluster::local().name("images").start()?;
    let client = cluster.client();
    let pictures = client.map(paths.clone(), decode);
    let measured = client.map(&pictures, brightness);
    let tiles = client.map(&pictures, tile);
    // From here on only what is measured of the pictures is kept.
    drop(pictures);
    for (path, brightness) in paths.iter().zip(client.gather(measured)?) {
        println!("{brightness:>7.2} {path}");
    }
    let tiles = client.gather(tiles)?;
    let rows = (0..SIDE).flat_map(|y| tiles.iter().map(move |tile| &tile.0[y * SIDE..][..SIDE]));
    let levels: Vec<u8> = rows.flatten().copied().collect();
    let width = (tiles.len() * SIDE) as u32;
    let mut encoder = Encoder::new(BufWriter::new(File::create(&montage)?), width, SIDE as u32);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    encoder.write_header()?.write_image_data(&levels)?;
    Ok(())
}
