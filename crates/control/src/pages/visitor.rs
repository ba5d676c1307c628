//! One visitor of pages: what it asks goes to control, what control answers goes back, in portions that it takes.

use super::Site;
use super::dialogue::{Dialogue, Inquiry, Step};
use super::response::Response;
use crate::admin::{Service, Stream, Wish, patiently};
use proxyline::Decoded;
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long a whole request may take, a connection's first one from the accept, and a portion of a response to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may rest between two requests. A scraper comes back every 15 seconds or every minute.
const REST: Duration = Duration::from_secs(75);

/// After a refusal: how much more of the request is read and dropped, and how long, so that the refusal is not lost to a reset
/// (RFC 9112 §9.6).
const DROPPED_MOST: usize = 256 * 1024;
const DROPPED_FOR: Duration = Duration::from_secs(1);

/// A request on its way to control.
pub(crate) struct Visit {
    pub(super) site: Arc<Site>,
    pub(super) inquiry: Inquiry,
    /// Who asks, and where; `None` behind a unix socket.
    pub(super) src: Option<SocketAddr>,
    pub(super) dst: Option<SocketAddr>,
    pub(crate) reply: oneshot::Sender<Response>,
}

/// Serves a visitor until it ends, or is too slow, or there is no page any more where it knocked.
/// An internal one says first whose request it is.
pub(crate) async fn serve(
    stream: Stream,
    is_internal: bool,
    service: Rc<RefCell<Service>>,
    wishes: UnboundedSender<Wish>,
) {
    // One that breaks off or is too slow is gone, and that is all there is to it.
    let _ = converse(stream, is_internal, service, wishes).await;
}

async fn converse(
    stream: Stream,
    is_internal: bool,
    service: Rc<RefCell<Service>>,
    wishes: UnboundedSender<Wish>,
) -> io::Result<()> {
    let mut dialogue = Dialogue::new();
    let (src, dst) = match is_internal {
        true => patiently(PATIENCE, introduced(&stream, &mut dialogue)).await?,
        false => stream.ends(),
    };
    let mut buffer = vec![0; 4096];
    let mut deadline = Instant::now() + PATIENCE;
    let mut step = dialogue.next();
    loop {
        match step {
            Step::End => return Ok(()),
            Step::Refuse(page) => {
                stream.write_all(page.as_bytes(), PATIENCE).await?;
                return part(&stream, &mut buffer).await;
            }
            Step::Listen => {
                let room = dialogue.room().clamp(1, buffer.len());
                match timeout_at(deadline, stream.read(&mut buffer[..room])).await {
                    Ok(read) => match read? {
                        0 => return Ok(()),
                        count => {
                            if !dialogue.is_begun() {
                                deadline = Instant::now() + PATIENCE;
                            }
                            dialogue.hear(&buffer[..count]);
                            step = dialogue.next();
                        }
                    },
                    Err(_) => step = dialogue.give_up(),
                }
            }
            Step::Ask(inquiry) => {
                // A reload may have changed who may see what: a kept connection sees it as a new one does.
                let Service::Pages(site) = service.borrow().clone() else { return Ok(()) };
                let (reply, response) = oneshot::channel();
                let told = wishes.send(Wish::Page(Visit { site, inquiry, src, dst, reply }));
                // Control is gone only when the process ends.
                let (Ok(()), Ok(response)) = (told, response.await) else { return Ok(()) };
                let bytes = dialogue.answer(&response);
                drop(response);
                stream.write_all(&bytes, PATIENCE).await?;
                deadline = Instant::now() + if dialogue.is_begun() { PATIENCE } else { REST };
                step = dialogue.next();
            }
        }
    }
}

/// Reads a PROXY header: who asks, and where. What came behind it is heard.
async fn introduced(stream: &Stream, dialogue: &mut Dialogue) -> io::Result<(Option<SocketAddr>, Option<SocketAddr>)> {
    let mut heard = Vec::new();
    let mut buffer = [0; 512];
    loop {
        let count = stream.read(&mut buffer).await?;
        heard.extend_from_slice(&buffer[..count]);
        match proxyline::decode(&heard) {
            Decoded::Incomplete if count > 0 => (),
            Decoded::Complete(header) => {
                dialogue.hear(&heard[header.header_len..]);
                let ends = header.addresses;
                return Ok((ends.map(|ends| ends.source), ends.map(|ends| ends.destination)));
            }
            Decoded::Incomplete | Decoded::Invalid(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Ends the sending half and hears the visitor out.
async fn part(stream: &Stream, buffer: &mut [u8]) -> io::Result<()> {
    stream.finish()?;
    let draining = async {
        let mut dropped = 0;
        while dropped < DROPPED_MOST {
            match stream.read(buffer).await? {
                0 => break,
                count => dropped += count,
            }
        }
        Ok(())
    };
    patiently(DROPPED_FOR, draining).await
}
