//! Transcripts: events in, what the session wants out, as text. Times are milliseconds since the accept.

mod counters;
mod http;
mod inspect;
mod lines;
mod review;

use super::*;
use buf::Pool;
use driver::{Filled, Pipes, Received};
use std::fmt::Write;
use std::num::NonZeroU32;
use std::time::Duration;
use table::{
    Assignment, BackendLimits, BackendTimeouts, Balance, Bind, BindAddr, BindId, ClientTimeouts, Global, LogFormat,
    LogLine, LogPolicy, LogSink, LogTarget, Mode, PickKey, ProxyHeader, Redispatch, ServerAddr, ServerSettings, Splice,
    StateBook, Table, Waiter,
};

const FRONT: Fd = Fd(3);
const CLIENT: &str = "192.0.2.7:40000";

/// What a case's table looks like, where it is not the plain one.
#[derive(Clone, Copy)]
struct Setup {
    proxy_header: Option<ProxyHeader>,
    accept_proxy: bool,
    retries: u32,
    redispatch: Option<Redispatch>,
    servers: u16,
    client_fin: Option<Duration>,
    tunnel: Option<Duration>,
    /// Each server has one place, and somebody has it already.
    is_full: bool,
    is_inspected: bool,
    is_reviewed: bool,
    mode: Mode,
    log: fn() -> LogPolicy,
}

const PLAIN: Setup = Setup {
    proxy_header: None,
    accept_proxy: false,
    retries: 1,
    redispatch: None,
    servers: 1,
    client_fin: None,
    tunnel: None,
    is_full: false,
    is_inspected: false,
    is_reviewed: false,
    mode: Mode::Tcp,
    log: || LogPolicy::new(vec![0], LogFormat::Line(LogLine::tcplog())),
};

/// A session on a stage: its shard is played here.
struct Stage {
    session: Option<Session>,
    table: View,
    out: Outbox,
    pool: Pool,
    pipes: Pipes,
    next_fd: i32,
    said: String,
    /// Who has the places of the servers.
    others: Vec<Arc<Server>>,
}

impl Stage {
    fn new(setup: Setup) -> Stage {
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

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("started")
    }

