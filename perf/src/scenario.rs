//! The catalogue: what each scenario opens, sends and counts.

use std::time::Duration;

use serde::Serialize;

use crate::{
    certificate::Key,
    floor::Means,
    http::RULES,
    load::{Direction, Exchange, Work},
    subject::{HAPROXY, HAPROXY_SPLICE, NGINX, TIDEGATE},
    wire::TlsClient,
};

/// What a scenario counts, and what CPU time and rates are told per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    /// Gigabytes (10⁹ bytes) that arrived, in either direction.
    Gigabyte,
    RoundTrip,
    Connection,
    /// Connections that stand: the cost is memory, not time.
    Held,
}

/// Everything about one line of the table that does not depend on who is measured.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) unit: Unit,
    pub(crate) works: Vec<Work>,
    /// Requests are due at this part of the rate that the slowest subject reaches when asked without pause.
    pub(crate) paced_at: Option<f64>,
    /// From when everything stands until the measurement begins.
    pub(crate) warm_up: Duration,
    /// How long the subjects let a connection rest.
    pub(crate) idle_timeout: Duration,
    /// Reloaded every 100 ms.
    pub(crate) is_reloaded: bool,
    /// Failures are part of the result, not an error of the run.
    pub(crate) may_fail: bool,
    /// Threads or worker processes of each subject, where the scenario is about their number; otherwise the run's.
    pub(crate) shards: Option<usize>,
    /// Whom it compares unless the run names subjects; everyone when there is no name here.
    pub(crate) subjects: &'static [&'static str],
    /// The minimal relay that is measured beside the subjects: the one that is cheapest for this work.
    pub(crate) floor: Option<Means>,
    /// The subjects speak HTTP, and how; otherwise they relay.
    pub(crate) http: Option<HttpProxy>,
    /// The generators speak TLS with the subjects; otherwise they do not.
    pub(crate) tls: Option<Tls>,
    pub(crate) occasion: Occasion,
}

/// When a scenario is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// When nothing else is asked for, too.
    Always,
    /// When it is named, or how its name begins.
    Group,
    /// When it is named.
    Named,
}

/// TLS between generators and subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Of the subjects' certificate.
    pub(crate) key: Key,
    pub(crate) client: TlsClient,
}

/// What proxies do that speak HTTP, beside what they do by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HttpProxy {
    /// Each exchange has a connection to an origin of its own (`option http-server-close`).
    pub(crate) is_server_closed: bool,
    /// Rules by path, of which the last one is for the request.
    pub(crate) rules: usize,
}

const WARM_UP: Duration = Duration::from_millis(300);
const WARM_UP_QUICK: Duration = Duration::from_millis(50);
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// HAProxy 2.6 looks again at a stream that flows only when one of its timers has run out, and not before then does `option
/// splice-auto` take hold of it. Bulk flows never rest, so their timers may be short; a longer warm-up contains the first.
const BULK_TIMEOUT: Duration = Duration::from_secs(1);
const BULK_WARM_UP: Duration = Duration::from_millis(1300);

/// Until every buffer between the origin and a reader that hardly reads is full.
const SLOW_WARM_UP: Duration = Duration::from_millis(1000);

impl Scenario {
    fn new(name: &'static str, about: &'static str, unit: Unit, works: Vec<Work>) -> Self {
        Scenario {
            name,
            about,
            unit,
            works,
            paced_at: None,
            warm_up: WARM_UP,
            idle_timeout: IDLE_TIMEOUT,
            is_reloaded: false,
            may_fail: false,
            shards: None,
            subjects: &[],
            floor: None,
            http: None,
            tls: None,
            occasion: Occasion::Always,
        }
    }

    /// With the floor beside it.
    fn above(self, means: Means) -> Self {
        Scenario { floor: Some(means), ..self }
    }

    /// The same on two shards beside two threads of HAProxy, in a line of its own: what both would start on two CPUs if nothing
    /// else were written.
    fn on_two(self, name: &'static str, about: &'static str) -> Self {
        Scenario { name, about, shards: Some(2), subjects: &[TIDEGATE, HAPROXY], floor: None, ..self }
    }

    fn bulk(name: &'static str, about: &'static str, flows: usize, direction: Direction) -> Self {
        Scenario {
            warm_up: BULK_WARM_UP,
            idle_timeout: BULK_TIMEOUT,
            ..Self::new(name, about, Unit::Gigabyte, vec![Work::Bulk { flows, direction }])
        }
    }

