//! Metrics: what they say, who reads them, and where they are served.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use e2e::http::{ask, get};
use e2e::{Admin, Client, Setup, Subject, needs, wait};

use super::{FARM, Rig, samples};

e2e::scenarios! {
    shared: [metrics_of_a_farm, scopes_of_metrics, promtool_reads_the_metrics],
    alone: [],
}

/// Where each subject says that metrics are served.
fn with_metrics(subject: Subject) -> String {
    match subject {
        Subject::Haproxy => {
            let exporter = "
    frontend exporter
        mode http
        bind @metrics@
        http-request use-service prometheus-exporter if { path /metrics }
";
            FARM.replace("@global@", "") + exporter
        }
        Subject::Tidegate => FARM.replace("@global@", "tidegate.prometheus @metrics@"),
    }
}

/// Names of metrics with their types.
fn types(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect()
}

fn metrics_of_a_farm(subject: Subject) {
    let rig = Rig::start(subject, &with_metrics(subject));
    rig.visit("fe");
    rig.visit("fe");
    rig.visit("ls");
    rig.wait_for("haproxy_server_status{proxy=\"be\",server=\"s2\",state=\"DOWN\"}", "1");
    rig.wait_for("haproxy_frontend_current_sessions{proxy=\"fe\"}", "0");
    let found = rig.samples();
    for (sample, value) in [
        ("haproxy_process_max_connections", "200"),
        ("haproxy_frontend_status{proxy=\"fe\",state=\"UP\"}", "1"),
        ("haproxy_frontend_sessions_total{proxy=\"fe\"}", "2"),
        ("haproxy_frontend_bytes_in_total{proxy=\"ls\"}", "6"),
        ("haproxy_frontend_limit_sessions{proxy=\"fe\"}", "200"),
        ("haproxy_backend_bytes_out_total{proxy=\"be\"}", "12"),
        ("haproxy_backend_limit_sessions{proxy=\"be\"}", "20"),
        ("haproxy_backend_active_servers{proxy=\"be\"}", "1"),
        ("haproxy_backend_status{proxy=\"be\",state=\"DOWN\"}", "0"),
        ("haproxy_backend_agg_server_status{proxy=\"be\",state=\"DOWN\"}", "1"),
        ("haproxy_backend_agg_server_status{proxy=\"be\",state=\"MAINT\"}", "1"),
        ("haproxy_backend_agg_server_status{proxy=\"be\",state=\"UP\"}", "1"),
        ("haproxy_backend_agg_check_status{proxy=\"be\",state=\"L4CON\"}", "1"),
        ("haproxy_server_sessions_total{proxy=\"be\",server=\"s1\"}", "2"),
        ("haproxy_server_limit_sessions{proxy=\"be\",server=\"s1\"}", "NaN"),
        ("haproxy_server_limit_sessions{proxy=\"ls\",server=\"l1\"}", "10"),
        ("haproxy_server_weight{proxy=\"be\",server=\"s3\"}", "7"),
        ("haproxy_server_status{proxy=\"be\",server=\"s3\",state=\"MAINT\"}", "1"),
        ("haproxy_server_status{proxy=\"be\",server=\"s1\",state=\"UP\"}", "1"),
        ("haproxy_server_check_status{proxy=\"be\",server=\"s2\",state=\"L4CON\"}", "1"),
        ("haproxy_server_check_code{proxy=\"be\",server=\"s2\"}", "0"),
        ("haproxy_server_check_failures_total{proxy=\"be\",server=\"s1\"}", "NaN"),
        ("haproxy_server_queue_time_average_seconds{proxy=\"be\",server=\"s1\"}", "0.000000"),
        ("haproxy_server_last_session_seconds{proxy=\"be\",server=\"s2\"}", "-1"),
        ("haproxy_frontend_http_responses_total{proxy=\"web\",code=\"2xx\"}", "0"),
        ("haproxy_frontend_intercepted_requests_total{proxy=\"web\"}", "0"),
    ] {
        assert_eq!(found.get(sample).map(String::as_str), Some(value), "{sample}");
    }
    assert!(!found.contains_key("haproxy_server_check_code{proxy=\"be\",server=\"s1\"}"), "it is not checked");
}

