//! The admin sockets (`stats socket`): what operators and their tools ask the process, and how it answers.
//!
//! ```text
//!   socket ──accept──▶ client ── conversation (bytes ⇄ commands)
//!                        │ Asked                        ▲ Answer
//!                        ▼                              │
//!                   Control::serve ──▶ dispatch ──▶ tell, change, manners ── on a Desk
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `socket` | addresses, owners, modes; binding |
//! | `client`, `conversation` | one client: with I/O, and without |
//! | `successor`, `exports` | listening sockets for a process that takes over |
//! | `commands` | which words there are, who may say them, what carries them out |
//! | `dispatch`, `help` | which one is meant; which ones there are, which are near |
//! | `desk`, `facts` | what commands may see and change |
//! | `realm`, `master` | the master's socket (`-S`) |
//! | `tell`, `change`, `server`, `limits`, `manners` | what they do |
//! | `certificates` | what they do with certificates |
//! | `errors` | `show errors` |
//! | `lists` | what they do with maps and the patterns of ACLs |
//! | `configuration`, `explain` | the files in force, and what they mean for a connection |
//! | `notices` | what the log is told of a server that an operator changed |
//! | `frontends`, `followings` | frontends that pause, go on or stop, on all shards |
//! | `sessions` | `show sess`, gathered from the shards |
//! | `info`, `stat/`, `servers`, `latency`, `field` | the answers of `show`, as values and as text |
//!
//! Behind some of the sockets there are pages instead of commands ([`crate::pages`]); they are bound, served and left alike.
//!
//! Clients are tasks of their own. Control takes one command at a time between its other events and never waits for a client.
//!
//! **Invariant:** there are at most `stats maxconn` clients, each with one command under way.

mod agent;
mod authorities;
mod certificates;
mod change;
mod checks;
mod client;
mod commands;
mod configuration;
mod conversation;
mod desk;
mod dispatch;
mod errors;
mod explain;
mod exports;
mod facts;
pub(crate) mod field;
mod followings;
mod frontends;
mod help;
pub(crate) mod info;
pub(crate) mod latency;
mod limits;
mod lists;
mod manners;
mod master;
mod notices;
mod realm;
mod server;
mod servers;
mod sessions;
mod socket;
pub(crate) mod stat;
mod successor;
mod tell;

pub(crate) use client::{Answer, Asked, Stream, patiently};
pub(crate) use desk::Desk;
pub(crate) use dispatch::{Reply, answer, command};
pub use exports::Collect;
pub(crate) use exports::Exports;
pub(crate) use facts::{Facts, Process};
pub(crate) use followings::{Client as FollowingClient, Followings, cannot_listen};
pub(crate) use sessions::Sessions;
pub(crate) use socket::{Failure, Owner, Place, Rights, Service, SocketSpec};

use crate::pages::{self, Site, Visit};
use crate::uio;
use client::Manners;
use config::Access;
use realm::Realm;
use socket::{Bound, Made, bind};
use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(100);

/// Browsers and scrapers that are served at once, over all pages; others wait to be accepted.
const VISITORS_MOST: u32 = 64;

/// What a configuration says of admin sockets and pages.
#[derive(Clone, Debug)]
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
    /// Of those who say commands, and of those who look at pages: neither can take the others' places.
    commands: Rc<House>,
    pages: Rc<House>,
    sender: UnboundedSender<Wish>,
    wishes: UnboundedReceiver<Wish>,
}

/// What is asked of control.
pub(crate) enum Wish {
    Command(Asked),
    Page(Visit),
    /// Copies of all listening sockets.
    Sockets(oneshot::Sender<Vec<OwnedFd>>),
}

/// One that is served.
struct Socket {
    spec: SocketSpec,
    /// Changes with a reload; the clients that there are go on.
    service: Rc<RefCell<Service>>,
    task: JoinHandle<()>,
}

