//! The live channel: a page says what it looks at, and gets it anew when something has changed.
//!
//! Bounded in every direction: at most five frames a second, the next one made only when the last
//! one was taken; a page that takes none for a while is dropped, and catches up when it returns,
//! since each frame is whole.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use taskreel_replay::figure::Window;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Site, guard};
use crate::fold::{FoldClient, Gone, PlotRequest, Size};

/// Shortest time between two frames to one page.
const FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// A page that has not taken a frame for so long is dropped.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// How often a quiet page is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Longest message a page may send.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Most bytes kept for a page that takes them slowly; one whole frame fits.
const WRITE_BUFFER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most plots on one page.
const PLOTS_MAX: usize = 16;

/// What a page looks at: `{"plots":[{"id","width","height"}],"window":null|{"from","to"}}`.
#[derive(Clone, Debug, Default, Deserialize)]
struct Looking {
    plots: Vec<LookingAt>,
    /// The same for all plots on the page; `null`: all, and follow the run.
    window: Option<Window>,
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
    let run = site.run.clone();
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .on_upgrade(async move |socket| {
            talk(socket, run).await;
            drop(permit);
        })
}

/// Reads and writes side by side; whichever ends first ends both.
async fn talk(socket: WebSocket, run: FoldClient) {
    let (mut outgoing, incoming) = socket.split();
    let (looking, looks) = watch::channel(None);
    tokio::select! {
        () = listen(incoming, looking) => {}
        () = write_frames(&mut outgoing, looks, run) => {}
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

/// Sends a frame whenever the run or the page's look changed, but not more often than useful.
async fn write_frames<S>(
    outgoing: &mut S,
    mut looks: watch::Receiver<Option<Looking>>,
    run: FoldClient,
) where
    S: SinkExt<Message> + Unpin,
{
    let mut versions = run.versions();
    versions.mark_changed();
    loop {
        let looking = looks.borrow_and_update().clone();
        let message = match looking {
            Some(looking) => {
                versions.borrow_and_update();
                let Ok(frame) = frame(&run, looking).await else { return };
                Message::text(frame)
            }
            None => Message::Ping(Vec::new().into()),
        };
        let next = Instant::now() + FRAME_INTERVAL;
        if !send(outgoing, message).await {
            return;
        }
        // A new look is answered at once: somebody is dragging.
        tokio::select! {
            changed = looks.changed() => if changed.is_err() { return },
            () = sleep_until(next) => {
                loop {
                    tokio::select! {
                        changed = looks.changed() => if changed.is_err() { return } else { break },
                        changed = versions.changed() => if changed.is_err() { return } else { break },
                        () = tokio::time::sleep(PING_INTERVAL) => {
                            if !send(outgoing, Message::Ping(Vec::new().into())).await { return }
                        }
                    }
                }
            }
        }
    }
}

/// Whether the page took it in time.
async fn send<S: SinkExt<Message> + Unpin>(outgoing: &mut S, message: Message) -> bool {
    matches!(timeout(STUCK_AFTER, outgoing.send(message)).await, Ok(Ok(())))
}

/// `{"words":…,"figures":{"ID":…}}`: all that the page shows.
async fn frame(run: &FoldClient, looking: Looking) -> Result<String, Gone> {
    let window = looking.window;
    let plots: Vec<PlotRequest> = looking
        .plots
        .into_iter()
        .map(|plot| PlotRequest { size: Size::clamped(plot.width, plot.height), id: plot.id })
        .collect();
    run.ask(move |run| run.frame(&plots, window)).await
}
