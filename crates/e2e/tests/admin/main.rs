//! The admin socket: what it counts, what it answers, whom it lets do what, and that no client of it harms anybody.

mod answers;
mod clients;
mod columns;
mod counts;
mod servers;
mod sessions;

use e2e::admin::{Admin, Row};
use e2e::{Origin, Proxy, Refusing, Setup, Subject};

/// A frontend, a server that is there, one that refuses and is checked, one that is disabled.
const FARM: &str = "
    global
        stats socket @socket@ level admin
        maxconn 200
    frontend fe
        bind @fe@
        default_backend be
    frontend refused
        bind @refused@
        default_backend dead
    listen ls
        bind @ls@
        balance roundrobin
        server l1 @s1@ weight 10
        server l2 @dead@ backup disabled weight 7
    backend be
        balance roundrobin
        server s1 @s1@
        server s2 @dead@ check inter 200ms fall 1 disabled
    backend dead
        balance roundrobin
        retries 2
        timeout connect 50ms
        server d1 @dead@
";

struct Rig {
    admin: Admin,
    proxy: Proxy,
    origin: Origin,
    _dead: Refusing,
}

impl Rig {
    fn start(subject: Subject) -> Rig {
        Rig::with(subject, "", "")
    }

    /// With these lines in `global` and these in `defaults`, beside those that stand there.
    fn with(subject: Subject, global: &str, defaults: &str) -> Rig {
        let (admin, origin, dead) = (Admin::new(), Origin::echo(), Refusing::new());
        let proxy = Setup::file(subject, global, &format!("mode tcp\n {defaults}"), FARM)
            .with("socket", admin.path().display())
            .with("s1", origin.target())
            .with("dead", dead.target())
            .reloadable()
            .start();
        Rig { admin, proxy, origin, _dead: dead }
    }

    /// A client that has said a word, been answered and left.
    fn visit(&self, listener: &str) {
        let mut client = self.proxy.connect(listener);
        client.ask("hello");
        client.finish();
        client.to_end();
    }
}

/// The columns of `row` that are named, as `name=value` in that order.
fn shown(row: &Row, columns: &str) -> String {
    let cell = |name: &str| format!("{name}={}", row.get(name).map_or("", String::as_str));
    columns.split(' ').map(cell).collect::<Vec<_>>().join(" ")
}