/// What all clients of a kind share.
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
                let what =
                    if matches!(spec.place, Place::Unix(_)) { "cannot bind UNIX socket" } else { "cannot bind socket" };
                let place = spec.place.clone();
                return Err(Failure { place, what, errno: driver::Errno::EADDRINUSE });
            }
            Ok((spec.clone(), bind(spec)?))
        });
        Ok(AdminSockets { made: made.collect::<Result<_, Failure>>()? })
    }

    fn take(&mut self, spec: &SocketSpec) -> Option<Made> {
        let place = self.made.iter().position(|(made, _)| made.is_same_socket(spec))?;
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
        let (sender, wishes) = unbounded_channel();
        let pages: Rc<House> = Rc::default();
        pages.clients_most.set(VISITORS_MOST);
        Admin { sockets: Vec::new(), commands: Rc::default(), pages, sender, wishes }
    }

    /// Binds what `settings` name and is neither served yet nor made before. Must be called inside of the runtime.
    pub(crate) fn prepare(&self, settings: Settings, mut made: AdminSockets) -> Result<Prepared, Failure> {
        let is_new = |spec: &&SocketSpec| !self.sockets.iter().any(|socket| socket.spec.is_same_socket(spec));
        let bound = settings.sockets.iter().filter(is_new).map(|spec| {
            let made = match made.take(spec) {
                Some(made) => made,
                None if socket::is_shared(&spec.place) => {
                    let (place, what) = (spec.place.clone(), "cannot bind socket");
                    return Err(Failure { place, what, errno: driver::Errno::EADDRINUSE });
                }
                None => bind(spec)?,
            };
            Ok((spec.clone(), made.register(spec)?))
        });
        Ok(Prepared { bound: bound.collect::<Result<_, Failure>>()?, settings })
    }

    /// Serves what was prepared, and no longer what is not in the settings. Known clients go on.
    pub(crate) fn adopt(&mut self, prepared: Prepared) {
        let Prepared { settings, bound } = prepared;
        self.commands.clients_most.set(settings.clients_most);
        self.commands.patience.set(settings.patience);
        self.commands.left.notify_waiters();
        self.sockets.retain_mut(|socket| {
            let stays = settings.sockets.iter().find(|spec| spec.is_same_socket(&socket.spec));
            match stays {
                Some(spec) => {
                    socket.spec = spec.clone();
                    socket.service.replace(spec.service.clone());
                }
                None => socket.task.abort(),
            }
            stays.is_some()
        });
        for (spec, bound) in bound {
            let service = Rc::new(RefCell::new(spec.service.clone()));
            let house = match spec.service {
                Service::Commands(_) => Rc::clone(&self.commands),
                Service::Pages(_) => Rc::clone(&self.pages),
            };
            let task = uio::spawn(serve(bound, spec.is_internal, Rc::clone(&service), house, self.sender.clone()));
            self.sockets.push(Socket { spec, service, task });
        }
    }

    /// Accepts no visitors of pages any more. Those that there are go on.
    pub(crate) fn close_pages(&mut self) {
        self.sockets.retain(|socket| {
            let is_page = matches!(socket.spec.service, Service::Pages(_));
            if is_page {
                socket.task.abort();
            }
            !is_page
        });
    }

    /// Waits for the next command, or the next visit of a page. Dropping the wait loses none.
    pub(crate) async fn next(&mut self) -> Wish {
        self.wishes.recv().await.expect("we hold a sender ourselves")
    }

    /// Whether somebody may look at curves.
    pub(crate) fn has_pages(&self) -> bool {
        let is_page = |socket: &Socket| match &socket.spec.service {
            Service::Pages(site) => matches!(**site, Site::Stats(_)),
            Service::Commands(_) => false,
        };
        self.sockets.iter().any(is_page)
    }

    /// Where commands are taken, and of whom.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = (&Place, Access)> {
        self.sockets.iter().filter_map(|socket| match socket.spec.service {
            Service::Commands(rights) if !rights.is_master => Some((&socket.spec.place, rights.access)),
            Service::Commands(_) | Service::Pages(_) => None,
        })
    }
}

/// Accepts while there is room for a client; the others wait in the socket's queue.
async fn serve(
    bound: Bound,
    is_internal: bool,
    service: Rc<RefCell<Service>>,
    house: Rc<House>,
    wishes: UnboundedSender<Wish>,
) {
    loop {
        while house.clients.get() >= house.clients_most.get() {
            house.left.notified().await;
        }
        match bound.accept().await {
            Ok(stream) if is_internal && !stream.is_of_this_process() => (),
            Ok(stream) => {
                let (guest, service, wishes) = (Guest::new(&house), Rc::clone(&service), wishes.clone());
                uio::spawn(async move { guest.serve(stream, is_internal, service, wishes).await });
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

    async fn serve(
        self,
        stream: Stream,
        is_internal: bool,
        service: Rc<RefCell<Service>>,
        wishes: UnboundedSender<Wish>,
    ) {
        let present = service.borrow().clone();
        match present {
            Service::Commands(Rights { access, exposes_listeners, is_master }) => {
                let master = is_master.then_some(Realm::Master);
                let manners = Manners { access, patience: self.house.patience.get(), exposes_listeners, master };
                client::serve(stream, manners, wishes).await;
            }
            Service::Pages(_) => pages::serve(stream, is_internal, service, wishes).await,
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.house.clients.set(self.house.clients.get() - 1);
        // Each of the sockets may have one that waits.
        self.house.left.notify_waiters();
    }
}
