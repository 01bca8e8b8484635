//! The live channel: a page says what it looks at, and gets it anew when something has changed.
//!
//! Bounded in every direction: a frame for each version of the run, the next one made only when the
//! last one was taken, and no more bytes a second than any page can take. What a page has already is
//! not sent again. A page that takes nothing for a while is dropped; when it returns it is sent all
//! that it shows, however long it was away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use taskreel_replay::figure::Window;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::look::parse_at;
use super::{Site, guard};
use crate::fold::{Gone, LAST_VERSION, PlotRequest, Scope, Size};
use crate::wire::{self, Packed};

/// Most bytes a second to one page that follows, and how much it may be ahead of that.
const BYTES_PER_S_MAX: u64 = 200_000;
const AHEAD_MAX: Duration = Duration::from_secs(1);
/// A page that has not taken a frame for so long is dropped.
const STUCK_AFTER: Duration = Duration::from_secs(5);
/// How often a quiet page is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Longest message a page may send.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Most bytes kept for a page that takes them slowly; one whole frame fits.
const WRITE_BUFFER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most plots on one page.
const PLOTS_MAX: usize = 16;

/// What a page looks at: `{"plots":[{"id","width","height"}],"window":null|{"from","to"},"at":null|T}`.
#[derive(Clone, Debug, Default, Deserialize)]
struct Looking {
    plots: Vec<LookingAt>,
    /// The same for all plots on the page; `null`: all, and follow the run.
    window: Option<Window>,
    /// The instant that is shown, as `reel state --at` takes it; `null`: the newest.
    at: Option<String>,
    /// The tables on the page.
    #[serde(default)]
    tables: Vec<String>,
    /// Tasks of the prefix of this name only, in plots that show single tasks.
    prefix: Option<String>,
    /// The worker of this number only, likewise.
    worker: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
struct LookingAt {
    id: String,
    width: u32,
    height: u32,
}

pub(super) async fn open(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = guard::check_origin(&headers) {
        return refusal.into_response();
    }
    let Ok(permit) = site.live_clients.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
    };
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .on_upgrade(async move |socket| {
            talk(socket, &site).await;
            drop(permit);
        })
}

/// Reads and writes side by side; whichever ends first ends both.
async fn talk(socket: WebSocket, site: &Site) {
    let (mut outgoing, incoming) = socket.split();
    let (looking, looks) = watch::channel(None);
    tokio::select! {
        () = listen(incoming, looking) => {}
        () = write_frames(&mut outgoing, looks, site) => {}
    }
    // The page may be gone already, and then there is nobody to say goodbye to.
    let _ = timeout(Duration::from_secs(1), outgoing.close()).await;
}

/// Takes what the page says until it leaves or talks nonsense.
async fn listen(mut incoming: SplitStream<WebSocket>, looking: watch::Sender<Option<Looking>>) {
    while let Some(Ok(message)) = incoming.next().await {
        match message {
            Message::Text(text) => match serde_json::from_str::<Looking>(&text) {
                Ok(looks) if looks.plots.len() <= PLOTS_MAX => {
                    looking.send_replace(Some(looks));
                }
                Ok(_) => return tracing::debug!("a page asked for too many plots"),
                Err(error) => return tracing::debug!(%error, "a page sent what is no request"),
            },
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Close(_) => return,
        }
    }
}

/// Sends a frame whenever the run or the page's look has changed, until the last one.
async fn write_frames(
    outgoing: &mut SplitSink<WebSocket, Message>,
    mut looks: watch::Receiver<Option<Looking>>,
    site: &Site,
) {
    let mut versions = site.folders.run.versions();
    let mut sent = Sent::default();
    loop {
        let version = *versions.borrow_and_update();
        let looking = looks.borrow_and_update().clone();
        if let Some(looking) = looking {
            let Ok(parts) = parts(site, looking).await else { return };
            if !send(outgoing, Message::Binary(sent.message(&parts))).await {
                return;
            }
        }
        if version == LAST_VERSION {
            return;
        }
        if !wait(outgoing, &mut looks, &mut versions, sent.earliest()).await {
            return;
        }
    }
}

/// What a page has, and how much it was sent lately.
#[derive(Debug, Default)]
struct Sent {
    /// Fingerprints of the parts it has.
    parts: BTreeMap<Arc<str>, u64>,
    /// When what it was sent would have arrived at the greatest rate.
    paid_at: Option<Instant>,
}

impl Sent {
    /// The parts that the page does not have.
    fn message(&mut self, parts: &[Packed]) -> Bytes {
        let is_new = |part: &&Packed| {
            self.parts.insert(part.id.clone(), part.fingerprint) != Some(part.fingerprint)
        };
        let message = wire::message(parts.iter().filter(is_new));
        let now = Instant::now();
        let took = Duration::from_micros(message.len() as u64 * 1_000_000 / BYTES_PER_S_MAX);
        self.paid_at = Some(self.paid_at.map_or(now, |at| at.max(now)) + took);
        message
    }

    /// Before then, the page is sent nothing that it did not ask for.
    fn earliest(&self) -> Instant {
        let now = Instant::now();
        self.paid_at.map_or(now, |at| at.checked_sub(AHEAD_MAX).unwrap_or(now).max(now))
    }
}

/// Waits until another frame is due: at once when the page looks elsewhere (somebody is dragging),
/// not before `earliest` when the run has changed. `false`: the page is gone.
async fn wait(
    outgoing: &mut SplitSink<WebSocket, Message>,
    looks: &mut watch::Receiver<Option<Looking>>,
    versions: &mut watch::Receiver<u64>,
    earliest: Instant,
) -> bool {
    tokio::select! {
        changed = looks.changed() => return changed.is_ok(),
        () = sleep_until(earliest) => {}
    }
    loop {
        tokio::select! {
            changed = looks.changed() => return changed.is_ok(),
            changed = versions.changed() => return changed.is_ok(),
            () = sleep(PING_INTERVAL) => if !send(outgoing, Message::Ping(Bytes::new())).await {
                return false;
            }
        }
    }
}

/// Whether the page took it in time.
async fn send(outgoing: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    matches!(timeout(STUCK_AFTER, outgoing.send(message)).await, Ok(Ok(())))
}

/// All that the page shows.
async fn parts(site: &Site, looking: Looking) -> Result<Vec<Packed>, Gone> {
    let plots = looking.plots.into_iter();
    let plots = plots
        .map(|plot| PlotRequest { size: Size::clamped(plot.width, plot.height), id: plot.id })
        .collect();
    let at = parse_at(looking.at.as_deref());
    let scope = Scope { prefix: looking.prefix, worker: looking.worker, ..Scope::default() };
    site.frame(at, plots, scope.with_window(looking.window), looking.tables).await
}
