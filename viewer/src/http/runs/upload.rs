//! `POST upload?name=FILE`: a trace or a pack that a visitor hands in, to be looked at until the viewer
//! stops. It is opened as any stranger's file is: nothing in it is executed, all of it is bounded.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::http::Hub;
use crate::http::hub::encoded;
use crate::http::missing::Missing;

/// Largest file that is taken.
const BYTES_MAX: u64 = 2 << 30;
/// Most pieces of it that wait to be written.
const PIECES_MAX: usize = 16;

/// What the visitor calls the file.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct Named {
    #[serde(default)]
    name: String,
}

/// Where to look at it.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Taken {
    /// The way there from the list of runs.
    open: String,
}

/// See the module.
pub(in crate::http) async fn upload(
    State(hub): State<Arc<Hub>>,
    Query(named): Query<Named>,
    body: Body,
) -> Result<Json<Taken>, Missing> {
    if !hub.takes_uploads() {
        return Err(Missing::nothing("this viewer takes no files"));
    }
    let (path, name) = hub.uploads().place(&named.name).map_err(Missing::failed)?;
    let (pieces, received) = mpsc::channel(PIECES_MAX);
    let target = path.clone();
    let writing = tokio::task::spawn_blocking(move || write(&target, received));
    let sent = send(body, pieces).await;
    let written = writing.await.map_err(Missing::failed)?;
    let kept = match sent.and_then(|()| written.map_err(Missing::failed)) {
        Ok(()) => {
            let (hub, name) = (hub.clone(), name.clone());
            let checking = tokio::task::spawn_blocking(move || {
                hub.uploads().keep(name).map_err(Missing::refused)
            });
            checking.await.map_err(Missing::failed)?
        }
        Err(missing) => Err(missing),
    };
    if kept.is_err() {
        // It may not have been made, or be gone already.
        let _ = std::fs::remove_file(&path);
    }
    kept.map(|()| Json(Taken { open: format!("open/{}/", encoded(&name)) }))
}

/// Hands the pieces of a body on to whoever writes them.
async fn send(body: Body, pieces: mpsc::Sender<Bytes>) -> Result<(), Missing> {
    let mut stream = body.into_data_stream();
    let mut n_bytes = 0;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| Missing::unclear(error.to_string()))?;
        n_bytes += piece.len() as u64;
        if n_bytes > BYTES_MAX {
            return Err(Missing::too_large(
                "the file is larger than 2 GiB: open it with reel view",
            ));
        }
        if pieces.send(piece).await.is_err() {
            // The writer has said why by now.
            return Ok(());
        }
    }
    Ok(())
}

/// Writes a new file.
fn write(path: &Path, mut pieces: mpsc::Receiver<Bytes>) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece)?;
    }
    Ok(())
}