    /// One step: `TIME EVENT`.
    fn play(&mut self, line: &str) {
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
                Ask::Source(_) => Some(Event::Source(Addr::Ip(([127, 0, 0, 1], 4711).into()))),
                Ask::Keep { .. } => {
                    writeln!(self.said, "    keep back").expect("a string");
                    continue;
                }
                Ask::Release(_, server) => {
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

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn millis(span: Option<Duration>) -> i128 {
    span.map_or(-1, |span| span.as_millis() as i128)
}

fn table(setup: Setup) -> Arc<Table> {
    let book = &mut StateBook::new(1);
    let name: Arc<str> = "pop3".into();
    let second = Some(Duration::from_secs(1));
    let servers = (1..=setup.servers).map(|number| {
        let server_name: Arc<str> = format!("s{number}").into();
        let settings = ServerSettings {
            proxy_header: setup.proxy_header,
            maxconn: NonZeroU32::new(u32::from(setup.is_full)),
            ..ServerSettings::default()
        };
        Arc::new(Server {
            state: book.server(&name, &server_name, &settings),
            name: server_name,
            backend_name: name.clone(),
            addr: ServerAddr::Ip(format!("203.0.113.{number}:110").parse().expect("an address")),
            settings,
        })
    });
    let servers = servers.collect();
    let backend = Backend {
        name: name.clone(),
        mode: setup.mode,
        rules: if setup.is_reviewed { review::rules() } else { table::BackendRules::default() },
        servers,
        balance: Balance::RoundRobin,
        hashing: table::Hashing::default(),
        all_backups: false,
        redispatch: setup.redispatch,
        retries: setup.retries,
        timeouts: BackendTimeouts {
            connect: second,
            queue: Some(Duration::from_millis(500)),
            server: Some(Duration::from_secs(60)),
            tunnel: setup.tunnel,
            ..BackendTimeouts::default()
        },
        limits: BackendLimits::default(),
        splice: Splice::ALWAYS,
        http: table::HttpBack::default(),
        log_targets: Vec::new(),
        logs_checks: false,
        state: book.backend(&name),
    };
    let bind = Bind {
        id: BindId(0),
        addr: BindAddr::Ip("0.0.0.0:110".parse().expect("an address")),
        name: None,
        backlog: 8,
        v6_only: None,
        device: None,
        ownership: table::Ownership::default(),
        number: 1,
        state: None,
        accept_proxy: setup.accept_proxy,
        tls: None,
        tuning: table::Tuning::default(),
    };
    let frontend = Frontend {
        name: name.clone(),
        mode: setup.mode,
        binds: vec![bind],
        admission: if setup.is_inspected { inspected() } else { table::Admission::default() },
        rules: Vec::new(),
        default_backend: Some(BackendId(0)),
        maxconn: None,
        maxconn_per_source: None,
        session_rate: None,
        timeouts: ClientTimeouts {
            client: Some(Duration::from_secs(30)),
            client_fin: setup.client_fin,
            ..ClientTimeouts::default()
        },
        splice: Splice::ALWAYS,
        http: table::HttpFront::default(),
        log: (setup.log)(),
        unique_id: table::UniqueId::default(),
        state: book.frontend(&name),
    };
    let target = LogTarget::to(LogSink::Stdout);
    let global = Global { maxconn: 10, ..Global::default() };
    let table = Table::new(1, global, vec![Arc::new(frontend)], vec![Arc::new(backend)], vec![target], book.process());
    table.take_over();
    Arc::new(table)
}

/// Five bytes within 500 ms, and not these.
fn inspected() -> table::Admission {
    use table::{
        Acl, Action, Compare, Condition, Fetch, Inspection, Matcher, NumberRange, Part, Rule, Speaker, Term, Test,
    };
    let rule = |action, part, matcher| {
        let test = Test::new(Fetch::Payload(Speaker::Client, part), matcher);
        let acl = Arc::new(Acl { name: "{ }".into(), tests: vec![test] });
        let condition = Condition { unless: false, alternatives: vec![vec![Term { negated: false, acl }]] };
        Rule { condition: Some(condition), action }
    };
    let evil = table::TextPatterns::new(Compare::Begin, false, [&b"EVIL"[..]]).expect("no expression");
    let five = NumberRange { least: Some(5), most: None };
    let rules = vec![
        rule(Action::Reject, Part::Slice { offset: 0, size: 5 }, Matcher::Text(evil)),
        rule(Action::Accept, Part::Length, Matcher::Numbers(vec![five])),
        Rule { condition: None, action: Action::Reject },
    ];
    let delay = Some(Duration::from_millis(500));
    table::Admission { content: Inspection { rules, delay }, ..table::Admission::default() }
}

/// Plays the lines of `script` that start with a time, and expects everything else as the session's answers.
fn check(setup: Setup, script: &str) {
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

#[test]
fn the_slot_of_a_session_stays_small() {
    assert!(size_of::<Session>() <= 512, "{} bytes", size_of::<Session>());
}

#[test]
fn a_server_that_speaks_first_then_both_end() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 connected back
            recv back Later
        2 received back +OK\r\n
            send front "+OK\\r\\n"
        3 sent front 5
            recv back Later
        4 received front QUIT\r\n
            send back "QUIT\\r\\n"
        5 sent back 2
            send back "IT\\r\\n"
        6 sent back 4
            recv front Later
        7 ended back
            finish front
        8 ended front
            close front Orderly
            close back Orderly
            log -- 0/1/8 in 6 out 5 retries 0 server s1
        9 closed front
        9 closed back
        "#,
    );
}

#[test]
fn a_client_that_speaks_early_is_held_until_the_server_is_there() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 received front EHLO
        2 connected back
            send back "EHLO"
            recv back Later
        3 broken back
            cancel back
        4 cancelled back
        4 unsent back
            close front Reset
            close back Reset
            log SD 0/2/4 in 4 out 0 retries 0 server s1
        5 closed back
        5 closed front
        "#,
    );
}

#[test]
fn the_proxy_header_goes_out_before_anything_else() {
    check(
        Setup { proxy_header: Some(ProxyHeader::V1), ..PLAIN },
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 received front A1
        2 connected back
            send back "PROXY TCP4 192.0.2.7 198.51.100.1 40000 110\\r\\n"
        3 sent back 45
            send back "A1"
            recv back Later
        "#,
    );
}

#[test]
fn a_greeting_in_pieces_names_the_client() {
    check(
        Setup { accept_proxy: true, proxy_header: Some(ProxyHeader::V1), ..PLAIN },
        r#"
            recv front Soon
        1 received front PROXY_TCP4_10.0.0.1_10.0.0.2_
            recv front Later
        2 received front 1000_143\r\nHELO
            connect back 203.0.113.1:110
        3 connected back
            send back "PROXY TCP4 10.0.0.1 10.0.0.2 1000 143\\r\\n"
        4 sent back 39
            send back "HELO"
            recv back Later
        "#,
    );
}

#[test]
fn a_greeting_that_is_none_ends_the_session_at_once() {
    check(
        Setup { accept_proxy: true, ..PLAIN },
        r#"
            recv front Soon
        1 received front EHLO
            close front Orderly
            log Received something which does not look like a PROXY protocol header
        2 closed front
        "#,
    );
}

