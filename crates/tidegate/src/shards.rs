//! One thread per shard: its CPU, its file table, its driver, its loop.

use crate::sockets::Sockets;
use control::CpuMaps;
use crossbeam::channel::{Receiver, Sender, bounded};
use driver::{Driver, Errno, Waker};
use epoll::Epoll;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use shard::{ControlPort, Desk, Heirloom, Mailbox, Parts, Passage, Shard, Shelves, Signer};
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::thread;
use table::{ShardIndex, Table};
use uring::{Uring, Wakeup};

/// Bytes of one buffer at least, whole pages: what a busy flow moves with one receive and one send. Two whole records of TLS have room in
/// it, with what is around them, and an odd number of pages spreads the beginnings of buffers over the caches. How much of a message is
/// waited for is bounded by itself.
const BUFFER_SIZE: usize = 9 * 4096;

/// Bytes of one buffer that a head of as many fits into, with something behind it; whole pages.
pub(crate) fn buffer_size(head_size_max: usize) -> usize {
    const PAGE: usize = 4096;
    BUFFER_SIZE.max((head_size_max + PAGE).next_multiple_of(PAGE))
}

/// Buffers that may be lent to the kernel beside those that sessions hold.
const BUFFERS_BESIDE: u32 = 512;

/// Flows that a shard of so many splices at once; more of them are copied. An unprivileged user gets a limited number of large
/// pipes over all processes (`pipe(7)`: pipe-user-pages-soft), so the shards share what one alone would take.
pub(crate) fn pipes_max(shard_count: u16) -> u32 {
    const LEAST: u32 = 8;
    (uring::PIPES / u32::from(shard_count)).max(LEAST)
}

/// What moves the bytes. Chosen once, at the start; never a mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    IoUring,
    Epoll,
}

/// What all shards of a process share.
pub(crate) struct Plan {
    pub(crate) engine: Engine,
    pub(crate) published: Arc<arc_swap::ArcSwap<Table>>,
    pub(crate) port: Arc<ControlPort>,
    /// Where shards pass copies of their listening sockets; kept by all.
    pub(crate) passage: RawFd,
    pub(crate) sessions_max: u32,
    /// Bytes of one buffer.
    pub(crate) buffer_size: usize,
    /// Descriptors that every shard keeps from the process: wake-ups of control, inherited listeners.
    pub(crate) kept: Vec<RawFd>,
    /// What listens already; each shard keeps its own.
    pub(crate) sockets: Sockets,
    /// Where the file wants the shards to run.
    pub(crate) cpus: CpuMaps,
    /// What replaces the standard streams of a process in the background: nobody reads them, and nobody shall wait for their end.
    pub(crate) null: Option<Arc<OwnedFd>>,
}

/// The shards of a process, before control speaks to them.
pub(crate) struct Shards {
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
}

/// Why a shard could not start.
#[derive(Debug)]
pub(crate) enum StartFailure {
    Wakeup(Errno),
    Thread(std::io::Error),
    Files(Errno),
    Rights(Errno),
    Ring(uring::Refused),
    Epoll(Errno),
}

/// The CPUs that this process may use.
pub(crate) fn cpus() -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap_or_else(|_| CpuSet::new());
    let cpus: Vec<usize> = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false)).collect();
    if cpus.is_empty() { vec![0] } else { cpus }
}

/// Starts `count` shards and waits until each has its driver. Nothing is accepted yet.
pub(crate) fn start(plan: Plan, count: u16) -> Result<Shards, StartFailure> {
    let wakeups: Vec<Wakeup> =
        (0..count).map(|_| Wakeup::new()).collect::<Result<_, _>>().map_err(StartFailure::Wakeup)?;
    let wakers: Vec<Waker> = wakeups.iter().map(Wakeup::waker).collect();
    let mailboxes: Vec<Arc<Mailbox>> = wakers.iter().map(|waker| Arc::new(Mailbox::new(waker.clone()))).collect();
    let kept: Vec<RawFd> = plan.kept.iter().copied().chain(wakeups.iter().map(Wakeup::number)).collect();
    let shelves = Arc::new(Shelves::new(count));
    let (started, starts) = bounded(usize::from(count));
    let cpus = cpus();
    for (index, wakeup) in wakeups.into_iter().enumerate() {
        let shard = ShardIndex(index as u16);
        let heirlooms = plan.sockets.of(shard);
        let signer = signer(index, wakeup.waker(), plan.cpus.of(index)).map_err(StartFailure::Thread)?;
        let world = World {
            index: shard,
            // Shards beyond the CPUs share them.
            cpus: plan.cpus.of(index).unwrap_or_else(|| vec![cpus[index % cpus.len()]]),
            null: plan.null.clone(),
            wakeup,
            kept: kept.iter().copied().chain(heirlooms.iter().map(|heirloom| heirloom.number)).collect(),
            heirlooms,
            engine: plan.engine,
            sessions_max: plan.sessions_max,
            buffer_size: plan.buffer_size,
            pipes_max: pipes_max(count),
            published: plan.published.clone(),
            mailbox: mailboxes[index].clone(),
            port: plan.port.clone(),
            shelves: shelves.clone(),
            signer: Some(signer),
            passage: plan.passage,
        };
        let started = started.clone();
        let name = format!("tidegate/{index}");
        thread::Builder::new().name(name).spawn(move || world.live(&started)).map_err(StartFailure::Thread)?;
    }
    wait_for_all(&starts, count)?;
    Ok(Shards { mailboxes })
}