    /// Exchanges on `connections` that stay. They are a group of their own: with them, a run of everything would be half as long again.
    fn http(name: &'static str, about: &'static str, unit: Unit, connections: usize, exchange: Exchange) -> Self {
        Scenario {
            http: Some(HttpProxy::default()),
            subjects: &[TIDEGATE, HAPROXY, NGINX],
            occasion: Occasion::Group,
            ..Self::new(
                name,
                about,
                unit,
                vec![Work::Http { connections, active: connections, exchange, per_second: None }],
            )
        }
    }

    /// TLS that ends at the subjects, behind which nothing is encrypted. A group of its own, too.
    fn tls(name: &'static str, about: &'static str, unit: Unit, work: Work) -> Self {
        Scenario {
            tls: Some(Tls { key: Key::Ecdsa, client: TlsClient { is_resuming: false } }),
            subjects: &[TIDEGATE, HAPROXY],
            occasion: Occasion::Group,
            ..Self::new(name, about, unit, vec![work])
        }
    }

    /// The same with HAProxy as it splices beside it.
    fn beside_splices(self) -> Self {
        Scenario { subjects: &[TIDEGATE, HAPROXY, HAPROXY_SPLICE, NGINX], idle_timeout: BULK_TIMEOUT, ..self }
    }

    /// Connections that stand at the same time, at most.
    pub(crate) fn connections(&self) -> usize {
        self.works.iter().map(connections).sum()
    }

    /// The works with `per_second` requests due in all, for a scenario that is paced.
    pub(crate) fn paced(&self, per_second: f64) -> Vec<Work> {
        let mut works = self.works.clone();
        for work in &mut works {
            if let Work::RequestResponse { per_second: pace, .. } | Work::Http { per_second: pace, .. } = work {
                *pace = Some(per_second);
            }
        }
        works
    }
}

/// How many connections a work holds at the same time.
pub(crate) fn connections(work: &Work) -> usize {
    match *work {
        Work::RequestResponse { connections, .. } | Work::Http { connections, .. } => connections,
        Work::ConnectRequestClose { concurrent, .. } => concurrent,
        Work::Bulk { flows, .. } | Work::SlowReader { flows, .. } => flows,
    }
}

/// Bytes of a request.
const REQUEST: usize = 200;
/// A reader of the slow-reader scenario takes this much each second.
const SLOW: u64 = 64 * 1024;

/// All scenarios, in the order of the table. The idle ones come first: what they measure is disturbed by closed connections
/// that wait out their minute. `is_quick` makes the large ones small: they then show that the rig works, and no more.
pub(crate) fn all(is_quick: bool) -> Vec<Scenario> {
    let many = if is_quick { 1_000 } else { 9_000 };
    let rr = |connections, active| Work::RequestResponse { connections, active, size: REQUEST, per_second: None };
    let crr = |concurrent| Work::ConnectRequestClose { concurrent, size: REQUEST };
    use Direction::{Both, Down, Up};
    use Unit::{Connection, Held, RoundTrip};
    let bulk16_both = Scenario::bulk("bulk16-both", "16 flows, both ways at once", 16, Both);
    let rr64 = Scenario::new("rr64", "200 B and their echo, over 64 connections", RoundTrip, vec![rr(64, 64)]);
    let mut scenarios = vec![
        Scenario::new("idle9000", "9,000 proxied connections that stand", Held, vec![rr(many, 0)]),
        Scenario {
            may_fail: true,
            occasion: Occasion::Named,
            ..Scenario::new("idle60000", "60,000 proxied connections that stand", Held, vec![rr(60_000, 0)])
        },
        Scenario::bulk("bulk1-down", "one flow, origin to client", 1, Down),
        Scenario::bulk("bulk1-up", "one flow, client to origin", 1, Up),
        Scenario::bulk("bulk1-both", "one flow, both ways at once", 1, Both),
        Scenario::bulk("bulk16-down", "16 flows, origin to client", 16, Down).above(Means::Splice),
        Scenario::bulk("bulk16-up", "16 flows, client to origin", 16, Up).above(Means::Splice),
        bulk16_both.clone().above(Means::Splice),
        bulk16_both.on_two("two-bulk16-both", "bulk16-both on two shards, and on two threads"),
        rr64.clone().above(Means::Copy),
        rr64.on_two("two-rr64", "rr64 on two shards, and on two threads"),
        Scenario::new("rr1000", "200 B and their echo, over 1,000 connections", RoundTrip, vec![rr(1000, 1000)])
            .above(Means::Copy),
        Scenario {
            paced_at: Some(0.6),
            ..Scenario::new(
                "equal-load",
                "rr64 at a fixed rate, 60 % of what the slowest reaches",
                RoundTrip,
                vec![rr(64, 64)],
            )
        },
        Scenario::new("busy100of9000", "100 connections ask, 8,900 stand", RoundTrip, vec![rr(many, 100)]),
        Scenario {
            warm_up: SLOW_WARM_UP,
            ..Scenario::new(
                "slow-reader",
                "rr64 beside 32 readers of 64 KiB/s who are sent all they can take",
                RoundTrip,
                vec![Work::SlowReader { flows: 32, bytes_per_second: SLOW }, rr(64, 64)],
            )
        },
        Scenario::new("crr", "connect, 200 B and their echo, close; 64 at a time", Connection, vec![crr(64)])
            .above(Means::Copy),
        Scenario {
            is_reloaded: true,
            may_fail: true,
            ..Scenario::new(
                "reload",
                "a reload every 100 ms under 64 connections that ask and 16 that come and go",
                Connection,
                vec![rr(64, 64), crr(16)],
            )
        },
    ];
    scenarios.extend(over_http(many));
    scenarios.extend(over_tls(many));
    if is_quick {
        for scenario in &mut scenarios {
            scenario.warm_up = WARM_UP_QUICK;
            if scenario.occasion == Occasion::Group {
                scenario.occasion = Occasion::Always;
            }
        }
    }
    scenarios
}

