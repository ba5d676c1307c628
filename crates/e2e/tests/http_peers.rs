//! Programs that others wrote, as clients of `mode http` in front of a real nginx: what they are served is what they would be without a
//! proxy, and those that mean harm by being slow do none to others.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::nginx::Nginx;
use e2e::peers::pattern;
use e2e::ports::{self, Reservation};
use e2e::{Admin, Proxy, Setup, Subject, http, needs, process, python, wait};
use tempfile::TempDir;

e2e::scenarios! {
    shared: [curl, httpx, generators_of_load, websockets, slow_clients],
    alone: [],
}

const FARM: &str = "
    global
        nbthread @threads@
        stats socket @admin@ level admin
        maxconn 600
    defaults
        mode http
        option http-keep-alive
        timeout connect 2s
        timeout client 5s
        timeout server 5s
        timeout http-request 2s
        timeout tunnel 10s
    frontend fe
        bind @fe@
        default_backend be
    backend be
        server s @s@
";

/// What clients in Python need.
const MODULES: &str = "httpx, websockets";
const PACKAGES: &[&str] = &["httpx==0.28.1", "h11==0.16.0", "websockets==15.0.1"];

/// Bytes of the object that the generators of load ask for.
const SIZE: usize = 3000;

struct Rig {
    proxy: Proxy,
    admin: Admin,
    place: TempDir,
    _store: Nginx,
}

impl Rig {
    fn start(test: &str, subject: Subject) -> Option<Rig> {
        if !Nginx::is_there(test) {
            return None;
        }
        let (place, admin) = (TempDir::new().expect("a temporary directory"), Admin::new());
        let store = Nginx::store(place.path());
        fs::write(place.path().join("object"), pattern::part(0, SIZE)).expect("room for an object");
        let setup = Setup::new(subject, FARM).with("s", store.target()).with("admin", admin.path().display());
        Some(Rig { proxy: setup.start(), admin, place, _store: store })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.proxy.address("fe"))
    }

    /// Waits until every client has gone.
    fn wait_for_rest(&self) {
        self.admin.wait_for("fe", "FRONTEND", "scur", "0");
        self.admin.wait_for("be", "s", "scur", "0");
    }
}

/// What a program that succeeds prints.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it is installed");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn curl(subject: Subject) {
    if !needs::is_there("curl", "curl", "curl") {
        return;
    }
    let Some(rig) = Rig::start("curl", subject) else { return };
    let own = TempDir::new().expect("a temporary directory");
    let (large, back) = (own.path().join("large"), own.path().join("back"));
    let content = pattern::part(0, 5_000_000);
    fs::write(&large, &content).expect("room for it");
    let curl = || {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "10", "--write-out", "%{http_code} %{num_connects}\n"]);
        command
    };
    // It asks whether it may go on (RFC 9110 §10.1.1), and waits for the answer.
    assert_eq!(run(curl().arg("--upload-file").arg(&large).arg(rig.url("/large"))), "201 1\n");
    assert!(fs::read(rig.place.path().join("large")).expect("it was put") == content, "what was put");
    assert_eq!(run(curl().arg("--output").arg(&back).arg(rig.url("/large"))), "200 1\n");
    assert!(fs::read(&back).expect("it was got") == content, "what was got");
    assert_eq!(run(curl().args(["--range", "10-19", "--output"]).arg(&back).arg(rig.url("/large"))), "206 1\n");
    assert_eq!(fs::read(&back).expect("it was got"), content[10..20]);
    // The second request is on the connection of the first.
    let into_nothing = ["--head", "--output", "/dev/null", "--output", "/dev/null"];
    let twice = run(curl().args(into_nothing).args([rig.url("/object"), rig.url("/large")]));
    assert_eq!(twice, "200 1\n200 0\n");
    assert_eq!(run(curl().args(["--http1.0", "--output"]).arg(&back).arg(rig.url("/object"))), "200 1\n");
    assert_eq!(fs::read(&back).expect("it was got"), pattern::part(0, SIZE));
    // What curl reads from a pipe it sends in chunks.
    let chunked = format!("printf 'in chunks' | curl --silent --max-time 10 --upload-file - {}", rig.url("/chunked"));
    run(Command::new("sh").args(["-c", &chunked]));
    assert_eq!(fs::read(rig.place.path().join("chunked")).expect("it was put"), b"in chunks");
    assert_eq!(run(curl().args(["--request", "DELETE"]).arg(rig.url("/large"))), "204 1\n");
    assert!(run(curl().arg(rig.url("/large"))).ends_with("404 1\n"));
    rig.wait_for_rest();
}

/// httpx reads with h11, which takes nothing that RFC 9112 does not allow.
fn httpx(subject: Subject) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(python) = python::with("httpx", place, MODULES, PACKAGES) else { return };
    let Some(rig) = Rig::start("httpx", subject) else { return };
    let script = "
import sys, httpx
from concurrent.futures import ThreadPoolExecutor
def visit(number):
    with httpx.Client(base_url=sys.argv[1], timeout=10) as client:
        name, content = f'/object-{number}', bytes(range(256)) * (number * 40)
        assert client.put(name, content=content).status_code == 201
        for turn in range(20):
            answer = client.get(name, params={'turn': turn})
            assert answer.status_code == 200 and answer.content == content
        assert client.head(name).headers['content-length'] == str(len(content))
        parts = (content[at:at + 1000] for at in range(0, len(content), 1000))
        assert client.put(name, content=parts).status_code == 204
        with client.stream('GET', name) as answer:
            assert b''.join(answer.iter_bytes(777)) == content
        assert client.request('OPTIONS', '/').status_code == 200
        assert client.delete(name).status_code == 204
        assert client.get(name).status_code == 404
    return 26
