//! The colours of a picture, as an option.

use clap::ValueEnum;
use taskreel_replay::figure::Theme;

/// Colours of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeName {
    Light,
    Dark,
}

impl ThemeName {
    /// The colours.
    pub(crate) fn theme(self) -> Theme {
        match self {
            Self::Light => Theme::light(),
            Self::Dark => Theme::dark(),
        }
    }
}
