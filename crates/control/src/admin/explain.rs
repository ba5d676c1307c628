//! `explain src=… dst=… [sni=…]`, a command of our own: what would become of a connection, and why. It takes nothing: no place, no
//! turn of a server, no count.
//!
//! It asks the very functions that sessions ask, of the table in force and of the states at this moment.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use table::{
    Action, Asked as Ruled, Backend, Balance, Bind, BindAddr, Change, Condition, Facts, Frontend, FrontendId, HashKey,
    Heard, Payload, PickKey, Preview, Rule, Server, Standing, Table, Variables, Whence, ask, switching,
};

const USAGE: &str = "usage: explain src=<ip>[:<port>] dst=<ip>:<port> [sni=<name>]\n";

pub(super) fn explain(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    match asked(call.arguments) {
        Some(asked) => answer(desk.table, &asked).into(),
        None => USAGE.into(),
    }
}

/// The connection that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    src: SocketAddr,
    dst: SocketAddr,
    /// The host that a ClientHello names.
    sni: Option<String>,
}

fn asked(words: &[String]) -> Option<Asked> {
    let (mut src, mut dst, mut sni) = (None, None, None);
    for word in words {
        match word.split_once('=')? {
            ("src", addr) => {
                src = Some(addr.parse().or_else(|_| addr.parse().map(|ip: IpAddr| SocketAddr::new(ip, 0))).ok()?)
            }
            ("dst", addr) => dst = Some(addr.parse().ok()?),
            ("sni", name) => sni = Some(name.to_owned()),
            _ => return None,
        }
    }
    Some(Asked { src: src?, dst: dst?, sni })
}

fn answer(table: &Table, asked: &Asked) -> String {
    let mut text = String::new();
    // A string takes all of this.
    let Some((id, bind)) = listener(table, asked.dst) else {
        let _ = writeln!(text, "listener: none at {}; the system would refuse the connection", asked.dst);
        return text;
    };
    let frontend = table.frontend(id);
    let _ = writeln!(text, "frontend: {} listens at {}", frontend.name, bind.addr);
    match frontend.state.standing() {
        Standing::Open => (),
        Standing::Paused | Standing::Stopped => {
            let _ = writeln!(text, "          but was told not to; the system would refuse the connection");
            return text;
        }
    }
    let is_v6 = matches!(bind.addr, BindAddr::Ip(SocketAddr::V6(_)));
    let (src, dst) = if is_v6 { (mapped(asked.src), mapped(asked.dst)) } else { (asked.src, asked.dst) };
    let mut known = Known { src: Some(src), dst: Some(dst), variables: Variables::default() };
    let facts = Facts::new(table, id, None, None);
    if bind.accept_proxy {
        let _ = writeln!(text, "header:   src and dst are taken for what the PROXY header says");
    }
    let _ = writeln!(text, "limits:   {}", limits(table, frontend));
    let admission = &frontend.admission;
    for (what, rules) in
        [("tcp-request connection", &admission.connection), ("tcp-request session", &admission.session)]
    {
        if !verdict(&mut text, what, rules, &mut known, &facts) {
            return text;
        }
    }
    let hello = asked.sni.as_deref().map(client_hello).unwrap_or_default();
    let facts = Facts { heard: Heard::Client(Payload { bytes: &hello, is_final: true }), ..facts };
    if !verdict(&mut text, "tcp-request content", &admission.content.rules, &mut known, &facts) {
        return text;
    }
    let Some(backend) = backend(&mut text, frontend, &known.within(&facts)) else { return text };
    let facts = Facts { backend: Some(backend), ..facts };
    let backend = table.backend(backend);
    let has_rules_of_its_own = backend.name != frontend.name;
    let rules = &backend.rules.request.rules;
    if has_rules_of_its_own && !verdict(&mut text, "tcp-request content of the backend", rules, &mut known, &facts) {
        return text;
    }
    server(&mut text, table, backend, &known.within(&facts));
    text
}

