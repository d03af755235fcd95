//! A socket whose frames are read as they come, so that a test that looks elsewhere is no slow reader.

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long a frame may let a test wait.
const DEADLINE: Duration = Duration::from_secs(10);

/// Frames that a failure shows, and how much of each.
const SHOWN_FRAMES: usize = 200;
const SHOWN_CHARS: usize = 400;

/// A frame longer than this is shown and kept in part only.
pub(super) const LARGE_BYTES: usize = 64 * 1024;

/// What a socket says.
enum Heard {
    Text(Utf8Bytes),
    /// The code of the close frame; none when the connection just ended.
    Closed(Option<u16>),
}

/// One socket.
pub(crate) struct Line {
    sink: SplitSink<Socket, Message>,
    heard: mpsc::UnboundedReceiver<Heard>,
    log: VecDeque<String>,
    /// How long [`Line::next`] waits.
    pub(crate) deadline: Duration,
}

impl Line {
    pub(crate) async fn open(url: &str) -> Self {
        Self::open_with(url, &[]).await
    }

    /// Opens with headers of the test's own.
    pub(crate) async fn open_with(url: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let (sink, mut stream) = socket.split();
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut code = None;
            while let Some(Ok(message)) = stream.next().await {
                match message {
                    Message::Text(text) => _ = tell.send(Heard::Text(text)),
                    Message::Close(frame) => code = frame.map(|frame| frame.code.into()),
                    _ => {}
                }
            }
            _ = tell.send(Heard::Closed(code));
        });
        Self { sink, heard, log: VecDeque::new(), deadline: DEADLINE }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.note("→", text);
        self.send_raw(Message::text(text)).await.unwrap_or_else(|error| self.fail(&error.to_string()));
    }

    /// Sends what no client would; the error tells that the socket is gone.
    pub(crate) async fn send_raw(&mut self, message: Message) -> Result<(), Error> {
        self.sink.send(message).await
    }

    /// The next text; fails the test when none comes in time.
    pub(crate) async fn next(&mut self, what: &str) -> Utf8Bytes {
        match timeout(self.deadline, self.heard.recv()).await {
            Ok(Some(Heard::Text(text))) => {
                self.note("←", text.as_str());
                text
            }
            Ok(Some(Heard::Closed(code))) => self.fail(&format!("closed with {code:?}; waited for {what}")),
            Ok(None) => self.fail(&format!("closed; waited for {what}")),
            Err(_) => self.fail(&format!("waited in vain for {what}")),
        }
    }

    /// Reads to the end; gives the close code and the texts before it.
    pub(crate) async fn closed(&mut self) -> (Option<u16>, Vec<String>) {
        let mut texts = Vec::new();
        loop {
            match timeout(self.deadline, self.heard.recv()).await {
                Ok(Some(Heard::Text(text))) => {
                    self.note("←", text.as_str());
                    texts.push(text.to_string());
                }
                Ok(Some(Heard::Closed(code))) => return (code, texts),
                Ok(None) => return (None, texts),
                Err(_) => self.fail("waited in vain for the close"),
            }
        }
    }

    /// Closes from this side.
    pub(crate) async fn hang_up(&mut self) {
        // It may be closed already.
        _ = self.sink.close().await;
    }

    fn note(&mut self, way: &str, text: &str) {
        let shown: String = text.chars().take(SHOWN_CHARS).collect();
        let rest = if shown.len() < text.len() { format!("… {} bytes", text.len()) } else { String::new() };
        self.log.push_back(format!("{way} {shown}{rest}"));
        if self.log.len() > SHOWN_FRAMES {
            self.log.pop_front();
        }
    }

    fn fail(&self, what: &str) -> ! {
        let log: Vec<&str> = self.log.iter().map(String::as_str).collect();
        panic!("{what}\nthe socket so far:\n{}", log.join("\n"));
    }
}
