//! Colours as tokens, and the themes that give them values.
//!
//! Prefixes have the 18 colours that users of Dask know (a sequence that stays apart for
//! colour-blind readers); which one is a hash of the name, so that it is the same in every run, as
//! far as the prefixes of a run can still be told apart ([`PrefixColors`]).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

/// A colour by its meaning: an index into [`Theme::colors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Color(pub u8);

/// How many of the colours are for prefixes: the first ones.
const N_PREFIX_COLORS: u8 = 18;

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident = $index:literal, $light:literal, $dark:literal;)*) => {
        impl Color {
            $($(#[$doc])* pub const $name: Self = Self(N_PREFIX_COLORS + $index);)*
        }
        const TOKENS: &[(&str, &str)] = &[$(($light, $dark)),*];
    };
}

tokens! {
    /// Results on their way between workers.
    TRANSFER = 0, "#e5383b", "#ff5d5d";
    /// Reading and writing spilled results.
    DISK = 1, "#f48c06", "#ffa630";
    /// Encoding and decoding.
    SERIALIZE = 2, "#8d99ae", "#93a0b5";
    /// What failed.
    ERROR = 3, "#000000", "#ffffff";
    /// A rim around marks, to set them off.
    RIM = 4, "#ffffff", "#15181d";
    /// What was lost with its worker.
    LOST = 5, "#b5179e", "#ff7ae0";
    /// Prefixes beyond those the legend names.
    OTHER = 6, "#9aa3ae", "#7b8594";
    /// Tasks that are processing.
    PROCESSING = 7, "#7d8fa9", "#8494ad";
    /// Tasks that are queued.
    QUEUED = 8, "#b9c4d3", "#566276";
    /// Tasks that no worker may run.
    NO_WORKER = 9, "#f4978e", "#c75b5b";
    /// Tasks that wait: the empty part of a bar.
    TRACK = 10, "#e9ecf1", "#282e37";
    /// Slots that are busy; memory and load in order.
    LOAD = 11, "#3a6fd8", "#5b8ff0";
    /// Tasks assigned beyond the slots.
    BACKLOG = 12, "#a9c1ef", "#34507f";
    /// Memory that is nearly full.
    HIGH = 13, "#f48c06", "#ffa630";
    /// Memory that is full.
    FULL = 14, "#e5383b", "#ff5d5d";
    /// Results on disk.
    SPILLED = 15, "#c9a227", "#c9a53a";
    /// CPU time.
    CPU = 16, "#2a9d8f", "#3fb8a9";
    /// Behind the picture.
    BACKGROUND = 17, "#ffffff", "#15181d";
    /// Behind a lane while its worker is here.
    LANE = 18, "#f3f5f8", "#1e2229";
    /// Behind a lane while its worker is not here.
    ABSENT = 19, "#dfe3ea", "#0d0f12";
    /// Behind a lane while its worker is paused.
    PAUSED = 20, "#fdf0c8", "#3a3214";
    /// Grid lines.
    GRID = 21, "#d5dae1", "#333a45";
    /// Axis lines and ticks.
    AXIS = 22, "#8a94a3", "#727d8e";
    /// Text.
    TEXT = 23, "#1b2430", "#e8ebf0";
    /// Text of less weight.
    MUTED = 24, "#5b6675", "#a3adbb";
    /// Between adjoining rectangles of one colour, drawn nearly transparent: no gap, but an edge.
    SEAM = 25, "#000000", "#000000";
    /// Memory of the process beyond the results it holds.
    UNMANAGED = 26, "#b7c9ef", "#3b5384";
}

impl Color {
    /// The colour of a prefix seen alone: the same for the same name, in every run and on every
    /// machine.
    pub fn of_prefix(name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // FNV-1a mixes into its high bits. This cut sets the prefixes of our demos well apart.
        Self(((hash >> 41) % u64::from(N_PREFIX_COLORS)) as u8)
    }

    /// The colour of a share from 0 to 1, for maps: the prefix colours in their order, which grow
    /// lighter evenly and stay apart for the colour-blind.
    pub fn of_share(share: f64) -> Self {
        let last = f64::from(N_PREFIX_COLORS - 1);
        Self((share.clamp(0.0, 1.0) * last).round() as u8)
    }

    /// How many colours a theme has.
    pub fn count() -> usize {
        N_PREFIX_COLORS as usize + TOKENS.len()
    }
}

/// Colours of the prefixes of one run, given out in the order in which they appear. A prefix has
/// the colour of its name ([`Color::of_prefix`]) unless that, or one next to it, is taken: then it
/// gets the free one that is farthest from all others. Once all are given out, names decide.
#[derive(Clone, Debug, Default)]
pub struct PrefixColors {
    /// At most as many as there are colours.
    taken: BTreeMap<Box<str>, Color>,
}

impl PrefixColors {
    /// Colours for several runs that are seen beside each other: those names come first.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut colors = Self::default();
        for name in names {
            colors.color(name);
        }
        colors
    }

    /// The colour of a prefix; the same whenever it is asked for.
    pub fn color(&mut self, name: &str) -> Color {
        if let Some(color) = self.taken.get(name) {
            return *color;
        }
        let own = Color::of_prefix(name);
        if self.taken.len() >= usize::from(N_PREFIX_COLORS) {
            return own;
        }
        let distance = |color: u8| self.taken.values().map(|t| t.0.abs_diff(color)).min();
        let is_apart = distance(own.0).is_none_or(|steps| steps > 1);
        let farthest = || {
            let colors = 0..N_PREFIX_COLORS;
            colors.max_by_key(|color| (distance(*color), Reverse(color.abs_diff(own.0))))
        };
        let color = if is_apart { own } else { farthest().map_or(own, Color) };
        self.taken.insert(name.into(), color);
        color
    }
}