fn wait_for_all(starts: &Receiver<Result<(), StartFailure>>, count: u16) -> Result<(), StartFailure> {
    (0..count).try_for_each(|_| starts.recv().expect("a shard's thread says how its start went"))
}

/// Starts the thread that signs for a shard, on the shard's CPUs if the operator has named them.
fn signer(index: usize, waker: Waker, cpus: Option<Vec<usize>>) -> std::io::Result<Signer> {
    let desk = Arc::new(Desk::new(waker));
    let work = {
        let desk = desk.clone();
        move || {
            // Where that is not allowed, the shard says so.
            let _ = cpus.map(|cpus| uring::pin(&cpus));
            desk.work();
        }
    };
    let thread = thread::Builder::new().name(format!("tidegate-sign/{index}")).spawn(work)?;
    Ok(Signer::new(desk, thread.thread().clone()))
}

/// What one thread takes with it.
struct World {
    index: ShardIndex,
    cpus: Vec<usize>,
    null: Option<Arc<OwnedFd>>,
    wakeup: Wakeup,
    kept: Vec<RawFd>,
    heirlooms: Vec<Heirloom>,
    engine: Engine,
    sessions_max: u32,
    buffer_size: usize,
    pipes_max: u32,
    published: Arc<arc_swap::ArcSwap<Table>>,
    mailbox: Arc<Mailbox>,
    port: Arc<ControlPort>,
    shelves: Arc<Shelves>,
    signer: Option<Signer>,
    passage: RawFd,
}

impl World {
    fn live(mut self, started: &Sender<Result<(), StartFailure>>) {
        let engine = match self.settle() {
            Ok(()) => self.engine,
            Err(failure) => return said(started, Err(failure)),
        };
        match engine {
            Engine::IoUring => match Uring::new(self.uring_options()) {
                Ok(driver) => self.serve(driver, started),
                Err(refused) => said(started, Err(StartFailure::Ring(refused))),
            },
            Engine::Epoll => match Epoll::new(self.epoll_options()) {
                Ok(driver) => self.serve(driver, started),
                Err(errno) => said(started, Err(StartFailure::Epoll(errno))),
            },
        }
    }

    /// Makes the thread a shard's: on its CPUs, with files of its own.
    fn settle(&mut self) -> Result<(), StartFailure> {
        // A CPU may have been taken away since it was listed; the scheduler then chooses.
        let _ = uring::pin(&self.cpus);
        uring::unshare_files().map_err(StartFailure::Files)?;
        // The starter has a share in it for as long as shards start, so this does not close it.
        if let Some(null) = self.null.take() {
            process::leave_standard_streams(&null).map_err(|errno| StartFailure::Files(Errno(errno as i32)))?;
        }
        uring::close_inherited(&self.kept).map_err(StartFailure::Files)
    }

    fn serve<D: Driver>(self, driver: D, started: &Sender<Result<(), StartFailure>>) {
        let index = self.index;
        let mut shard = Shard::new(Parts {
            driver,
            index,
            published: self.published,
            sessions_max: self.sessions_max,
            mailbox: self.mailbox,
            port: self.port,
            passage: passage(self.passage),
            shelves: self.shelves,
            signer: self.signer,
            seed: (u64::from(std::process::id()) << 16) | u64::from(index.0),
            heirlooms: self.heirlooms,
        });
        said(started, Ok(()));
        // The kernel refuses what the shard stands on: nothing that it holds can go on.
        shard.run().unwrap_or_else(|errno| panic!("shard {}: waiting for events: {errno}", index.0));
    }

    fn uring_options(&self) -> uring::Options {
        uring::Options {
            sessions_max: self.sessions_max,
            buffer_count: self.buffer_count(),
            buffer_size: self.buffer_size,
            pipes_max: self.pipes_max,
            wakeup: self.wakeup.clone(),
        }
    }

    fn epoll_options(&self) -> epoll::Options {
        epoll::Options {
            sessions_max: self.sessions_max,
            buffer_count: self.buffer_count(),
            buffer_size: self.buffer_size,
            pipes_max: self.pipes_max,
            wakeup: self.wakeup.clone(),
        }
    }

    /// One for each flow, so that none waits for a buffer that another one holds.
    fn buffer_count(&self) -> u32 {
        2 * self.sessions_max + BUFFERS_BESIDE
    }
}

/// Passes sockets on by a descriptor that every file table keeps.
fn passage(through: RawFd) -> Passage {
    Box::new(move |sockets| {
        let numbers: Vec<RawFd> = sockets.iter().map(|socket| socket.0).collect();
        process::rights::pass(through, &numbers)
    })
}

fn said(started: &Sender<Result<(), StartFailure>>, result: Result<(), StartFailure>) {
    started.send(result).expect("the starter waits for every shard");
}

impl std::fmt::Display for StartFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartFailure::Wakeup(errno) => write!(f, "cannot make a wake-up for a shard ({errno})"),
            StartFailure::Thread(err) => write!(f, "cannot start a shard's thread ({err})"),
            StartFailure::Files(errno) => write!(f, "cannot give a shard a file table of its own ({errno})"),
            StartFailure::Rights(errno) => write!(f, "cannot give up root's rights ({errno})"),
            StartFailure::Ring(refused) => refused.fmt(f),
            StartFailure::Epoll(errno) => write!(f, "cannot make an epoll instance for a shard ({errno})"),
        }
    }
}