/// Who listens at `dst`: an address of its own comes before a wildcard, as in the kernel.
fn listener(table: &Table, dst: SocketAddr) -> Option<(FrontendId, &Bind)> {
    let binds = table
        .frontends
        .iter()
        .zip(0..)
        .flat_map(|(frontend, index)| frontend.binds.iter().map(move |bind| (FrontendId(index), bind)));
    let fit = |bind: &Bind| match bind.addr {
        BindAddr::Ip(addr) if addr.port() != dst.port() => None,
        BindAddr::Ip(addr) if addr.ip() == dst.ip() => Some(0),
        BindAddr::Ip(SocketAddr::V4(addr)) if addr.ip().is_unspecified() && dst.is_ipv4() => Some(1),
        BindAddr::Ip(SocketAddr::V6(addr))
            if addr.ip().is_unspecified() && (dst.is_ipv6() || bind.v6_only != Some(true)) =>
        {
            Some(2)
        }
        BindAddr::Ip(_) | BindAddr::Unix(_) | BindAddr::Abstract(_) | BindAddr::Inherited(_) => None,
    };
    let fitting = binds.filter_map(|(id, bind)| fit(bind).map(|rank| (rank, id, bind)));
    fitting.min_by_key(|&(rank, ..)| rank).map(|(_, id, bind)| (id, bind))
}

/// As a socket of both families sees an IPv4 address.
fn mapped(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), addr.port()),
        IpAddr::V6(_) => addr,
    }
}

fn limits(table: &Table, frontend: &Frontend) -> String {
    let (own, process) = (&frontend.state.limiter, &table.process.limiter);
    let is_full = own.admitted() >= own.limit() || process.admitted() >= process.limit();
    let of_process = format!("{} of {} connections in the process", process.admitted(), process.limit());
    let of_frontend = match frontend.maxconn {
        Some(_) => format!("{} of {} here, ", own.admitted(), own.limit()),
        None => String::new(),
    };
    let end = if is_full { ": it would wait in the queue of the kernel" } else { "" };
    format!("{of_frontend}{of_process}{end}")
}

/// What rules have made of the connection so far.
struct Known {
    src: Option<SocketAddr>,
    dst: Option<SocketAddr>,
    variables: Variables,
}

impl Known {
    fn within<'k>(&'k self, facts: &Facts<'k>) -> Facts<'k> {
        Facts { src: self.src, dst: self.dst, variables: &self.variables, ..*facts }
    }

    fn make(&mut self, change: Change) {
        let Known { src, dst, variables } = self;
        let end = |whence| match whence {
            Whence::Source => src,
            Whence::Destination => dst,
        };
        match change {
            Change::Variable(variable, value) => variables.put(variable, value),
            Change::Addr(whence, addr) => whence.put_addr(addr, end(whence)),
            Change::Port(whence, port) => whence.put_port(port, end(whence)),
            // They are for lines of the log.
            Change::Captured(..) | Change::LineLevel(_) => (),
        }
    }
}

/// Tells which rule decides, if there are any; answers whether the connection goes on.
fn verdict(text: &mut String, what: &str, rules: &[Rule], known: &mut Known, facts: &Facts<'_>) -> bool {
    if rules.is_empty() {
        return true;
    }
    let (goes_on, why) = match ruled(rules, known, facts) {
        Some((index, action)) => {
            let (goes_on, word) = match action {
                Action::Accept => (true, "accept"),
                Action::Reject => (false, "reject"),
                Action::Drop => (false, "silent-drop"),
            };
            (goes_on, format!("{word}, by rule {}{}", index + 1, because(rules[index].condition.as_ref())))
        }
        None => (true, format!("accept, none of {} rules holds", rules.len())),
    };
    let _ = writeln!(text, "rules:    {what}: {why}");
    goes_on
}

/// The rule that decides, if one does, and how.
fn ruled(rules: &[Rule], known: &mut Known, facts: &Facts<'_>) -> Option<(usize, Action)> {
    let mut place = 0;
    loop {
        match ask(rules, &mut place, &known.within(facts)) {
            Ruled::Decided(index, action) => return Some((index, action)),
            Ruled::Open | Ruled::Passed => return None,
            Ruled::Changes(change) => known.make(change),
        }
    }
}

fn backend(text: &mut String, frontend: &Frontend, facts: &Facts<'_>) -> Option<table::BackendId> {
    let by_rule = switching(frontend, facts).map(|index| (index, &frontend.rules[index]));
    let chosen = by_rule.and_then(|(index, rule)| Some((index, rule, rule.backend.of(frontend.mode, facts)?)));
    let (id, why) = match (chosen, frontend.default_backend) {
        (Some((index, rule, id)), _) => {
            (id, format!("by use_backend rule {}{}", index + 1, because(rule.condition.as_ref())))
        }
        (None, Some(id)) if by_rule.is_some() => {
            (id, "the default, as no backend has the name that a rule makes".to_owned())
        }
        (None, Some(id)) if frontend.rules.is_empty() => (id, "the default".to_owned()),
        (None, Some(id)) => (id, format!("the default, none of {} use_backend rules holds", frontend.rules.len())),
        (None, None) => {
            let _ = writeln!(text, "backend:  none; the session would end");
            return None;
        }
    };
    let _ = writeln!(text, "backend:  {}, {why}", facts.table.backend(id).name);
    Some(id)
}

