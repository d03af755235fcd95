//! Many connections that all do the same, and then stand still.

use futures_util::StreamExt;
use futures_util::stream;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How many.
pub(super) const SIZE: usize = 1_000;
/// How long each tries to send all that it has, and to read what it reads.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections that stand still.
pub(super) struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// All come at one time. Each sends the same bytes, or as many as are taken, and reads so many.
    pub(super) async fn gather(address: SocketAddr, size: usize, sent: Vec<u8>, read: usize) -> Self {
        let sent = Arc::new(sent);
        let all = stream::iter(0..size).map(|_| {
            let sent = Arc::clone(&sent);
            tokio::spawn(async move { come(address, &sent, read).await })
        });
        let all = all.buffer_unordered(size).filter_map(|stream| async { stream.unwrap() });
        Self(all.collect().await)
    }

    /// How many the node did not turn away while they came.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// With a small window, so that little is on its way unread.
async fn come(address: SocketAddr, sent: &[u8], read: usize) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let mut stream = socket.connect(address).await.ok()?;
    let stood = timeout(PATIENCE, async {
        stream.write_all(sent).await?;
        stream.read_exact(&mut vec![0; read]).await
    });
    match stood.await {
        Ok(Err(_)) => None,
        // It stands still, by its own will or because it is taken no further.
        Ok(Ok(_)) | Err(_) => Some(stream),
    }
}

/// The head of a request.
pub(super) fn request(method: &str, path: &str, bytes: usize) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nhost: node\r\ncontent-length: {bytes}\r\n\r\n").into_bytes()
}

/// The head of an upgrade.
pub(super) fn upgraded() -> Vec<u8> {
    b"GET /ws HTTP/1.1\r\nhost: node\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
      sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec()
}

/// A text frame with a mask of nought.
pub(super) fn masked(text: &[u8]) -> Vec<u8> {
    let mut frame = head(text.len());
    frame.extend_from_slice(text);
    frame
}

/// The beginning of a text frame that says it is longer.
pub(super) fn half_frame(says: usize, has: usize) -> Vec<u8> {
    let mut frame = head(says);
    frame.resize(frame.len() + has, b' ');
    frame
}

fn head(bytes: usize) -> Vec<u8> {
    let mut frame = vec![0x81];
    match bytes {
        0..126 => frame.push(0x80 | u8::try_from(bytes).unwrap()),
        126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(bytes).unwrap().to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(bytes as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame
}
