//! Clients that others have written, which say a few words over TLS and tell what they hear.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// What `openssl s_client` hears back when it says `said` and waits for as much.
pub fn s_client(arguments: &[&str], said: &str) -> String {
    converse(Command::new("openssl").args(["s_client", "-quiet", "-no_ign_eof"]).args(arguments), said)
}

/// All that `openssl s_client` tells of a connection on which it says nothing.
pub fn s_client_says(arguments: &[&str]) -> String {
    let output = Command::new("openssl").arg("s_client").args(arguments).stdin(Stdio::null()).output();
    String::from_utf8_lossy(&output.expect("openssl runs").stdout).into_owned()
}

/// The same of `gnutls-cli`.
pub fn gnutls_cli(arguments: &[&str], said: &str) -> String {
    // What it says of itself would stand between the bytes.
    converse(Command::new("gnutls-cli").arg("--logfile=/dev/null").args(arguments), said)
}

fn converse(command: &mut Command, said: &str) -> String {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    // It may be gone already.
    let _ = stdin.write_all(said.as_bytes());
    let mut heard = vec![0; said.len()];
    let count = match child.stdout.take().expect("piped").read_exact(&mut heard) {
        Ok(()) => heard.len(),
        Err(_) => 0,
    };
    drop(stdin);
    child.wait().expect("our own child");
    heard.truncate(count);
    String::from_utf8(heard).expect("what was said")
}
