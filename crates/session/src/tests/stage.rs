//! A stage for one session: its shard is played here. Events come in as lines of text, what the session wants goes out as such.

use super::setup::{Setup, table};
use crate::{Arrival, Ask, Cause, End, Event, Link, Outbox, Progress, RecordKind, Session, Shutdown, View};
use buf::Pool;
use driver::{Addr, Done, Errno, Fd, Filled, Instant, Op, Pipes, Received, Side};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use table::{Assignment, FrontendId, PickKey, Server, ShardIndex, Waiter};

const FRONT: Fd = Fd(3);

const CLIENT: &str = "192.0.2.7:40000";

pub(super) struct Stage {
    session: Option<Session>,
    pub(super) table: View,
    pub(super) out: Outbox,
    pub(super) pool: Pool,
    pipes: Pipes,
    next_fd: i32,
    pub(super) said: String,
    /// Who has the places of the servers.
    others: Vec<Arc<Server>>,
}

impl Stage {
    pub(super) fn new(setup: Setup) -> Stage {
        let pool = Pool::new(8, 1024).expect("eight kilobytes");
        let table = View::new(table(setup));
        let out = Outbox::new(pool.clone());
        let pipes = Pipes::new();
        (0..2).for_each(|index| pipes.add(index));
        let mut stage = Stage {
            pipes,
            session: None,
            table: table.clone(),
            out,
            pool,
            next_fd: 4,
            said: String::new(),
            others: Vec::new(),
        };
        if setup.is_full {
            let backend = &table.backends[0];
            stage.others.extend(std::iter::from_fn(|| backend.pick(&PickKey::default())));
        }
        let arrival = Arrival {
            table,
            frontend: FrontendId(0),
            listener: 1,
            expects_header: setup.accept_proxy,
            fd: FRONT,
            client: Addr::Ip(CLIENT.parse().expect("an address")),
            destination: Addr::Ip("198.51.100.1:110".parse().expect("an address")),
            shard: ShardIndex(0),
        };
        stage.session = Some(Session::start(arrival, at(0), &mut stage.out));
        stage.settle(0);
        stage
    }