fn server(text: &mut String, table: &Table, backend: &Backend, facts: &Facts<'_>) {
    let imposing = backend.rules.imposing(facts, backend.rules.persisting(|| *facts));
    let imposing = imposing.map(|(index, server)| (index, &backend.rules.servers[index], server));
    let imposed = imposing.map(|(_, _, server)| &*table.server(server).state);
    let why = match imposing {
        Some((index, rule, _)) => format!("by use-server rule {}{}", index + 1, because(Some(&rule.condition))),
        None => match backend.balance {
            Balance::RoundRobin | Balance::StaticRr => "next in turn".to_owned(),
            Balance::LeastConn => "fewest connections for its weight".to_owned(),
            Balance::First => "first that has a place".to_owned(),
            Balance::Hash(_) => format!("by the hash of {}", hashed(&backend.hashing.key)),
            Balance::Random { draws } => format!("one of those that {draws} random draws may choose"),
        },
    };
    let key = PickKey { hash: backend.hash(|| *facts), imposed, ..PickKey::default() };
    let _ = match backend.preview(&key) {
        Preview::Server(server) => writeln!(text, "server:   {}, {why}; {}", server.name, load(&server)),
        Preview::Line(server) => {
            writeln!(text, "server:   {}, {why}; {}: it would wait in its line", server.name, load(&server))
        }
        Preview::LineFull(server) => {
            writeln!(
                text,
                "server:   {}, {why}; {}: its line is full, the session would end",
                server.name,
                load(&server)
            )
        }
        Preview::AnyLine => writeln!(
            text,
            "server:   none has a place; it would wait behind {} others for at most {}",
            backend.state.queued(),
            backend.timeouts.queue.map_or("ever".to_owned(), |time| format!("{} ms", time.as_millis()))
        ),
        Preview::NoServer => writeln!(text, "server:   none is usable; the session would end"),
    };
}

/// What a key is made of, as the file has it.
fn hashed(key: &HashKey) -> &'static str {
    match key {
        HashKey::Source => "src",
        HashKey::Uri(_) => "the target",
        HashKey::Parameter(_) | HashKey::PostedParameter(_) => "a parameter",
        HashKey::Field { .. } => "a field",
        HashKey::Expression(_) => "an expression",
    }
}

fn load(server: &Server) -> String {
    let most = server.state.maxconn().map_or(String::new(), |most| format!(" of {most}"));
    format!(
        "{} at {}, {}{most} connections, weight {}",
        up(server),
        server.address(),
        server.state.conns(),
        server.state.weight()
    )
}

fn up(server: &Server) -> &'static str {
    if server.state.is_up() { "up" } else { "down" }
}

/// The names in the alternatives of a condition, as the file has them.
fn because(condition: Option<&Condition>) -> String {
    let Some(condition) = condition else { return " (always)".into() };
    let term = |term: &table::Term| format!("{}{}", if term.negated { "!" } else { "" }, term.acl.name);
    let all = |terms: &Vec<table::Term>| terms.iter().map(term).collect::<Vec<_>>().join(" ");
    let any = condition.alternatives.iter().map(all).collect::<Vec<_>>().join(" or ");
    format!(" ({} {any})", if condition.unless { "unless" } else { "if" })
}

