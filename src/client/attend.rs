//! One connection while it stands.

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::connection::Shared;
use super::news::News;
use super::settings::Settings;
use super::socket::{self, Heard, Reader, Writer};
use crate::model::Token;
use crate::protocol::{CloseCode, Limits, PROTOCOL_VERSION};

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It broke, or the node closed it for a while.
    Lost,
    /// The node goes, or the room was rewound: come back at once.
    Moved,
    /// The application wants no connection.
    Unwanted,
    /// Coming back is of no use.
    Stop(u16),
}

impl End {
    /// What a close code asks for.
    pub(super) fn of(code: Option<u16>) -> Self {
        let stops = [
            CloseCode::NotThisProtocol,
            CloseCode::Unauthenticated,
            CloseCode::Forbidden,
            CloseCode::VersionNotSpoken,
        ];
        match code {
            Some(code) if code == CloseCode::GoingAway.code() => Self::Moved,
            Some(code) if stops.iter().any(|stop| stop.code() == code) => Self::Stop(code),
            _ => Self::Lost,
        }
    }
}

/// The part of the welcome that a client goes by.
#[derive(Debug, Deserialize)]
struct Welcome {
    limits: Limits,
}

/// A socket that was welcomed.
pub(super) struct Connection<'a> {
    shared: &'a Shared,
    settings: &'a Settings,
    reader: Reader,
    writer: Writer,
    /// When anything came last.
    heard: Instant,
    /// When the node was last asked for a sign of life.
    pinged: Instant,
    /// The first ping that was not answered.
    unanswered: Option<Instant>,
}

impl<'a> Connection<'a> {
    /// Opens a socket and says hello; gives the limits that it was told. The error is the close code, if there was one.
    pub(super) async fn open(
        shared: &'a Shared,
        settings: &'a Settings,
        address: &str,
    ) -> Result<(Self, Limits), Option<u16>> {
        let (mut reader, mut writer) = socket::open(address).await.map_err(|_| None)?;
        let client = shared.board().client();
        let token = settings.token.as_ref().map(Token::reveal);
        let key = settings.key.as_ref().map(Token::reveal);
        let hello = json!({"type": "hello", "protocol": PROTOCOL_VERSION, "client": client, "name": settings.name, "token": token, "key": key});
        writer.push(hello.to_string());
        writer.drain().await.map_err(|_| None)?;
        loop {
            match reader.next().await {
                Heard::Text(text) => {
                    // Anything before the welcome is an error, and a close follows.
                    let Ok(welcome) = serde_json::from_str::<Welcome>(&text) else { continue };
                    let (heard, pinged) = (Instant::now(), Instant::now());
                    let connection =
                        Self { shared, settings, reader, writer, heard, pinged, unanswered: None };
                    return Ok((connection, welcome.limits));
                }
                Heard::Closed(code) => {
                    shared.say(|status| status.closed_with = code.or(status.closed_with));
                    return Err(code);
                }
                Heard::Pong | Heard::Other => {}
            }
        }
    }

    /// Brings the board up to date and takes its gestures to the node, until the connection ends.
    pub(super) async fn attend(&mut self, news: &mpsc::Sender<News>) -> End {
        loop {
            let wake = self.send_what_waits();
            tokio::select! {
                heard = self.reader.next() => {
                    self.heard = Instant::now();
                    if let Some(end) = self.hear(heard, news).await {
                        return end;
                    }
                }
                written = self.writer.drain(), if !self.writer.is_idle() => {
                    // What the node said before it went is still to be read.
                    if written.is_err() {
                        return self.read_to_the_end(news).await;
                    }
                }
                () = self.shared.drawn.notified() => {}
                () = sleep_until(wake) => if self.is_dead() { return End::Lost },
                () = self.shared.until_online(false) => return End::Unwanted,
            }
        }
    }

    /// Puts in line what is to be sent now; gives the time at which to look again.
    fn send_what_waits(&mut self) -> Instant {
        let (frames, wake) = {
            let mut board = self.shared.board();
            (board.outgoing(self.shared.now_ms()), board.wake_at_ms())
        };
        for frame in frames {
            let frame = self.with_link(frame);
            self.writer.push(frame.to_string());
        }
        self.shared.say(|_| {});
        let heartbeat = self.pinged + self.settings.ping_every;
        let end = self.heard + self.settings.silence;
        wake.map_or(heartbeat, |at_ms| self.shared.moment(at_ms).min(heartbeat)).min(end)
    }

    /// A join brings the link, every time.
    fn with_link(&self, mut frame: Value) -> Value {
        if let (Some(link), Value::Object(members)) = (&self.settings.link, &mut frame)
            && members.get("type").is_some_and(|kind| kind == "join")
        {
            members.insert("link".to_owned(), json!(link.reveal()));
        }
        frame
    }

    /// Whether the connection shows no sign of life; asks for one.
    fn is_dead(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.pinged + self.settings.ping_every {
            self.pinged = now;
            self.unanswered.get_or_insert(now);
            self.writer.ping();
        }
        let unheard = self.unanswered.is_some_and(|since| now >= since + 3 * self.settings.silence);
        unheard || now >= self.heard + self.settings.silence
    }

    /// Takes in what came; gives the end if it was that.
    async fn hear(&mut self, heard: Heard, news: &mpsc::Sender<News>) -> Option<End> {
        match heard {
            Heard::Text(text) => {
                let received = self.shared.board().receive(&text, self.shared.now_ms());
                // A frame that cannot be read is of no protocol that we speak: another node may do better.
                let Ok(received) = received else { return Some(End::Lost) };
                self.shared.say(|_| {});
                tell(news, received).await;
            }
            Heard::Pong => self.unanswered = None,
            Heard::Other => {}
            Heard::Closed(code) => {
                if code == Some(CloseCode::FrameTooLarge.code()) {
                    let given_up = self.shared.board().too_long();
                    tell(news, given_up).await;
                }
                self.shared.say(|status| status.closed_with = code.or(status.closed_with));
                return Some(End::of(code));
            }
        }
        None
    }

    async fn read_to_the_end(&mut self, news: &mpsc::Sender<News>) -> End {
        let deadline = Instant::now() + self.settings.silence;
        loop {
            tokio::select! {
                heard = self.reader.next() => if let Some(end) = self.hear(heard, news).await { return end },
                () = sleep_until(deadline) => return End::Lost,
            }
        }
    }

    /// Closes the socket in good order.
    pub(super) async fn goodbye(&mut self) {
        self.writer.close().await;
    }
}

/// Tells the application.
pub(super) async fn tell(news: &mpsc::Sender<News>, items: Vec<News>) {
    for item in items {
        // Nobody may be listening.
        _ = news.send(item).await;
    }
}
