//! The tools that operators have, unmodified, on the admin socket: what they read, and what they change.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::admin::Admin;
use e2e::ports::Reservation;
use e2e::{Client, Origin, Proxy, Setup, Subject, needs, python, wait};

e2e::scenarios! {
    shared: [socat_one_liners, the_prometheus_exporter, hatop, haproxyadmin, ansible, check_haproxy_stats],
    alone: [],
}

const FARM: &str = "
    global
        stats socket @socket@ level admin
        maxconn 200
    frontend fe
        bind @fe@
        default_backend be
    backend be
        balance roundrobin
        server s1 @s1@
        server s2 @s1@ disabled weight 7
";

struct Rig {
    admin: Admin,
    proxy: Proxy,
    _origin: Origin,
}

impl Rig {
    fn start(subject: Subject) -> Rig {
        let (admin, origin) = (Admin::new(), Origin::echo());
        let setup = Setup::sections(subject, "mode tcp", FARM).with("socket", admin.path().display());
        Rig { proxy: setup.with("s1", origin.target()).start(), admin, _origin: origin }
    }

    fn status(&self, server: &str) -> String {
        self.admin.row("be", server)["status"].clone()
    }
}

/// What every runbook has: one shell line, several commands.
fn socat_one_liners(subject: Subject) {
    if !needs::is_there("socat_one_liners", "socat", "socat") {
        return;
    }
    let rig = Rig::start(subject);
    let shell = |line: &str| {
        let line = line.replace("SOCKET", &rig.admin.path().display().to_string());
        let output = Command::new("sh").args(["-c", &line]).output().expect("sh runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let both = shell("echo 'show info;show stat' | socat stdio SOCKET");
    assert!(both.starts_with("Name: HAProxy\n") && both.contains("\n\n# pxname,svname,"), "{both}");
    let names = shell("echo 'show stat' | socat unix-connect:SOCKET stdio | cut -d, -f1,2,18 | grep -v '^#' | grep .");
    assert_eq!(names, "fe,FRONTEND,OPEN\nbe,s1,no check\nbe,s2,MAINT\nbe,BACKEND,UP\n");
    assert_eq!(shell("echo 'set server be/s1 state drain' | socat stdio SOCKET"), "\n");
    assert_eq!(rig.status("s1"), "DRAIN");
    // Ansible's module joins what it has to say.
    let ready = "echo 'get weight be/s1; enable server be/s1; set weight be/s1 2' | socat stdio SOCKET";
    assert_eq!(shell(ready), "1 (initial 1)\n\n\n\n");
    assert_eq!(rig.admin.row("be", "s1")["weight"], "2");
}

fn the_prometheus_exporter(subject: Subject) {
    let program = "prometheus-haproxy-exporter";
    if !needs::is_there("the_prometheus_exporter", program, program) {
        return;
    }
    let rig = Rig::start(subject);
    let mut client = rig.proxy.connect("fe");
    client.ask("hello");
    let port = Reservation::loopback();
    let exporter = Command::new(program)
        .arg(format!("--haproxy.scrape-uri=unix:{}", rig.admin.path().display()))
        .arg(format!("--web.listen-address={}", port.address()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is installed");
    let _exporter = Ending(exporter);
    let metrics = wait::value("a scrape", wait::SOON, || {
        let mut client = Client::try_to(port.address()).ok()?;
        client.say("GET /metrics HTTP/1.0\r\n\r\n");
        let (body, _) = client.to_end();
        Some(String::from_utf8_lossy(&body).into_owned()).filter(|text| text.contains("haproxy_up"))
    });
    for line in [
        "haproxy_up 1",
        "haproxy_exporter_csv_parse_failures_total 0",
        "haproxy_backend_up{backend=\"be\"} 1",
        "haproxy_server_up{backend=\"be\",server=\"s1\"} 1",
        "haproxy_server_up{backend=\"be\",server=\"s2\"} 0",
        "haproxy_server_weight{backend=\"be\",server=\"s2\"} 7",
        "haproxy_frontend_current_sessions{frontend=\"fe\"} 1",
        "haproxy_server_current_sessions{backend=\"be\",server=\"s1\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
}

/// It asks for a prompt and keeps its connection; F10 and F9 disable and enable the server under its cursor.
fn hatop(subject: Subject) {
    if !needs::is_there("hatop", "hatop", "hatop") || !needs::is_there("hatop", "tmux", "tmux") {
        return;
    }
    let rig = Rig::start(subject);
    let screen = Screen::start(&rig.admin.path_of("tmux"), &format!("hatop -s {}", rig.admin.path().display()));
    let shown = screen.wait_for("s2");
    for word in ["HAProxy Version: ", "/200]", "BACKEND", "MAINT"] {
        assert!(shown.contains(word), "{word} in\n{shown}");
    }
    let is_out = || rig.status("s1") == "MAINT";
    wait::until("the cursor to find the server and F10 to disable it", wait::SOON, || {
        screen.press("Down");
        screen.press("F10");
        wait::within(Duration::from_secs(2), || is_out().then_some(())).is_some()
    });
    screen.press("F9");
    wait::until("F9 to enable the server under the cursor", wait::SOON, || {
        ["s1", "s2"].map(|server| rig.status(server)).contains(&"no check".to_owned())
    });
}

fn haproxyadmin(subject: Subject) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(python) = python::with("haproxyadmin", place, "haproxyadmin", &["haproxyadmin==0.2.4"]) else { return };
    let rig = Rig::start(subject);
    let script = "
import sys
from haproxyadmin import haproxy
h = haproxy.HAProxy(socket_file=sys.argv[1])
print([f.name for f in h.frontends()], [s.name for s in h.servers()], h.metric('Maxconn'))
s = h.server('s1', 'be')[0]
for state in ('drain', 'maint', 'ready'):
    print(s.setstate(state), s.status)
print(s.setweight(5), s.weight, h.frontend('fe').status, h.backend('be').metric('act'), h.clearcounters())
";
    let output = Command::new(python).args(["-c", script]).arg(rig.admin.path()).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "['fe'] ['s1', 's2'] 200\nTrue DRAIN\nTrue MAINT\nTrue no check\nTrue 5 OPEN 1 True\n"
    );
}

/// Its module joins commands, waits for words of `status`, and reads `Version` before it drains.
fn ansible(subject: Subject) {
    if !needs::is_there("ansible", "ansible", "ansible") {
        return;
    }
    let rig = Rig::start(subject);
    let home = rig.admin.path_of("ansible");
    let run = |arguments: &str| {
        let socket = rig.admin.path();
        let output = Command::new("ansible")
            .args(["localhost", "-c", "local", "-m", "community.general.haproxy", "-a"])
            .arg(format!("backend=be host=s1 socket={} {arguments}", socket.display()))
            .env("HOME", &home)
            .env("ANSIBLE_HOME", &home)
            .env("ANSIBLE_LOCAL_TEMP", &home)
            .env("ANSIBLE_REMOTE_TEMP", &home)
            .output()
            .expect("it is installed");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success() && said.contains("CHANGED"), "{arguments}: {said}");
    };
    for (arguments, status, weight) in [
        ("state=drain wait=yes", "DRAIN", "1"),
        ("state=disabled wait=yes shutdown_sessions=yes", "MAINT", "1"),
        ("state=enabled weight=5", "no check", "5"),
    ] {
        run(arguments);
        let row = rig.admin.row("be", "s1");
        assert_eq!((row["status"].as_str(), row["weight"].as_str()), (status, weight), "{arguments}");
    }
}

/// As Nagios and its kin call it: a sentence, performance data, and an exit code.
fn check_haproxy_stats(subject: Subject) {
    let plugin = Path::new("/usr/lib/nagios/plugins/check_haproxy_stats");
    if !needs::is_installed("check_haproxy_stats", "monitoring-plugins-contrib", plugin.is_file()) {
        return;
    }
    let rig = Rig::start(subject);
    let check = |arguments: &[&str]| {
        let output = Command::new(plugin).arg("-s").arg(rig.admin.path()).args(arguments).output().expect("perl runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let figures = "|fe-FRONTEND=0;160;180;0;200;be-BACKEND=0;16;18;0;20;\n";
    let calm = (Some(0), format!("Check haproxy OK - checked 2 proxies.{figures}"));
    assert_eq!(check(&["-m"]), calm);
    let alarm = (Some(2), format!("Check haproxy CRITICAL - server: be:s2 is MAINT; {figures}"));
    assert_eq!(check(&[]), alarm);
}

/// A process that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A terminal with a program in it.
struct Screen {
    socket: PathBuf,
}

impl Screen {
    fn start(socket: &Path, program: &str) -> Screen {
        let screen = Screen { socket: socket.to_owned() };
        screen.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "50", program]);
        screen
    }

    fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    fn wait_for(&self, word: &str) -> String {
        wait::value(&format!("'{word}' on the screen"), wait::SOON, || {
            Some(self.tmux(&["capture-pane", "-p"])).filter(|shown| shown.contains(word))
        })
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").arg("-S").arg(&self.socket).args(arguments).output().expect("tmux runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
