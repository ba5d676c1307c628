//! `tidegate demo`: this very program in front of two origins of its own, so that one can see it at work.
//!
//! It balances, loses an origin, gets it back, reloads with connections open, and then stays up to be tried.

mod origin;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use origin::Origin;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long any one step may take before the demonstration gives up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs it; with `once` it ends after the last step instead of waiting to be tried.
pub(crate) fn run(once: bool) -> ExitCode {
    match show(once) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("The demonstration stopped: {err}");
            ExitCode::FAILURE
        }
    }
}

fn show(once: bool) -> std::io::Result<()> {
    let mut a = Origin::start("A")?;
    let mut b = Origin::start("B")?;
    let gate = Gate::start(&[&a, &b])?;
    let address = gate.address;

    title("Six connections, balanced over two origins");
    gate.wait_until_both_answer()?;
    for _ in 0..6 {
        println!("   {}", greeting(address)?);
    }

    title("Origin B is killed: the next check finds it DOWN, and A takes everything");
    let connected_to_a = (0..2).map(|_| TcpStream::connect(address)).collect::<std::io::Result<Vec<_>>>()?;
    b.stop();
    gate.wait_for_line("Server origins/B is DOWN")?;
    for _ in 0..4 {
        println!("   {}", greeting(address)?);
    }

    title("Origin B comes back: two good checks, and it is UP");
    b.restart()?;
    gate.wait_for_line("Server origins/B is UP")?;
    for _ in 0..4 {
        println!("   {}", greeting(address)?);
    }

    title("Ten reloads (SIGHUP) with fifty connections open: one process, and nobody is cut off");
    let mut open = (0..50).map(|_| Talk::open(address)).collect::<std::io::Result<Vec<_>>>()?;
    let mut fresh = 0;
    for _ in 0..10 {
        gate.signal(Signal::SIGHUP)?;
        for talk in &mut open {
            talk.say("still there?")?;
        }
        gate.wait_for_line("Configuration reloaded")?;
        greeting(address)?;
        fresh += 1;
    }
    println!("   {} connections answered after every reload, {fresh} new ones were taken meanwhile.", open.len());
    drop(open);
    drop(connected_to_a);

    if !once {
        title("Your turn");
        println!("   printf 'hello\\n' | nc {} {}      talk to an origin", address.ip(), address.port());
        println!("   kill -HUP {}                        reload {}", gate.child.id(), gate.file.display());
        println!(
            "   kill -USR1 {}                       stop taking connections, end with the last one",
            gate.child.id()
        );
        println!("   Ctrl-C                               end");
        wait_for_end(gate)?;
    } else {
        println!("\n   Everything above happened as it should.");
    }
    a.stop();
    Ok(())
}

fn title(text: &str) {
    println!("\n── {text}");
}

/// A running Tidegate, with the file that it was started with.
struct Gate {
    child: Child,
    /// What it logs; each line is shown as it comes.
    lines: Receiver<String>,
    address: SocketAddr,
    file: PathBuf,
}

impl Gate {
    fn start(origins: &[&Origin]) -> std::io::Result<Gate> {
        let address = free_address()?;
        let file = std::env::temp_dir().join(format!("tidegate-demo-{}.cfg", std::process::id()));
        let mut text = format!(
            "global\n    maxconn 1000\n    log stdout format raw daemon notice\n\n\
             defaults\n    mode tcp\n    log global\n    timeout connect 2s\n    timeout client  1h\n    timeout server  1h\n\n\
             frontend front\n    bind {address}\n    default_backend origins\n\n\
             backend origins\n    balance roundrobin\n    option redispatch\n"
        );
        for origin in origins {
            text += &format!("    server {} {} check inter 300ms\n", origin.name(), origin.address());
        }
        std::fs::write(&file, &text)?;
        println!("── Tidegate with this configuration ({}):\n\n{text}", file.display());
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("-f").arg(&file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let lines = show_lines(child.stdout.take().expect("its output is piped"));
        let gate = Gate { child, lines, address, file };
        eventually(|| TcpStream::connect(address).is_ok())?;
        Ok(gate)
    }

    /// Until new connections reach both origins.
    fn wait_until_both_answer(&self) -> std::io::Result<()> {
        eventually(|| {
            let mut seen: Vec<String> = (0..4).filter_map(|_| greeting(self.address).ok()).collect();
            seen.sort();
            seen.dedup();
            seen.len() == 2
        })
    }

    /// Until it logs a line with these words.
    fn wait_for_line(&self, words: &str) -> std::io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(words) => return Ok(()),
                Ok(_) => (),
                Err(_) => return Err(std::io::Error::other(format!("it never logged '{words}'"))),
            }
        }
    }

    fn signal(&self, signal: Signal) -> std::io::Result<()> {
        Ok(kill(Pid::from_raw(self.child.id() as i32), signal)?)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // It is our own child, and we end with it.
        let _ = self.signal(Signal::SIGTERM);
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Shows what a child logs, and hands it on.
fn show_lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("   log: {line}");
            // Nobody waits for lines any more when the demonstration has reached its end.
            let _ = sender.send(line);
        }
    });
    receiver
}

fn wait_for_end(mut gate: Gate) -> std::io::Result<()> {
    // Ctrl-C reaches the child as well as us; whoever drains it by SIGUSR1 ends the demonstration too.
    gate.child.wait().map(drop)
}

/// A connection that is kept open.
struct Talk {
    reader: BufReader<TcpStream>,
}

impl Talk {
    fn open(address: SocketAddr) -> std::io::Result<Talk> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut talk = Talk { reader: BufReader::new(stream) };
        talk.line()?;
        Ok(talk)
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.reader.get_mut().write_all(format!("{text}\n").as_bytes())?;
        let answer = self.line()?;
        if answer.ends_with(text) { Ok(()) } else { Err(std::io::Error::other(format!("'{answer}' for '{text}'"))) }
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

/// What the origin behind a new connection says of itself.
fn greeting(address: SocketAddr) -> std::io::Result<String> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Talk { reader: BufReader::new(stream) }.line()
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn eventually(mut holds: impl FnMut() -> bool) -> std::io::Result<()> {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > PATIENCE {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