#[test]
fn a_greeting_that_never_comes_is_waited_for_as_long_as_a_client_may_be_silent() {
    check(
        Setup { accept_proxy: true, ..PLAIN },
        r#"
            recv front Soon
        29999 timeout
        30000 timeout
            cancel front
        30001 stopped front
        30001 cancelled front
            close front Orderly
            log Timeout while waiting for PROXY protocol header
        30002 closed front
        "#,
    );
}

#[test]
fn a_server_that_refuses_is_tried_again_after_a_second() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 refused back
            close back Orderly
        2 closed back
        1000 timeout
        1001 timeout
            connect back 203.0.113.1:110
        1002 refused back
            cancel front
        1003 cancelled front
        1003 stopped front
            close front Orderly
            close back Orderly
            log SC 0/-1/1003 in 0 out 0 retries 1 server s1
        1004 closed front
        1004 closed back
        "#,
    );
}

#[test]
fn one_who_waits_gets_the_place_of_one_who_leaves() {
    check(
        Setup { is_full: true, ..PLAIN },
        r#"
            recv front Soon
        100 received front A1
        200 left
            connect back 203.0.113.1:110
        201 connected back
            send back "A1"
            recv back Later
        202 broken back
            cancel back
        203 cancelled back
        203 unsent back
            close front Reset
            close back Reset
            log SD 200/1/203 in 2 out 0 retries 0 server s1
        204 closed back
        204 closed front
        "#,
    );
}

#[test]
fn waiting_has_an_end() {
    check(
        Setup { is_full: true, ..PLAIN },
        r#"
            recv front Soon
        499 timeout
        500 timeout
            cancel front
        501 left
        502 stopped front
        502 cancelled front
            close front Orderly
            log sQ 502/-1/502 in 0 out 0 retries 0 server none
        503 closed front
        "#,
    );
}

/// Measured with HAProxy: one who leaves without a word is noticed; one who has said something is served first.
#[test]
fn a_client_may_leave_the_line() {
    check(
        Setup { is_full: true, ..PLAIN },
        r#"
            recv front Soon
        20 ended front
            close front Orderly
            log CQ 20/-1/20 in 0 out 0 retries 0 server none
        21 closed front
        "#,
    );
    check(
        Setup { is_full: true, ..PLAIN },
        r#"
            recv front Soon
        20 broken front
            close front Orderly
            log CQ 20/-1/20 in 0 out 0 retries 0 server none
        21 closed front
        "#,
    );
}

#[test]
fn with_redispatch_another_server_is_tried_at_once() {
    check(
        Setup { servers: 2, redispatch: Some(Redispatch::Last(1)), ..PLAIN },
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 refused back
            close back Orderly
        2 closed back
            connect back 203.0.113.2:110
        3 connected back
            recv back Later
        4 ended back
            finish front
        5 ended front
            close front Orderly
            close back Orderly
            log -- 2/1/5 in 0 out 0 retries +1 server s2
        6 closed front
        6 closed back
        "#,
    );
}

#[test]
fn a_connect_that_succeeds_while_it_is_cancelled_is_given_up_all_the_same() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1000 timeout
            cancel back
        1001 connected back
        1001 cancelled back
            close back Orderly
        1002 closed back
            connect back 203.0.113.1:110
        2002 timeout
            cancel front
            cancel back
        2003 unconnected back
        2003 cancelled back
        2003 cancelled front
        2003 stopped front
            close front Orderly
            close back Orderly
            log sC 0/-1/2003 in 0 out 0 retries 1 server s1
        2004 closed front
        2004 closed back
        "#,
    );
}

#[test]
fn a_client_reset_reaches_the_server_as_a_reset() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 connected back
            recv back Later
        2 broken front
            cancel back
        3 stopped back
        3 cancelled back
            close front Orderly
            close back Reset
            log CD 0/1/3 in 0 out 0 retries 0 server s1
        4 closed front
        4 closed back
        "#,
    );
}

#[test]
fn two_sides_idle_together_are_the_clients_fault() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 connected back
            recv back Later
        20000 received back x
            send front "x"
        20001 sent front 1
            recv back Later
        50000 timeout
        50001 timeout
            cancel front
            cancel back
        50002 stopped back
        50002 stopped front
        50002 cancelled back
        50002 cancelled front
            close front Orderly
            close back Orderly
            log cD 0/1/50002 in 0 out 1 retries 0 server s1
        50003 closed front
        50003 closed back
        "#,
    );
}