fn over_http(many: usize) -> Vec<Scenario> {
    use Unit::{Connection, Gigabyte, Held, RoundTrip};
    const GET_1K: Exchange = Exchange { is_put: false, size: 1 << 10, is_kept: true };
    const GET_16K: Exchange = Exchange { size: 16 << 10, ..GET_1K };
    const GET_1M: Exchange = Exchange { size: 1 << 20, ..GET_1K };
    const PUT_1M: Exchange = Exchange { is_put: true, ..GET_1M };
    const GET_1K_CLOSE: Exchange = Exchange { is_kept: false, ..GET_1K };
    let get64 = |name, about| Scenario::http(name, about, RoundTrip, 64, GET_1K);
    let with = |scenario, http| Scenario { http: Some(http), ..scenario };
    vec![
        Scenario {
            works: vec![Work::Http { connections: many, active: 0, exchange: GET_1K, per_second: None }],
            ..Scenario::http("http-idle9000", "9,000 clients that have asked once and rest", Held, many, GET_1K)
        },
        get64("http-get-1k", "GET of 1 KiB, over 64 connections").above(Means::Copy),
        Scenario {
            paced_at: Some(0.6),
            ..get64("http-equal-load", "http-get-1k at a fixed rate, 60 % of what the slowest reaches")
        },
        get64("http-get-1k", "").on_two("http-two-get-1k", "http-get-1k on two shards, and on two threads"),
        Scenario::http("http-get-16k", "GET of 16 KiB, over 64 connections", RoundTrip, 64, GET_16K).above(Means::Copy),
        Scenario::http("http-get-1m", "GET of 1 MiB, over 16 connections", Gigabyte, 16, GET_1M)
            .beside_splices()
            .above(Means::Splice),
        Scenario::http("http-put-1m", "PUT of 1 MiB, over 16 connections", Gigabyte, 16, PUT_1M)
            .beside_splices()
            .above(Means::Splice),
        Scenario::http("http-get1000", "GET of 1 KiB, over 1,000 connections", RoundTrip, 1000, GET_1K),
        Scenario::http("http-crr", "connect, GET of 1 KiB, close; 64 at a time", Connection, 64, GET_1K_CLOSE),
        with(
            get64("http-server-close", "http-get-1k with a connection to an origin for each"),
            HttpProxy { is_server_closed: true, rules: 0 },
        ),
        with(
            get64("http-rules50", "http-get-1k behind 49 rules by path that are for others"),
            HttpProxy { is_server_closed: false, rules: RULES },
        ),
    ]
}

