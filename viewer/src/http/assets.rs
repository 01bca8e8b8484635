//! The files of the page, embedded in the binary: no folder to ship, nothing from another host.

use std::borrow::Cow;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use taskreel_replay::figure::{Color, Theme};

use crate::wire::fingerprint;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// One embedded file.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

macro_rules! asset {
    ($name:literal, $content_type:expr) => {
        Asset {
            name: $name,
            content_type: $content_type,
            content: include_str!(concat!("../../assets/", $name)),
        }
    };
}

const ASSETS: &[Asset] = &[
    asset!("main.js", SCRIPT),
    asset!("address.js", SCRIPT),
    asset!("find.js", SCRIPT),
    asset!("keys.js", SCRIPT),
    asset!("time.js", SCRIPT),
    asset!("canvas.js", SCRIPT),
    asset!("live.js", SCRIPT),
    asset!("page.js", SCRIPT),
    asset!("panel.js", SCRIPT),
    asset!("glyphs.js", SCRIPT),
    asset!("gl.js", SCRIPT),
    asset!("wire.js", SCRIPT),
    asset!("filter.js", SCRIPT),
    asset!("marks.js", SCRIPT),
    asset!("pointer.js", SCRIPT),
    asset!("story.js", SCRIPT),
    asset!("theme.js", SCRIPT),
    asset!("early.js", SCRIPT),
    asset!("beside.js", SCRIPT),
    asset!("drop.js", SCRIPT),
    asset!("fresh.js", SCRIPT),
    asset!("runs.js", SCRIPT),
    asset!("offline.js", SCRIPT),
    asset!("style.css", "text/css; charset=utf-8"),
    asset!("pages.css", "text/css; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
];

/// `GET assets/FILE`: the browser keeps it and asks each time whether it is still good.
pub(super) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let (content_type, content) = match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => (asset.content_type, Cow::Borrowed(asset.content)),
        None if name == "themes.json" => ("application/json", Cow::Owned(themes())),
        None => return (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    };
    let etag = etag(&content);
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == etag.as_str());
    let caching = [(CACHE_CONTROL, "no-cache".to_owned()), (ETAG, etag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(CONTENT_TYPE, content_type)], content).into_response()
}

/// Names and contents of the embedded files of a kind, by their ending.
pub(crate) fn embedded(ending: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    ASSETS
        .iter()
        .filter(move |asset| asset.name.ends_with(ending))
        .map(|asset| (asset.name, asset.content))
}

/// It must only change when the file does.
fn etag(content: &str) -> String {
    format!("\"{:016x}\"", fingerprint(content.as_bytes()))
}

/// The colours of both themes as the scripts take them: all by their numbers, as text and as parts from 0 to
/// 1, and some by name.
pub(crate) fn themes() -> String {
    json!({"light": colors(&Theme::light()), "dark": colors(&Theme::dark())}).to_string()
}

fn colors(theme: &Theme) -> Value {
    let text = |color: Color| theme.hex(color);
    let parts = |hex: &&str| {
        let all = u32::from_str_radix(hex.trim_start_matches('#'), 16);
        let [_, r, g, b] = all.expect("a theme's colours are #rrggbb").to_be_bytes();
        [r, g, b].map(|part| f32::from(part) / 255.0)
    };
    json!({
        "name": theme.name,
        "colors": theme.colors,
        "rgb": theme.colors.iter().flat_map(parts).collect::<Vec<f32>>(),
        "text": text(Color::TEXT),
        "muted": text(Color::MUTED),
        "grid": text(Color::GRID),
        "axis": text(Color::AXIS),
        "rim": text(Color::RIM),
        "background": text(Color::BACKGROUND),
    })
}