    pub(super) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("started")
    }

    /// One step: `TIME EVENT`.
    pub(super) fn play(&mut self, line: &str) {
        writeln!(self.said, "{line}").expect("a string");
        let words: Vec<&str> = line.split_whitespace().collect();
        let now: u64 = words[0].parse().expect("milliseconds");
        let side = match words.get(2) {
            Some(&"back") => Side::Back,
            _ => Side::Front,
        };
        let done = match words[1] {
            "received" => Done::Received(Ok(self.bytes(words[3]))),
            "ended" => Done::Received(Ok(Received::End)),
            "broken" => Done::Received(Err(Errno::ECONNRESET)),
            "stopped" => Done::Received(Err(Errno::ECANCELED)),
            "connected" => Done::Connected(Ok(())),
            "refused" => Done::Connected(Err(Errno::ECONNREFUSED)),
            "unconnected" => Done::Connected(Err(Errno::ECANCELED)),
            "sent" => {
                Done::Sent { lease: self.pool.lease().expect("eight"), result: Ok(words[3].parse().expect("a count")) }
            }
            "unsent" => Done::Sent { lease: self.pool.lease().expect("eight"), result: Err(Errno::EPIPE) },
            "filled" => {
                let mut pipe = self.pipes.take().expect("two");
                pipe.on_filled(words[3].parse().expect("a count"));
                Done::Filled(Ok(Filled::Bytes(pipe)))
            }
            "unfilled" => Done::Filled(Ok(Filled::NoPipe)),
            "drained" => {
                let (held, count) = (words[3].parse().expect("a count"), words[4].parse().expect("a count"));
                let mut pipe = self.pipes.take().expect("two");
                pipe.on_filled(held);
                pipe.on_drained(count);
                Done::Drained { pipe, result: Ok(count) }
            }
            "cancelled" => Done::Cancelled,
            "closed" => Done::Closed,
            "left" => {
                let server = self.others.pop().expect("somebody was there");
                self.table.backends[0].release(&server);
                return self.take_grant(now);
            }
            "timeout" => {
                let mut session = self.session.take().expect("started");
                session.handle_timeout(at(now), &mut self.out);
                self.session = Some(session);
                return self.settle(now);
            }
            "shutdown" => {
                let why = match words[2] {
                    "D" => Shutdown::ServerDown,
                    "U" => Shutdown::ActiveUp,
                    _ => Shutdown::Operator,
                };
                let mut session = self.session.take().expect("started");
                session.shut_down(at(now), why, &mut self.out);
                self.session = Some(session);
                return self.settle(now);
            }
            other => panic!("no such event: {other}"),
        };
        self.give(now, Event::Done(side, done));
    }

    fn give(&mut self, now: u64, event: Event) {
        let mut session = self.session.take().expect("started");
        session.handle(at(now), event, &mut self.out);
        self.session = Some(session);
        self.settle(now);
    }

    fn bytes(&self, text: &str) -> Received {
        let mut lease = self.pool.lease().expect("eight");
        let text = text.replace("\\r", "\r").replace("\\n", "\n").replace('_', " ");
        lease.bytes_mut()[..text.len()].copy_from_slice(text.as_bytes());
        Received::Bytes { lease, count: text.len() as u32, more: false }
    }

    /// Writes down what the session wants, and answers its questions as a shard does.
    fn settle(&mut self, now: u64) {
        let mut answers = Vec::new();
        for (side, op) in self.out.ops.drain(..) {
            let side = if side == Side::Front { "front" } else { "back" };
            let text = match op {
                Op::Recv { hope, .. } => format!("recv {side} {hope:?}"),
                Op::Send { lease, start, end, .. } => {
                    format!("send {side} {:?}", lease.bytes()[start as usize..end as usize].escape_ascii().to_string())
                }
                Op::Fill { count_max: u32::MAX, .. } => format!("fill {side}"),
                Op::Fill { count_max, .. } => format!("fill {side} {count_max}"),
                Op::Drain { pipe, .. } => format!("drain {side} {}", pipe.held()),
                Op::Connect { addr, .. } => format!("connect {side} {addr}"),
                Op::Finish { .. } => {
                    answers.push(if side == "front" { Side::Front } else { Side::Back });
                    format!("finish {side}")
                }
                Op::Cancel { .. } => format!("cancel {side}"),
                Op::Close { ending, .. } => format!("close {side} {ending:?}"),
                Op::Entrust { .. } | Op::SendAlert { .. } | Op::RecvRecord { .. } => unreachable!("there is no TLS"),
                Op::Readable { .. } => unreachable!("sessions ask for bytes"),
            };
            writeln!(self.said, "    {text}").expect("a string");
        }
        // What a driver does with pipes that were given up: ours hold nothing but a number.
        while let Some(index) = self.pipes.take_spoiled() {
            self.pipes.add(index);
        }
        for record in self.out.records.drain(..) {
            let text = match record.kind {
                RecordKind::Connect => "log connect".into(),
                RecordKind::Ended(Progress { end: End { cause: Cause::BadHeader(why), .. }, .. }) => {
                    format!("log {why}")
                }
                RecordKind::Connected(progress) | RecordKind::Ended(progress) => {
                    let Progress { end, times, bytes_in, bytes_out, retries, is_redispatched, server, source, .. } =
                        progress;
                    let source = source.map_or(String::new(), |source| format!(" from {source}"));
                    format!(
                        "log {} {}/{}/{} in {bytes_in} out {bytes_out} retries {}{retries} server {}{source}",
                        end.termination_code(),
                        millis(times.queue),
                        millis(times.connect),
                        millis(Some(times.total)),
                        if is_redispatched { "+" } else { "" },
                        server.map_or("none".into(), |server| server.name.to_string()),
                    )
                }
            };
            writeln!(self.said, "    {text}").expect("a string");
        }
        self.out.end = None;
        for ask in std::mem::take(&mut self.out.asks) {
            let backend = Arc::clone(&self.table.backends[0]);
            let event = match ask {
                Ask::Server { hash, avoid, imposed, takes_down } => {
                    let avoid = avoid.as_ref().map(|server| &*server.state);
                    let imposed = imposed.as_ref().map(|server| &*server.state);
                    let waiter = Waiter { shard: ShardIndex(0), session: 1 };
                    match backend.assign(&PickKey { hash, avoid, imposed, takes_down, ..PickKey::default() }, waiter) {
                        Assignment::Server(server) => Some(self.socket(server)),
                        Assignment::Queued(ticket, server) => Some(Event::Queued(ticket, server)),
                        Assignment::LineFull(server) => Some(Event::LineFull(server)),
                        Assignment::NoServer => None,
                    }
                }
                Ask::Socket(server) => Some(self.socket(server)),
                Ask::Alarm(..) => continue,
                Ask::Errand(mut errand) => {
                    errand.run();
                    Some(Event::Errand(errand))
                }
                Ask::Source(_) => Some(Event::Source(Addr::Ip(([127, 0, 0, 1], 4711).into()))),
                Ask::Keep { .. } => {
                    writeln!(self.said, "    keep back").expect("a string");
                    continue;
                }
                Ask::Release { server, .. } => {
                    backend.release(&server);
                    continue;
                }
            };
            self.give(now, event.unwrap_or(Event::NoServer));
        }
        for side in answers {
            self.give(now, Event::Done(side, Done::Finished(Ok(()))));
        }
    }

    /// What a shard does with its inbox.
    fn take_grant(&mut self, now: u64) {
        let Some(grant) = self.table.process.inboxes.take(ShardIndex(0)) else { return };
        if !self.session().waits_with(grant.ticket) {
            return grant.hand_back();
        }
        self.next_fd += 1;
        let event =
            Event::Granted { server: grant.server, link: Ok(Link::Fresh(Fd(self.next_fd))), passed: grant.passed };
        self.give(now, event);
    }

    fn socket(&mut self, server: Arc<Server>) -> Event {
        self.next_fd += 1;
        Event::Assigned { server, link: Ok(Link::Fresh(Fd(self.next_fd))) }
    }
}