fn over_tls(many: usize) -> Vec<Scenario> {
    use Unit::{Connection, Gigabyte, Held, RoundTrip};
    let rr = |connections, active| Work::RequestResponse { connections, active, size: REQUEST, per_second: None };
    let bulk = |name, about, flows, direction| Scenario::tls(name, about, Gigabyte, Work::Bulk { flows, direction });
    let visits = Work::ConnectRequestClose { concurrent: 16, size: REQUEST };
    let crr = |name, about, key, is_resuming| Scenario {
        tls: Some(Tls { key, client: TlsClient { is_resuming } }),
        ..Scenario::tls(name, about, Connection, visits.clone())
    };
    use Direction::{Down, Up};
    vec![
        Scenario::tls("tls-idle9000", "9,000 clients with TLS that have asked once and rest", Held, rr(many, 0)),
        bulk("tls-bulk1-down", "one flow, origin to client", 1, Down),
        bulk("tls-bulk1-up", "one flow, client to origin", 1, Up),
        bulk("tls-bulk16-down", "16 flows, origin to client", 16, Down),
        bulk("tls-bulk16-up", "16 flows, client to origin", 16, Up),
        Scenario::tls("tls-rr64", "200 B and their echo, over 64 connections", RoundTrip, rr(64, 64)),
        crr(
            "tls-crr-rsa",
            "connect, handshake with RSA-2048, 200 B and their echo, close; 16 at a time",
            Key::Rsa,
            false,
        ),
        crr("tls-crr-ecdsa", "the same with ECDSA on P-256", Key::Ecdsa, false),
        crr("tls-crr-resumed", "the same with sessions that are taken up again: no signature", Key::Ecdsa, true),
        Scenario {
            // Who shakes hands may have to wait for a second on a machine that is busy with other things.
            may_fail: true,
            unit: RoundTrip,
            works: vec![
                Work::RequestResponse { connections: 16, active: 16, size: REQUEST, per_second: Some(400.0) },
                Work::ConnectRequestClose { concurrent: 64, size: REQUEST },
            ],
            ..crr(
                "tls-storm",
                "200 B and their echo 400 times a second over 16 connections, beside 64 clients that shake hands with RSA-2048",
                Key::Rsa,
                false,
            )
        },
    ]
}

/// What scenarios are asked for together by, and have their results by themselves.
pub(crate) const GROUPS: [&str; 2] = ["http", "tls"];

/// The scenarios whose names begin with one of `names`; without names, those that always run.
pub(crate) fn select(all: Vec<Scenario>, names: &[String]) -> anyhow::Result<Vec<Scenario>> {
    for name in names {
        let is_known = all.iter().any(|scenario| scenario.name.starts_with(name.as_str()));
        anyhow::ensure!(is_known, "no scenario is called {name}; `perf list` names them");
    }
    let is_wanted = |scenario: &Scenario| match names {
        [] => scenario.occasion == Occasion::Always,
        _ => names.iter().any(|name| {
            scenario.name == name || scenario.name.starts_with(name.as_str()) && scenario.occasion != Occasion::Named
        }),
    };
    Ok(all.into_iter().filter(is_wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_select() {
        let chosen = |names: &[&str]| -> Vec<&str> {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            select(all(false), &names).expect("known").iter().map(|scenario| scenario.name).collect()
        };
        assert_eq!(chosen(&["rr"]), ["rr64", "rr1000"]);
        assert_eq!(chosen(&["idle"]), ["idle9000"]);
        assert_eq!(chosen(&["two"]), ["two-bulk16-both", "two-rr64"]);
        assert_eq!(chosen(&["idle60000", "crr"]), ["idle60000", "crr"]);
        let is_extra = |name: &&str| *name == "idle60000" || GROUPS.iter().any(|group| name.starts_with(group));
        assert!(!chosen(&[]).iter().any(is_extra));
        assert_eq!(chosen(&["http-get"]), ["http-get-1k", "http-get-16k", "http-get-1m", "http-get1000"]);
        assert!(select(all(false), &["nonsense".to_owned()]).is_err());
    }

    #[test]
    fn a_pace_reaches_the_work() {
        let scenario = all(false).into_iter().find(|scenario| scenario.paced_at.is_some()).expect("equal-load");
        let works = scenario.paced(1234.0);
        assert!(matches!(works[..], [Work::RequestResponse { per_second: Some(1234.0), .. }]));
        assert_eq!(scenario.connections(), 64);
    }
}
