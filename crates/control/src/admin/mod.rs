//! The admin sockets (`stats socket`): what operators and their tools ask the process, and how it answers.
//!
//! ```text
//!   socket ──accept──▶ client ── conversation (bytes ⇄ commands)
//!                        │ Asked                        ▲ Answer
//!                        ▼                              │
//!                   Control::serve ──▶ commands ──▶ tell, change, manners ── on a Desk
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `socket` | addresses, owners, modes; binding |
//! | `client`, `conversation` | one client: with I/O, and without |
//! | `commands` | which words there are, who may say them, which are near |
//! | `desk`, `facts` | what commands may see and change |
//! | `tell`, `change`, `server`, `manners` | what they do |
//! | `notices` | what the log is told of a server that an operator changed |
//! | `sessions` | `show sess`, gathered from the shards |
//! | `info`, `stat/`, `servers`, `field` | the answers of `show`, as values and as text |
//!
//! Clients are tasks of their own. Control takes one command at a time between its other events and never waits for a client.
//!
//! **Invariant:** there are at most `stats maxconn` clients, each with one command under way.

mod change;
mod client;
mod commands;
mod conversation;
mod desk;
mod facts;
mod field;
mod info;
mod manners;
mod notices;
mod server;
mod servers;
mod sessions;
mod socket;
mod stat;
mod tell;

pub(crate) use client::Asked;
pub(crate) use commands::{Reply, answer};
pub(crate) use desk::Desk;
pub(crate) use facts::Process;
pub(crate) use sessions::Sessions;
pub(crate) use socket::{Failure, Owner, Place, SocketSpec};

use crate::uio;
use client::{Manners, Stream};
use socket::{Bound, Made, bind};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(100);

/// What a configuration says of admin sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) sockets: Vec<SocketSpec>,
    /// How long a client may be silent (`stats timeout`); zero is for ever.
    pub(crate) patience: Duration,
    /// Most clients at once (`stats maxconn`).
    pub(crate) clients_most: u32,
}

impl Default for Settings {
    /// `configuration.txt: stats timeout, stats maxconn`.
    fn default() -> Settings {
        Settings { sockets: Vec::new(), patience: Duration::from_secs(10), clients_most: 10 }
    }
}

/// All admin sockets of the process.
pub(crate) struct Admin {
    sockets: Vec<Socket>,
    house: Rc<House>,
    sender: UnboundedSender<Asked>,
    asked: UnboundedReceiver<Asked>,
}

/// One that is served.
struct Socket {
    spec: SocketSpec,
    task: JoinHandle<()>,
}

/// What all clients share.
#[derive(Default)]
struct House {
    clients: Cell<u32>,
    clients_most: Cell<u32>,
    patience: Cell<Duration>,
    left: Notify,
}

/// Sockets that were bound while the process could still bind them.
#[derive(Debug, Default)]
pub struct AdminSockets {
    made: Vec<(SocketSpec, Made)>,
}

impl AdminSockets {
    pub(crate) fn bind(settings: &Settings, takes_over: bool) -> Result<AdminSockets, Failure> {
        let made = settings.sockets.iter().map(|spec| {
            if !takes_over && socket::is_answered(&spec.place) {
                let (place, what) = (spec.place.clone(), "cannot bind UNIX socket");
                return Err(Failure { place, what, errno: driver::Errno::EADDRINUSE });
            }
            Ok((spec.clone(), bind(spec)?))
        });
        Ok(AdminSockets { made: made.collect::<Result<_, Failure>>()? })
    }

    fn take(&mut self, spec: &SocketSpec) -> Option<Made> {
        let place = self.made.iter().position(|(made, _)| made == spec)?;
        Some(self.made.swap_remove(place).1)
    }
}

/// Sockets that are bound and not served yet.
pub(crate) struct Prepared {
    settings: Settings,
    bound: Vec<(SocketSpec, Bound)>,
}

impl Admin {
    pub(crate) fn new() -> Admin {
        let (sender, asked) = unbounded_channel();
        Admin { sockets: Vec::new(), house: Rc::default(), sender, asked }
    }

    /// Binds what `settings` name and is neither served yet nor made before. Must be called inside of the runtime.
    pub(crate) fn prepare(&self, settings: Settings, mut made: AdminSockets) -> Result<Prepared, Failure> {
        let is_new = |spec: &&SocketSpec| !self.sockets.iter().any(|socket| socket.spec == **spec);
        let bound = settings.sockets.iter().filter(is_new).map(|spec| {
            let made = made.take(spec).map_or_else(|| bind(spec), Ok)?;
            Ok((spec.clone(), made.register(spec)?))
        });
        Ok(Prepared { bound: bound.collect::<Result<_, Failure>>()?, settings })
    }

    /// Serves what was prepared, and no longer what is not in the settings. Known clients go on.
    pub(crate) fn adopt(&mut self, prepared: Prepared) {
        let Prepared { settings, bound } = prepared;
        self.house.clients_most.set(settings.clients_most);
        self.house.patience.set(settings.patience);
        self.house.left.notify_waiters();
        self.sockets.retain(|socket| {
            let stays = settings.sockets.contains(&socket.spec);
            if !stays {
                socket.task.abort();
            }
            stays
        });
        for (spec, bound) in bound {
            let task = uio::spawn(serve(bound, spec.access, Rc::clone(&self.house), self.sender.clone()));
            self.sockets.push(Socket { spec, task });
        }
    }

    /// Waits for the next command. Dropping the wait loses none.
    pub(crate) async fn next(&mut self) -> Asked {
        self.asked.recv().await.expect("we hold a sender ourselves")
    }

    pub(crate) fn sockets(&self) -> impl Iterator<Item = &SocketSpec> {
        self.sockets.iter().map(|socket| &socket.spec)
    }
}

/// Accepts while there is room for a client; the others wait in the socket's queue.
async fn serve(bound: Bound, access: config::Access, house: Rc<House>, asked: UnboundedSender<Asked>) {
    loop {
        while house.clients.get() >= house.clients_most.get() {
            house.left.notified().await;
        }
        match bound.accept().await {
            Ok(stream) => {
                let guest = Guest::new(&house);
                let asked = asked.clone();
                uio::spawn(async move { guest.serve(stream, access, asked).await });
            }
            // Whoever was gone before it was accepted, or descriptors that are wanting: somebody else may be there later.
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

/// A client's place, given back when it is dropped.
struct Guest {
    house: Rc<House>,
}

impl Guest {
    fn new(house: &Rc<House>) -> Guest {
        house.clients.set(house.clients.get() + 1);
        Guest { house: Rc::clone(house) }
    }

    async fn serve(self, stream: Stream, access: config::Access, asked: UnboundedSender<Asked>) {
        let manners = Manners { access, patience: self.house.patience.get() };
        client::serve(stream, manners, asked).await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.house.clients.set(self.house.clients.get() - 1);
        // Each of the sockets may have one that waits.
        self.house.left.notify_waiters();
    }
}