with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(visit, range(16))))
";
    let said = run(Command::new(python).args(["-c", script, &rig.url("")]));
    assert_eq!(said, format!("{}\n", 16 * 26));
    rig.wait_for_rest();
}

fn generators_of_load(subject: Subject) {
    let peers = [("wrk", "wrk"), ("nghttp2-client", "h2load"), ("apache2-utils", "ab")];
    if !peers.into_iter().all(|(package, program)| needs::is_there("generators_of_load", package, program)) {
        return;
    }
    let Some(rig) = Rig::start("generators_of_load", subject) else { return };
    let url = rig.url("/object");
    let said = run(Command::new("wrk").args(["--threads", "2", "--connections", "32", "--duration", "1s", &url]));
    let is_right = said.contains("requests in") && !said.contains("Non-2xx") && !said.contains("Socket errors");
    assert!(is_right, "{said}");
    let said = run(Command::new("h2load").args(["--h1", "--requests", "2000", "--clients", "16", &url]));
    assert!(said.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
    for options in [&["-k"][..], &[]] {
        let said = run(Command::new("ab").args(options).args(["-q", "-n", "1000", "-c", "16", &url]));
        let is_right = said.contains("Complete requests:      1000")
            && said.contains("Failed requests:        0")
            && !said.contains("Non-2xx")
            && said.contains(&format!("HTML transferred:       {} bytes", 1000 * SIZE));
        assert!(is_right, "{said}");
    }
    rig.wait_for_rest();
}

/// Both ends are the `websockets` package's: a handshake, messages of many sizes, an orderly close.
fn websockets(subject: Subject) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(python) = python::with("websockets", place, MODULES, PACKAGES) else { return };
    let server = "
import sys
from websockets.sync.server import serve
def echo(socket):
    for message in socket:
        socket.send(message)
with serve(echo, '127.0.0.1', int(sys.argv[1]), max_size=None) as server:
    server.serve_forever()
";
    let listener = Reservation::loopback();
    let port = listener.address().port().to_string();
    let child = Command::new(&python).args(["-c", server, &port]).stdin(Stdio::null()).spawn().expect("python runs");
    let _server = Ending(child);
    wait::until("the server to listen", wait::SOON, || ports::listener_count(listener.address()) > 0);
    let admin = Admin::new();
    let setup = Setup::new(subject, FARM).with("s", listener.address()).with("admin", admin.path().display());
    let proxy = setup.start();
    let client = "
import sys
from websockets.sync.client import connect
count = 0
for visit in range(4):
    with connect(sys.argv[1], max_size=None) as socket:
        for size in (0, 1, 125, 126, 1000, 65535, 65536, 1000000):
            for message in ('x' * size, bytes(size)):
                socket.send(message)
                assert socket.recv(timeout=10) == message
                count += 1
        socket.ping().wait(10)
    assert socket.protocol.close_code == 1000
print(count)
";
    let url = format!("ws://{}/", proxy.address("fe"));
    assert_eq!(run(Command::new(&python).args(["-c", client, &url])), "64\n");
    admin.wait_for("fe", "FRONTEND", "scur", "0");
}

/// Heads, contents and readers that hardly move, fifty of each: everybody else is served as before, and none of them stays for longer
/// than its timeout.
fn slow_clients(subject: Subject) {
    if !needs::is_there("slow_clients", "slowhttptest", "slowhttptest") {
        return;
    }
    let Some(rig) = Rig::start("slow_clients", subject) else { return };
    fs::write(rig.place.path().join("large"), pattern::part(0, 4_000_000)).expect("room for an object");
    fs::write(rig.place.path().join("small"), "small").expect("room for an object");
    let attack = |options: &[&str], path: &str| {
        let mut command = Command::new("slowhttptest");
        command.args(options).args(["-c", "50", "-r", "200", "-i", "1", "-l", "3", "-v", "0", "-u", &rig.url(path)]);
        Ending(
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it is installed"),
        )
    };
    let mut attacks = [
        attack(&["-H"], "/object"),
        attack(&["-B", "-t", "PUT", "-s", "8192"], "/slow"),
        attack(&["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32"], "/large"),
    ];
    let clients = || rig.admin.row("fe", "FRONTEND")["scur"].parse::<u32>().expect("a number");
    wait::until("the slow ones to be there", wait::SOON, || clients() > 60);
    let mut served = 0;
    wait::until("the attacks to end", Duration::from_secs(30), || {
        let begun = Instant::now();
        assert_eq!(http::get(rig.proxy.address("fe"), "/small").content, "small");
        // Loopback and one file: a second is not what slow clients may cost.
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?} for a small object", begun.elapsed());
        served += 1;
        attacks.iter_mut().all(|Ending(child)| child.try_wait().expect("our own child").is_some())
    });
    assert!(served > 10, "{served} were served beside them");
    rig.wait_for_rest();
}

/// A process that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        process::end(&mut self.0, Duration::from_secs(2));
    }
}