pub(super) fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn millis(span: Option<Duration>) -> i128 {
    span.map_or(-1, |span| span.as_millis() as i128)
}

/// Plays the lines of `script` that start with a time, and expects everything else as the session's answers.
pub(super) fn check(setup: Setup, script: &str) {
    let mut stage = Stage::new(setup);
    let lines: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for line in &lines {
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            stage.play(line);
        }
    }
    let said: Vec<&str> = stage.said.lines().map(str::trim).collect();
    assert_eq!(said, lines, "\n{}", stage.said);
    if stage.session().is_closed() {
        assert_eq!(stage.pool.free_count(), 8, "a lease leaked");
        let backend = &stage.table.backends[0];
        stage.others.drain(..).for_each(|server| backend.release(&server));
        assert_eq!(backend.state.waiting(), 0, "a ticket was kept");
        assert!(backend.servers.iter().all(|server| server.state.conns() == 0), "a server was not released");
        assert_eq!(stage.table.process.conns.current(), 0);
    }
}

/// The way to the server is open since 1 ms, and both sides are heard.
const OPEN: &str = "
            recv front Soon
            connect back 203.0.113.1:110
        1 connected back
            recv back Later
";

/// As [`check`], with `script` following on [`OPEN`].
pub(super) fn check_open(setup: Setup, script: &str) {
    check(setup, &format!("{OPEN}{script}"));
}
