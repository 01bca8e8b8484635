//! `reel demo images`: decodes the pictures of a folder, smooths them, measures them, and puts them
//! all into one picture.
//!
//! ```text
//! decode ─┬─▶ smooth ──▶ features      for each picture
//!         └─▶ tile ──▶ row ──▶ montage  tiles to rows, rows to the montage
//! ```

mod picture;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use taskreel::task::Captured;
use taskreel::{Client, task};
use walkdir::WalkDir;

use super::Outcome;
use crate::cli::Failure;
use picture::Picture;

/// From this difference of brightness on, between its two sides, a pixel is on an edge.
const EDGE: i32 = 64;

/// Which pictures, and where the montage goes.
#[derive(Clone, Debug)]
pub(crate) struct Album {
    pub(crate) folder: PathBuf,
    pub(crate) montage: Option<PathBuf>,
    /// Side of a picture in the montage, in pixels.
    pub(crate) tile: usize,
}

/// What is measured of a picture. Brightness is from 0 to 255.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Features {
    width: usize,
    height: usize,
    brightness: f64,
    /// Standard deviation of the brightness.
    contrast: f64,
    /// Share of the pixels on edges, after smoothing.
    edges: f64,
}

/// Brightness of each pixel, row by row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Plane {
    width: usize,
    height: usize,
    levels: Captured,
}

impl Plane {
    /// The pixel there; beyond the border, the one at the border.
    fn at(&self, x: i64, y: i64) -> i32 {
        let x = x.clamp(0, self.width as i64 - 1) as usize;
        let y = y.clamp(0, self.height as i64 - 1) as usize;
        i32::from(self.levels.0[y * self.width + x])
    }
}

#[task]
fn decode(path: &str) -> Result<Picture, String> {
    Picture::read(path)
}

/// Each pixel's brightness becomes the mean of the nine around it.
#[task]
fn smooth(picture: &Picture) -> Plane {
    let Picture { width, height, .. } = *picture;
    let sharp = Plane { width, height, levels: Captured(picture.luma()) };
    let pixels = (0..height as i64).flat_map(|y| (0..width as i64).map(move |x| (x, y)));
    let around = |(x, y): (i64, i64)| {
        let nine = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy)));
        (nine.map(|(dx, dy)| sharp.at(x + dx, y + dy)).sum::<i32>() / 9) as u8
    };
    Plane { width, height, levels: Captured(pixels.map(around).collect()) }
}

#[task]
fn features(picture: &Picture, smoothed: &Plane) -> Features {
    let levels = picture.luma();
    let n = levels.len().max(1) as f64;
    let brightness = levels.iter().map(|&level| f64::from(level)).sum::<f64>() / n;
    let squares = levels.iter().map(|&level| (f64::from(level) - brightness).powi(2)).sum::<f64>();
    let Plane { width, height, .. } = *smoothed;
    let pixels = (0..height as i64).flat_map(|y| (0..width as i64).map(move |x| (x, y)));
    let is_edge = |&(x, y): &(i64, i64)| {
        let across = smoothed.at(x + 1, y) - smoothed.at(x - 1, y);
        let down = smoothed.at(x, y + 1) - smoothed.at(x, y - 1);
        across.abs() + down.abs() >= EDGE
    };
    let edges = pixels.filter(is_edge).count() as f64 / n;
    Features { width, height, brightness, contrast: (squares / n).sqrt(), edges }
}

/// Shrinks a picture into a square.
#[task]
fn tile(picture: &Picture, side: usize) -> Picture {
    let small = picture.shrunk(side);
    let mut square = Picture::plain(side, side, 255);
    square.put(&small, (side - small.width) / 2, (side - small.height) / 2);
    square
}

#[task]
fn row(tiles: &[Picture], n_columns: usize) -> Picture {
    let side = tiles.first().map_or(1, |tile| tile.height);
    let mut row = Picture::plain(side * n_columns, side, 255);
    for (column, tile) in tiles.iter().enumerate() {
        row.put(tile, column * side, 0);
    }
    row
}

#[task]
fn montage(rows: &[Picture]) -> Result<Captured, String> {
    let (width, side) = rows.first().map_or((1, 1), |row| (row.width, row.height));
    let mut whole = Picture::plain(width, side * rows.len(), 255);
    for (index, row) in rows.iter().enumerate() {
        whole.put(row, 0, index * side);
    }
    whole.to_png().map(Captured)
}

/// Measures all pictures, and makes the montage of those that can be read.
pub(crate) fn run(album: &Album, client: &Client) -> Result<Outcome, Failure> {
    let paths = list(&album.folder).map_err(Failure::input)?;
    let pictures = client.map(&paths, |path| decode(path.clone()));
    let measured = client.map(&pictures, |picture| {
        features(picture.clone(), client.submit(smooth(picture.clone())))
    });
    let (mut tiles, mut notes, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let mut text = "  width  height  brightness  contrast  edges  file\n".to_owned();
    for ((path, picture), measured) in paths.iter().zip(&pictures).zip(&measured) {
        match measured.wait() {
            Ok(found) => {
                let Features { width, height, brightness, contrast, edges } = found;
                text.push_str(&format!(
                    "{width:>7} {height:>7} {brightness:>11.1} {contrast:>9.1} {edges:>6.3}  {path}\n"
                ));
                rows.push(json!({ "file": path, "features": found }));
                tiles.push(client.submit(tile(picture, album.tile)));
            }
            Err(error) => notes.push(error.to_string()),
        }
    }
    if let (Some(path), false) = (&album.montage, tiles.is_empty()) {
        let n_columns = tiles.len().isqrt() + usize::from(tiles.len().isqrt().pow(2) < tiles.len());
        let rows = client.map(tiles.chunks(n_columns), |tiles| row(tiles, n_columns));
        let png = client.submit(montage(rows)).wait().map_err(Failure::run)?;
        std::fs::write(path, &png.0)
            .map_err(|e| Failure::run(format!("cannot write {}: {e}", path.display())))?;
        notes.push(format!("montage: {}", path.display()));
    }
    let failed = rows.len() < paths.len();
    Ok(Outcome { text: text.into_bytes(), json: rows.into(), notes, failed })
}

/// The pictures of a folder, in the order of their names.
fn list(folder: &Path) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|e| e.to_string())?;
        let extension = entry.path().extension().unwrap_or_default().to_ascii_lowercase();
        if entry.file_type().is_file() && ["png", "jpg", "jpeg"].iter().any(|e| extension == *e) {
            paths.push(entry.path().display().to_string());
        }
    }
    if paths.is_empty() {
        return Err(format!("{}: there are no PNG or JPEG pictures", folder.display()));
    }
    Ok(paths)
}
