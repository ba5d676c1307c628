//! One client of an admin socket: what it says goes to control, what control answers goes back, in portions that it takes.
//!
//! **Invariant:** a client has one command under way at most, so that neither commands nor answers pile up.

use super::conversation::{Command, Conversation, Step};
use config::Access;
use std::io;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Bytes of an answer that are offered to the socket at once.
const PORTION: usize = 64 * 1024;

/// A command on its way to control.
pub(crate) struct Asked {
    pub(crate) command: Command,
    pub(crate) access: Access,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// What control answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) effect: Effect,
}

/// What an answer changes for the client who asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Effect {
    #[default]
    None,
    TogglePrompt,
    SetPrompt(bool),
    Lower(Access),
    SetTimeout(Duration),
    End,
}

impl<T: Into<String>> From<T> for Answer {
    fn from(text: T) -> Answer {
        Answer { text: text.into(), effect: Effect::None }
    }
}

pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// What a client may do and how patient it is served.
pub(super) struct Manners {
    pub(super) access: Access,
    /// How long it may say nothing, or not take its answer; zero is for ever.
    pub(super) patience: Duration,
}

/// Serves a client until it ends, or is too slow.
pub(super) async fn serve(stream: Stream, manners: Manners, asked: UnboundedSender<Asked>) {
    // A client that breaks off or is too slow is gone, and that is all there is to it.
    let _ = converse(stream, manners, asked).await;
}

async fn converse(stream: Stream, mut manners: Manners, asked: UnboundedSender<Asked>) -> io::Result<()> {
    let mut conversation = Conversation::default();
    let mut buffer = vec![0; 4096];
    loop {
        match conversation.next() {
            Step::End => return Ok(()),
            Step::Listen => {
                let room = conversation.room().clamp(1, buffer.len());
                match patiently(manners.patience, stream.read(&mut buffer[..room])).await? {
                    0 => conversation.finish(),
                    count => conversation.hear(&buffer[..count]),
                }
            }
            Step::Ask(command) => {
                let (reply, answer) = oneshot::channel();
                let told = asked.send(Asked { command, access: manners.access, reply });
                // Control is gone only when the process ends.
                let (Ok(()), Ok(answer)) = (told, answer.await) else { return Ok(()) };
                match answer.effect {
                    Effect::None => (),
                    Effect::TogglePrompt => conversation.toggle_prompt(),
                    Effect::SetPrompt(is_wanted) => conversation.set_prompt(is_wanted),
                    Effect::Lower(access) => manners.access = manners.access.min(access),
                    Effect::SetTimeout(patience) => manners.patience = patience,
                    Effect::End => return Ok(()),
                }
                let text = conversation.answer(&answer.text);
                drop(answer);
                let mut left = text.as_bytes();
                while !left.is_empty() {
                    let portion = &left[..left.len().min(PORTION)];
                    let count = patiently(manners.patience, stream.write(portion)).await?;
                    left = &left[count..];
                    // Checks and records come between two portions.
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

async fn patiently<T>(patience: Duration, doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    if patience.is_zero() {
        return doing.await;
    }
    timeout(patience, doing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl Stream {
    async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Stream::Unix(stream) => {
                    stream.readable().await?;
                    stream.try_read(buffer)
                }
                Stream::Tcp(stream) => {
                    stream.readable().await?;
                    stream.try_read(buffer)
                }
            };
            match read {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => (),
                read => return read,
            }
        }
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let written = match self {
                Stream::Unix(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
                Stream::Tcp(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
            };
            match written {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => (),
                written => return written,
            }
        }
    }
}