/// The least that says which host is wanted (RFC 8446 §4.1.2, RFC 6066 §3).
fn client_hello(name: &str) -> Vec<u8> {
    let counted = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let entry = [&[0][..], &counted(name.as_bytes())].concat();
    let extension = [&[0, 0][..], &counted(&counted(&entry))].concat();
    let body = [&[3, 3][..], &[0; 32], &[0], &[0, 2, 0x13, 0x01], &[1, 0], &counted(&extension)].concat();
    let message = [&[1, 0][..], &counted(&body)].concat();
    [&[22, 3, 1][..], &counted(&message)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::tests::table_of;

    const FILE: &str = "
        frontend fe
            bind :143
            bind 192.0.2.80:443
            tcp-request connection reject if { src 203.0.113.0/24 }
            acl inside src 10.0.0.0/8
            acl admin req.ssl_sni admin.example
            use_backend internal if inside !admin
            use_backend never if admin
            default_backend be
        backend be
            balance leastconn
            server s1 192.0.2.1:1 weight 7
            server s2 192.0.2.2:1 maxconn 4
        backend internal
            balance source
            use-server i2 if { src 10.0.0.9 }
            server i1 192.0.2.3:1
            server i2 192.0.2.4:1
        backend never
        frontend six
            bind :::993
            default_backend be
    ";

    fn explained(words: &str) -> String {
        let table = table_of(FILE);
        table.take_over();
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let before = table.backends[0].state.waiting();
        let text = answer(&table, &asked(&words).expect("well asked"));
        let is_untouched =
            table.backends.iter().flat_map(|backend| &backend.servers).all(|server| server.state.conns_total() == 0);
        assert!(is_untouched && table.backends[0].state.waiting() == before, "it takes nothing");
        text
    }

    #[test]
    fn to_the_default() {
        assert_eq!(
            explained("src=198.51.100.1 dst=192.0.2.80:143"),
            "frontend: fe listens at 0.0.0.0:143\n\
             limits:   0 of 1000 connections in the process\n\
             rules:    tcp-request connection: accept, none of 1 rules holds\n\
             backend:  be, the default, none of 2 use_backend rules holds\n\
             server:   s1, fewest connections for its weight; up at 192.0.2.1:1, 0 connections, weight 7\n"
        );
    }

    #[test]
    fn by_rules() {
        let text = explained("src=10.0.0.9:1024 dst=192.0.2.80:443");
        assert!(text.starts_with("frontend: fe listens at 192.0.2.80:443\n"), "{text}");
        assert!(text.contains("backend:  internal, by use_backend rule 1 (if inside !admin)\n"), "{text}");
        assert!(text.contains("server:   i2, by use-server rule 1 (if { }); up at 192.0.2.4:1"), "{text}");
        let text = explained("src=10.0.0.9 dst=192.0.2.80:443 sni=admin.example");
        assert!(text.contains("backend:  never, by use_backend rule 2 (if admin)\n"), "{text}");
        assert!(text.ends_with("server:   none is usable; the session would end\n"), "{text}");
        let text = explained("src=203.0.113.5 dst=192.0.2.80:443");
        assert!(text.ends_with("tcp-request connection: reject, by rule 1 (if { })\n"), "{text}");
    }

    #[test]
    fn by_what_rules_keep() {
        const FILE: &str = "
            frontend fe
                bind :143
                tcp-request connection set-src str(10.0.0.9) if { src 192.0.2.7 }
                tcp-request session set-var(sess.inside) bool(true) if { src 10.0.0.0/8 }
                tcp-request session reject if { var(sess.inside) -m bool } { src 10.0.0.8 }
                use_backend internal if { var(sess.inside) -m bool }
                default_backend be
            backend be
            backend internal
        ";
        let table = table_of(FILE);
        let explained = |src: &str| {
            let words = [format!("src={src}"), "dst=192.0.2.80:143".to_owned()];
            answer(&table, &asked(&words).expect("well asked"))
        };
        for (src, expected) in [
            ("192.0.2.7", "backend:  internal, by use_backend rule 1 (if { })\n"),
            ("10.0.0.8", "rules:    tcp-request session: reject, by rule 2 (if { } { })\n"),
            ("192.0.2.8", "backend:  be, the default, none of 1 use_backend rules holds\n"),
        ] {
            let text = explained(src);
            assert!(text.contains(expected), "{src}: {text}");
        }
    }

    #[test]
    fn where_nobody_listens() {
        let text = explained("src=10.0.0.9 dst=192.0.2.80:80");
        assert_eq!(text, "listener: none at 192.0.2.80:80; the system would refuse the connection\n");
        assert!(explained("src=10.0.0.9 dst=192.0.2.80:993").starts_with("frontend: six listens at [::]:993\n"));
    }

    #[test]
    fn questions() {
        let asked = |text: &str| asked(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(asked("src=::1 dst=[::1]:143").is_some());
        for text in ["src=::1", "src=x dst=127.0.0.1:1", "src=::1 dst=127.0.0.1", "src=::1 dst=[::1]:1 port=5", "what"]
        {
            assert_eq!(asked(text), None, "{text}");
        }
    }
}