fn scopes_of_metrics(subject: Subject) {
    let rig = Rig::start(subject, &with_metrics(subject));
    let families = |target: &str| {
        let answer = rig.get("metrics", target);
        assert_eq!(answer.status(), "200", "{target}");
        let family = |name: &String| name.split('_').nth(1).expect("haproxy_FAMILY_NAME").to_owned();
        samples(&answer.content).keys().map(family).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(families("/metrics?scope=global&scope=server"), ["process", "server"]);
    assert_eq!(families("/metrics?scope=frontend"), ["frontend"]);
    assert_eq!(families("/metrics?scope=*&no-maint"), families("/metrics"));
    assert_eq!(rig.get("metrics", "/metrics?scope=nothing").status(), "400");
    let without = rig.get("metrics", "/metrics?scope=server&no-maint").content;
    assert!(without.contains("\"s1\"") && !without.contains("\"s3\""), "{without}");
}

/// HAProxy's own names earn it some advice; ours may earn no other.
fn promtool_reads_the_metrics(subject: Subject) {
    if !needs::is_there("promtool_reads_the_metrics", "prometheus", "promtool") {
        return;
    }
    let rig = Rig::start(subject, &with_metrics(subject));
    rig.visit("fe");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is installed");
    let text = rig.get("metrics", "/metrics").content;
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let advice = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let names: Vec<&str> = advice.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["haproxy_process_failed_resolutions"], "{advice}");
}

/// Every metric of HAProxy is here, of the same type, and told of the same proxies and servers under the same labels.
#[test]
fn the_metrics_are_those_of_haproxy() {
    if !Subject::Haproxy.is_there("the_metrics_are_those_of_haproxy") {
        return;
    }
    let [theirs, ours] = [Subject::Haproxy, Subject::Tidegate].map(|subject| {
        let counted = with_metrics(subject).replace("bind @fe@", "bind @fe@\n option socket-stats");
        let rig = Rig::start(subject, &counted);
        rig.wait_for("haproxy_server_status{proxy=\"be\",server=\"s2\",state=\"DOWN\"}", "1");
        rig.get("metrics", "/metrics").content
    });
    let (their_types, our_types) = (types(&theirs), types(&ours));
    let missing: Vec<&&str> = their_types.difference(&our_types).collect();
    assert_eq!(missing, Vec::<&&str>::new());
    let names = |text: &str| {
        let is_farm = |name: &str| !name.contains("\"exporter\"") && !name.contains("build_info");
        let own = |name: &String| is_farm(name) && !name.starts_with("tidegate_");
        samples(text).into_keys().filter(own).collect::<BTreeSet<String>>()
    };
    let (theirs, ours) = (names(&theirs), names(&ours));
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), Vec::<&String>::new(), "HAProxy has more");
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), Vec::<&String>::new(), "HAProxy has less");
}

