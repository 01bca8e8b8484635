//! From colours to a palette: each new colour gets a place until there is none left, then the
//! nearest one is taken. The theme's colours come first, so they are exact in any picture.

use std::collections::HashMap;

use super::{Raster, Rgb};
use crate::figure::Theme;

/// Channels that differ by no more than this look the same: such a colour needs no place.
const SAME: i32 = 5;

/// A picture by numbers.
#[derive(Debug)]
pub(in crate::render) struct Palette {
    colors: Vec<Rgb>,
    known: HashMap<Rgb, u8>,
    most: usize,
}

impl Palette {
    /// A palette of at most `most` colours, which begins with the theme's.
    pub(in crate::render) fn new(theme: &Theme, most: usize) -> Self {
        let mut palette = Self { colors: Vec::new(), known: HashMap::new(), most };
        for index in 0..theme.colors.len().min(most) {
            let color = Rgb::of(theme, crate::figure::Color(index as u8));
            if !palette.known.contains_key(&color) {
                palette.add(color);
            }
        }
        palette
    }

    /// The place of a colour.
    pub(in crate::render) fn index(&mut self, color: Rgb) -> u8 {
        if let Some(index) = self.known.get(&color) {
            return *index;
        }
        let (nearest, differs) = self.nearest(color);
        if differs > SAME && self.colors.len() < self.most {
            return self.add(color);
        }
        self.known.insert(color, nearest);
        nearest
    }

    /// A picture's pixels by their places.
    pub(in crate::render) fn indices(&mut self, raster: &Raster) -> Vec<u8> {
        let mut last = (Rgb(u32::MAX), 0);
        let place = |color: &Rgb| {
            if *color != last.0 {
                last = (*color, self.index(*color));
            }
            last.1
        };
        raster.pixels().iter().map(place).collect()
    }

    /// Red, green and blue of all colours.
    pub(in crate::render) fn bytes(&self) -> Vec<u8> {
        self.colors.iter().flat_map(|color| color.channels()).collect()
    }

    fn add(&mut self, color: Rgb) -> u8 {
        let index = self.colors.len() as u8;
        self.colors.push(color);
        self.known.insert(color, index);
        index
    }

    /// The nearest colour, and by how much its worst channel differs.
    fn nearest(&self, color: Rgb) -> (u8, i32) {
        let differences = |known: &Rgb| {
            let (a, b) = (color.channels(), known.channels());
            [0, 1, 2].map(|i| (i32::from(a[i]) - i32::from(b[i])).abs())
        };
        let distance = |[r, g, b]: [i32; 3]| 3 * r * r + 6 * g * g + b * b;
        let all = self.colors.iter().enumerate();
        let nearest = all.min_by_key(|(_, known)| distance(differences(known)));
        nearest.map_or((0, i32::MAX), |(index, known)| {
            let worst = differences(known).into_iter().max().unwrap_or(i32::MAX);
            (index as u8, worst)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_palette_takes_the_nearest() {
        let mut palette = Palette::new(&Theme::light(), 60);
        let begun = palette.colors.len();
        assert!(begun < 50, "{begun}");
        let first = palette.index(Rgb(0x12_3456));
        assert_eq!(usize::from(first), begun);
        assert_eq!(palette.index(Rgb(0x13_3457)), first, "they look the same");
        for i in 0..100 {
            palette.index(Rgb(i * 0x02_0a05));
        }
        assert_eq!(palette.bytes().len(), 60 * 3);
        assert_eq!(palette.index(Rgb(0x12_3450)), first);
    }
}