#[test]
fn a_slow_reader_is_not_idle_while_it_takes_bytes_and_its_server_waits_with_it() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 connected back
            recv back Later
        2 received back 0123456789
            send front "0123456789"
        29000 sent front 4
            send front "456789"
        58000 timeout
        59000 timeout
            cancel front
        59001 cancelled front
        59001 stopped front
        59001 unsent front
            close front Reset
            close back Orderly
            log cD 0/1/59001 in 0 out 10 retries 0 server s1
        59002 closed front
        59002 closed back
        "#,
    );
}

#[test]
fn a_half_closed_client_waits_for_the_server_alone() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 connected back
            recv back Later
        2 ended front
            finish back
        30100 timeout
        60001 timeout
            cancel back
        60002 stopped back
        60002 cancelled back
            close front Orderly
            close back Orderly
            log sD 0/1/60002 in 0 out 0 retries 0 server s1
        60003 closed front
        60003 closed back
        "#,
    );
}

#[test]
fn a_flow_that_fills_its_buffers_is_spliced_until_it_brings_little() {
    let mut stage = Stage::new(PLAIN);
    let whole = "x".repeat(1024);
    stage.play("1 connected back");
    for _ in 0..3 {
        stage.play(&format!("2 received back {whole}"));
        stage.play("3 sent front 1024");
    }
    stage.said.clear();
    stage.play("4 filled back 65536");
    stage.play("5 drained front 65536 60000");
    stage.play("6 drained front 5536 5536");
    for _ in 0..4 {
        stage.play("7 filled back 100");
        stage.play("8 drained front 100 100");
    }
    stage.play("9 received back bye");
    let expected = ["4 filled back 65536", "drain front 65536", "5 drained front 65536 60000", "drain front 5536"];
    let small = ["fill back", "7 filled back 100", "drain front 100", "8 drained front 100 100"];
    let last = ["recv back Soon", "9 received back bye", "send front \"bye\""];
    let said: Vec<&str> = stage.said.lines().map(str::trim).collect();
    let wanted: Vec<&str> =
        expected.into_iter().chain(["6 drained front 5536 5536"]).chain(small.repeat(4)).chain(last).collect();
    assert_eq!(said, wanted);
}

#[test]
fn without_a_pipe_a_busy_flow_is_copied() {
    let mut stage = Stage::new(PLAIN);
    let whole = "x".repeat(1024);
    stage.play("1 connected back");
    for _ in 0..3 {
        stage.play(&format!("2 received back {whole}"));
        stage.play("3 sent front 1024");
    }
    assert!(stage.said.ends_with("fill back\n"), "{}", stage.said);
    stage.play("4 unfilled back");
    assert!(stage.said.ends_with("recv back Soon\n"), "{}", stage.said);
}

#[test]
fn told_to_end_it_ends_once_nothing_is_in_flight() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 connected back
            recv back Later
        2 shutdown D
            cancel front
            cancel back
        2 cancelled front
        2 cancelled back
        2 shutdown K
        2 stopped front
        2 stopped back
            close front Orderly
            close back Orderly
            log D- 0/1/2 in 0 out 0 retries 0 server s1
        3 closed front
        3 closed back
        3 shutdown K
        "#,
    );
}

/// A client that was promised bytes which will not come sees a reset.
#[test]
fn told_to_end_with_bytes_on_their_way() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 connected back
            recv back Later
        2 received back bye
            send front "bye"
        3 shutdown U
            cancel front
        3 cancelled front
        3 stopped front
        3 unsent front
            close front Reset
            close back Orderly
            log U- 0/1/3 in 0 out 3 retries 0 server s1
        4 closed front
        4 closed back
        "#,
    );
}

#[test]
fn told_to_end_while_it_connects() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 shutdown K
            cancel front
            cancel back
        2 cancelled front
        2 stopped front
        2 cancelled back
        2 connected back
            close front Orderly
            close back Orderly
            log KC 0/-1/2 in 0 out 0 retries 0 server s1
        3 closed front
        3 closed back
        "#,
    );
}

/// The failed attempt's socket is being closed already: nothing may follow a close.
#[test]
fn told_to_end_between_two_attempts() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 refused back
            close back Orderly
        2 shutdown D
            cancel front
        2 cancelled front
        2 stopped front
        3 closed back
            close front Orderly
            log DC 0/-1/3 in 0 out 0 retries 1 server s1
        4 closed front
        "#,
    );
}

#[test]
fn an_outbox_is_empty_again_after_each_event() {
    let mut stage = Stage::new(PLAIN);
    stage.play("1 connected back");
    assert!(stage.out.is_empty());
    assert_eq!(stage.session().phase(), Phase::Relaying);
    assert_eq!(stage.session().deadline(), Some(at(1) + Duration::from_secs(30)));
}
