//! What is served over HTTP beside the data path: metrics for Prometheus, as HAProxy's exporter has them, and statistics pages.

mod metrics;
mod statistics;

use std::collections::BTreeMap;

use e2e::http::{Answer, get};
use e2e::{Origin, Proxy, Refusing, Setup, Subject, wait};

/// A frontend, servers that are up, down, in maintenance, limited and unchecked.
const FARM: &str = "
    global
        maxconn 200
        @global@
    frontend fe
        bind @fe@
        default_backend be
    listen ls
        bind @ls@
        server l1 @s1@ maxconn 10
    backend be
        balance roundrobin
        server s1 @s1@
        server s2 @dead@ check inter 200ms fall 1
        server s3 @s1@ disabled weight 7
    listen web
        mode http
        bind @web@
        server w1 @s1@
";

struct Rig {
    proxy: Proxy,
    _origin: Origin,
    _dead: Refusing,
}

impl Rig {
    fn start(subject: Subject, template: &str) -> Rig {
        let (origin, dead) = (Origin::echo(), Refusing::new());
        let setup =
            Setup::sections(subject, "mode tcp", template).with("s1", origin.target()).with("dead", dead.target());
        Rig { proxy: setup.start(), _origin: origin, _dead: dead }
    }

    fn visit(&self, listener: &str) {
        let mut client = self.proxy.connect(listener);
        client.ask("hello");
        client.finish();
        client.to_end();
    }

    fn get(&self, listener: &str, target: &str) -> Answer {
        get(self.proxy.address(listener), target)
    }

    /// The samples of a scrape, by name and labels.
    fn samples(&self) -> BTreeMap<String, String> {
        samples(&self.get("metrics", "/metrics").content)
    }

    fn wait_for(&self, sample: &str, value: &str) {
        wait::until(&format!("{sample} to be {value}"), wait::SOON, || {
            self.samples().get(sample).is_some_and(|found| found == value)
        });
    }
}

fn samples(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| line.rsplit_once(' ').map(|(name, value)| (name.to_owned(), value.to_owned()));
    lines.map(|line| sample(line).expect("a name and a value")).collect()
}
