//! One client of an admin socket: what it says goes to control, what control answers goes back, in portions that it takes.
//!
//! **Invariant:** a client has one command under way at most, so that neither commands nor answers pile up.

use super::Wish;
use super::conversation::{Command, Conversation, Step};
use super::realm::{Realm, Routed, routed};
use super::successor;
use config::Access;
use nix::sys::socket::{Shutdown, shutdown};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
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
    pub(crate) realm: Realm,
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
    /// The answer comes after a while.
    Wait(Duration),
    /// Later commands are for them.
    Address(Realm),
    End,
}

impl Answer {
    /// No words, and this.
    pub(crate) fn with(effect: Effect) -> Answer {
        Answer { text: String::new(), effect }
    }
}

impl<T: Into<String>> From<T> for Answer {
    fn from(text: T) -> Answer {
        Answer { text: text.into(), effect: Effect::None }
    }
}

pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// What a client may do and how patient it is served.
pub(super) struct Manners {
    pub(super) access: Access,
    /// How long it may say nothing, or not take its answer; zero is for ever.
    pub(super) patience: Duration,
    /// Whether it may have the listening sockets.
    pub(super) exposes_listeners: bool,
    /// Whom its commands are for; none on an admin socket, where that is no question.
    pub(super) master: Option<Realm>,
}

/// What a successor says (`-x`).
const GET_SOCKETS: &str = "_getsocks";

/// Serves a client until it ends, or is too slow.
pub(super) async fn serve(stream: Stream, manners: Manners, wishes: UnboundedSender<Wish>) {
    // A client that breaks off or is too slow is gone, and that is all there is to it.
    let _ = converse(stream, manners, wishes).await;
}

async fn converse(stream: Stream, mut manners: Manners, wishes: UnboundedSender<Wish>) -> io::Result<()> {
    let mut conversation = Conversation::default();
    let mut buffer = vec![0; 4096];
    conversation.set_name(manners.master.map(name).unwrap_or_default());
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
            Step::Ask(command) if command.words.first().is_some_and(|word| word == GET_SOCKETS) => {
                let sockets = if manners.exposes_listeners { sockets(&wishes).await } else { Vec::new() };
                return successor::hand_over(&stream, &sockets).await;
            }
            Step::Ask(command) => {
                let mut answer = match manners.routed(command) {
                    Routed::To(realm, command) => {
                        let (reply, answer) = oneshot::channel();
                        let asked_for = Asked { command, access: manners.access, realm, reply };
                        let told = wishes.send(Wish::Command(asked_for));
                        // Control is gone only when the process ends.
                        let (Ok(()), Ok(answer)) = (told, answer.await) else { return Ok(()) };
                        match (manners.master, realm, answer.effect) {
                            // HAProxy's master connects to its worker anew for each command.
                            (Some(_), Realm::Worker, Effect::Lower(_)) => Answer::from(answer.text),
                            (..) => answer,
                        }
                    }
                    Routed::Stay(realm) => Answer::with(Effect::Address(realm)),
                    Routed::Nobody(text) => text.into(),
                };
                match answer.effect {
                    Effect::None => (),
                    Effect::TogglePrompt => conversation.toggle_prompt(),
                    Effect::SetPrompt(is_wanted) => conversation.set_prompt(is_wanted),
                    Effect::Lower(access) => manners.access = manners.access.min(access),
                    Effect::SetTimeout(patience) => manners.patience = patience,
                    Effect::Wait(delay) => {
                        tokio::time::sleep(delay).await;
                        answer.text.push_str("Done.\n");
                    }
                    Effect::Address(realm) => {
                        manners.master = Some(realm);
                        conversation.set_name(name(realm));
                    }
                    Effect::End => return Ok(()),
                }
                let text = conversation.answer(&answer.text);
                drop(answer);
                stream.write_all(text.as_bytes(), manners.patience).await?;
            }
        }
    }
}

impl Manners {
    fn routed(&self, command: Command) -> Routed {
        match self.master {
            Some(standard) => routed(command, standard, std::process::id()),
            None => Routed::To(Realm::Worker, command),
        }
    }
}

/// What HAProxy shows in front of the prompt.
fn name(realm: Realm) -> String {
    match realm {
        Realm::Master => "master".into(),
        Realm::Worker => std::process::id().to_string(),
    }
}

/// Copies of all listening sockets; none if control has other things to do.
async fn sockets(wishes: &UnboundedSender<Wish>) -> Vec<OwnedFd> {
    let (reply, sockets) = oneshot::channel();
    match wishes.send(Wish::Sockets(reply)) {
        Ok(()) => sockets.await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

pub(crate) async fn patiently<T>(patience: Duration, doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    if patience.is_zero() {
        return doing.await;
    }
    timeout(patience, doing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl Stream {
    /// Writes everything, in portions that may each take as long as `patience`.
    pub(crate) async fn write_all(&self, mut bytes: &[u8], patience: Duration) -> io::Result<()> {
        while !bytes.is_empty() {
            let portion = &bytes[..bytes.len().min(PORTION)];
            let count = patiently(patience, self.write(portion)).await?;
            bytes = &bytes[count..];
            // Checks and records come between two portions.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Who is there and where it came to, where these are addresses.
    pub(crate) fn ends(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        match self {
            Stream::Unix(_) => (None, None),
            Stream::Tcp(stream) => (stream.peer_addr().ok(), stream.local_addr().ok()),
        }
    }

    /// Whether one of our own threads is at the other end.
    pub(crate) fn is_of_this_process(&self) -> bool {
        let peer = match self {
            Stream::Unix(stream) => stream.peer_cred().ok().and_then(|peer| peer.pid()),
            Stream::Tcp(_) => None,
        };
        peer.and_then(|pid| u32::try_from(pid).ok()) == Some(std::process::id())
    }

    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
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

    /// Says no more; what comes is still heard.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let descriptor = match self {
            Stream::Unix(stream) => stream.as_raw_fd(),
            Stream::Tcp(stream) => stream.as_raw_fd(),
        };
        Ok(shutdown(descriptor, Shutdown::Write)?)
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