const VIRIDIS_LIGHT: [&str; N_PREFIX_COLORS as usize] = [
    "#440154", "#471669", "#472a79", "#433c84", "#3c4d8a", "#355d8c", "#2e6c8e", "#287a8e",
    "#23898d", "#1e978a", "#20a585", "#2eb27c", "#45bf6f", "#64cb5d", "#88d547", "#afdc2e",
    "#d7e219", "#fde724",
];

/// The dark end raised until it stands out from a dark page; the rest as in the light theme.
const VIRIDIS_DARK: [&str; N_PREFIX_COLORS as usize] = [
    "#a35bc0", "#9561c4", "#8767c6", "#7870c6", "#6a79c4", "#5d83c1", "#5089bd", "#4490b5",
    "#3999ad", "#30a3a3", "#2bad98", "#35b78a", "#45bf6f", "#64cb5d", "#88d547", "#afdc2e",
    "#d7e219", "#fde724",
];

/// Values for all colours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Theme {
    /// `light` or `dark`.
    pub name: &'static str,
    /// `#rrggbb`, by [`Color`].
    pub colors: Vec<&'static str>,
}

impl Theme {
    /// Dark on white.
    pub fn light() -> Self {
        let tokens = TOKENS.iter().map(|(light, _)| *light);
        Self { name: "light", colors: VIRIDIS_LIGHT.into_iter().chain(tokens).collect() }
    }

    /// Light on black.
    pub fn dark() -> Self {
        let tokens = TOKENS.iter().map(|(_, dark)| *dark);
        Self { name: "dark", colors: VIRIDIS_DARK.into_iter().chain(tokens).collect() }
    }

    /// By name; `None` for another than `light` and `dark`.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "light" => Some(Self::light()),
            "dark" => Some(Self::dark()),
            _ => None,
        }
    }

    /// The value of a colour.
    pub fn hex(&self, color: Color) -> &'static str {
        self.colors.get(color.0 as usize).copied().unwrap_or("#808080")
    }

    /// `{"name":"light","colors":["#440154",…]}`, for the browser.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a theme is a list of strings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_keeps_its_colour() {
        // Written down: a change here changes the colours of everybody's old pictures.
        let colors: Vec<u8> =
            ["count", "merge", "read", "sum", ""].map(|name| Color::of_prefix(name).0).into();
        assert_eq!(colors, [7, 15, 11, 13, 8]);
    }

    #[test]
    fn prefixes_of_a_run_are_told_apart() {
        let names: Vec<String> = (0..40).map(|i| format!("prefix-{i}")).collect();
        let mut colors = PrefixColors::default();
        let given: Vec<Color> = names.iter().map(|name| colors.color(name)).collect();
        assert_eq!(given[0], Color::of_prefix("prefix-0"), "the first has its own");
        let mut first: Vec<u8> = given[..18].iter().map(|color| color.0).collect();
        first.sort_unstable();
        assert!(first.iter().copied().eq(0..18), "each colour once: {first:?}");
        assert_eq!(given[30], Color::of_prefix("prefix-30"), "then names decide");
        let again: Vec<Color> = names.iter().map(|name| colors.color(name)).collect();
        assert_eq!(again, given);
    }

    #[test]
    fn themes_name_every_token() {
        for theme in [Theme::light(), Theme::dark()] {
            assert_eq!(theme.colors.len(), Color::count());
            assert!(theme.colors.iter().all(|hex| hex.len() == 7 && hex.starts_with('#')));
        }
        assert_eq!(Color::UNMANAGED.0 as usize + 1, Color::count(), "indices are dense");
    }
}
