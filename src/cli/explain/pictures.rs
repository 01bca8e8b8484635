//! A picture of each finding: its plot over its window.

use std::fs;
use std::path::Path;

use taskreel_replay::analysis::Explanation;
use taskreel_replay::figure::{Theme, View};
use taskreel_replay::{Instant, plots, render};

use crate::cli::output::write_file;
use crate::cli::{Failure, open};

const WIDTH_PX: u32 = 1_000;
const HEIGHT_PX: u32 = 360;

/// Draws each finding as `N-KIND.svg` into a folder, which is made if need be. Returns the files.
pub(super) fn draw(
    trace: &Path,
    explained: &Explanation,
    folder: &Path,
    theme: &Theme,
) -> Result<Vec<String>, Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::run(format!("make {}: {error}", folder.display())))?;
    let mut ids: Vec<&str> = explained.findings.iter().map(|finding| finding.plot).collect();
    ids.sort_unstable();
    ids.dedup();
    let plots = ids.iter().filter_map(|id| plots::by_id(id)).collect();
    let mut timeline = open::timeline(trace, plots)?;
    open::seek(&mut timeline, Instant::End);
    let mut files = Vec::new();
    for (index, finding) in explained.findings.iter().enumerate() {
        let Some(plot) = timeline.plot(finding.plot) else { continue };
        let view = View::new(finding.picture_window(), WIDTH_PX, HEIGHT_PX).at(timeline.now());
        let mut figure = plot.figure(&view);
        figure.height_px = figure.used_px();
        let picture = render::svg(&figure, theme);
        let file = folder.join(format!("{}-{}.svg", index + 1, finding.kind));
        write_file(&file, |out| out.write_all(picture.as_bytes()))?;
        files.push(file.display().to_string());
    }
    Ok(files)
}
