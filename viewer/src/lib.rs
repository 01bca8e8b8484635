//! The web viewer: axum server, pages and embedded assets.