#[test]
fn visitors_that_misbehave_harm_nobody() {
    let rig = Rig::start(Subject::Tidegate, &with_metrics(Subject::Tidegate));
    let address = rig.proxy.address("metrics");
    assert_eq!(rig.get("metrics", "/").status(), "404");
    let refused = ask(address, &format!("POST /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"));
    assert_eq!(refused.status(), "405");
    assert!(ask(address, "\x16\x03\x01\x00\r\n").head.starts_with("http/1.1 400 "));
    let large = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n{}", "x".repeat(100_000));
    assert_eq!(ask(address, &large).status(), "413");
    // Half a request, nothing at all, and an answer that nobody takes: others are served meanwhile.
    let mut slow: Vec<Client> = (0..20).map(|_| Client::to(address)).collect();
    slow.iter_mut().step_by(2).for_each(|client| client.say("GET /metrics HTTP/1.1\r\nHo"));
    slow.iter_mut().skip(1).step_by(4).for_each(|client| client.say("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_eq!(rig.get("metrics", "/metrics").status(), "200");
    rig.visit("fe");
    // One connection serves several requests.
    let mut client = Client::to(address);
    for _ in 0..3 {
        client.say("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.line(), "HTTP/1.1 200 OK");
        while !client.line().is_empty() {}
    }
}

/// A second instance is refused, unless it takes over; then the pages are its own, too.
#[test]
fn a_successor_takes_the_pages_over() {
    let template = with_metrics(Subject::Tidegate);
    let mut first = Rig::start(Subject::Tidegate, &template);
    let again = |shared: &[&str]| {
        let setup = Setup::sections(Subject::Tidegate, "mode tcp", &template);
        let setup = setup.with("s1", "127.0.0.1:1").with("dead", "127.0.0.1:1");
        shared.iter().fold(setup, |setup, name| setup.with(name, first.proxy.address(name)))
    };
    let said = again(&["metrics"]).run_to_failure();
    assert!(said.contains("cannot bind socket (Address already in use)"), "{said}");
    let second =
        again(&["fe", "ls", "web", "metrics"]).argument("-sf").argument(&first.proxy.pid().to_string()).start();
    assert_eq!(first.proxy.wait_exit(wait::SOON).code(), Some(0));
    let found = samples(&get(first.proxy.address("metrics"), "/metrics").content);
    assert_eq!(found["haproxy_process_stopping"], "0");
    drop(second);
}

#[test]
fn a_reload_moves_the_metrics() {
    let template = with_metrics(Subject::Tidegate);
    let mut rig = Rig::start(Subject::Tidegate, &template);
    let before = rig.proxy.address("metrics");
    let mut kept = Client::to(before);
    kept.say("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(kept.line(), "HTTP/1.1 200 OK");
    let text = rig.proxy.template().replace("@metrics@", "@moved@");
    rig.proxy.rewrite(&text);
    rig.proxy.reload();
    let moved = rig.proxy.address("moved");
    wait::until("the new address to be listened on", wait::SOON, || Client::try_to(moved).is_ok());
    assert_eq!(rig.get("moved", "/metrics").status(), "200");
    wait::until("the old address to be given up", wait::SOON, || Client::try_to(before).is_err());
}

#[test]
fn latencies_are_shown() {
    let admin = Admin::new();
    let template = FARM.replace("@global@", "stats socket @socket@\n        tidegate.prometheus @metrics@");
    let rig = Rig::start(Subject::Tidegate, &template.replace("@socket@", &admin.path().display().to_string()));
    (0..3).for_each(|_| rig.visit("fe"));
    admin.wait_for("be", "s1", "scur", "0");
    let shown = admin.ask("show latency be");
    let lines: Vec<Vec<&str>> = shown.trim_end().lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines[0].join(" "), "# pxname svname part count p50 p90 p99 p99.9 max");
    let of =
        |name: &str, part: &str| lines.iter().find(|line| line[1] == name && line[2] == part).expect("a line").clone();
    for name in ["s1", "BACKEND"] {
        assert_eq!(of(name, "connect")[3], "3");
        let total = of(name, "total");
        let times: Vec<f64> = total[4..].iter().map(|time| time.parse().expect("a time")).collect();
        assert!(times[0] > 0.0 && times.is_sorted(), "{total:?}");
    }
    assert_eq!(of("s2", "total")[3..], ["0", "-", "-", "-", "-", "-"]);
    assert_eq!(admin.ask("show latency be/s1").trim_end().lines().count(), 4);
    assert_eq!(admin.ask("show latency nothing"), "No such backend.\n\n");
    let found = rig.samples();
    let bucket = |le: &str| {
        found[&format!("tidegate_server_total_time_seconds_bucket{{proxy=\"be\",server=\"s1\",le=\"{le}\"}}")].clone()
    };
    assert_eq!([bucket("60"), bucket("+Inf")], ["3", "3"]);
    assert_eq!(found["tidegate_backend_connect_time_seconds_count{proxy=\"be\"}"], "3");
    assert!(!found.contains_key("tidegate_server_total_time_seconds_count{proxy=\"be\",server=\"s2\"}"));
}
