//! Root's rights: given up by every thread, in HAProxy's order; what a reload can do without them.

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::{Group, Uid, User};
use tempfile::TempDir;

use e2e::ports::Reservation;
use e2e::{Client, LogServer, Origin, Proxy, Setup, Subject, needs, process, wait};

e2e::scenarios! {
    shared: [
        every_thread_is_who_the_file_names,
        a_reload_after_the_rights_are_gone,
        a_jail_that_is_not_there,
        a_user_that_is_not_there,
        the_seeds_global_section,
    ],
    alone: [],
}

/// Debian has them everywhere, and they own nothing.
const USER: &str = "nobody";
const GROUP: &str = "nogroup";

fn has_root(test: &str) -> bool {
    needs::is_installed(test, "root's rights", Uid::effective().is_root())
}

/// `Uid`, `Gid` and `Groups` of a process that has become them.
fn become_fields() -> [String; 3] {
    let uid = User::from_name(USER).ok().flatten().expect("base-passwd is essential in Debian").uid;
    let gid = Group::from_name(GROUP).ok().flatten().expect("base-passwd is essential in Debian").gid;
    [format!("{uid}\t{uid}\t{uid}\t{uid}"), format!("{gid}\t{gid}\t{gid}\t{gid}"), String::new()]
}

/// What a thread of the subject may do beyond others: nothing, or binding ports below 1024 (capabilities(7): bit 10).
fn capabilities(subject: Subject) -> String {
    match subject {
        Subject::Haproxy => "0000000000000000".to_owned(),
        Subject::Tidegate => "0000000000000400".to_owned(),
    }
}

/// A directory to live in, open to everybody.
fn jail() -> TempDir {
    let directory = TempDir::new().expect("a directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("our own");
    directory
}

fn every_thread_is_who_the_file_names(subject: Subject) {
    if !has_root("every_thread_is_who_the_file_names") {
        return;
    }
    let (origin, jail) = (Origin::named("s1"), jail());
    let global = format!("user {USER}\n group {GROUP}\n chroot {}", jail.path().display());
    let mut proxy = Setup::relay(subject, &global, &origin).start();
    assert_eq!(proxy.connect("px").line(), "s1");
    let [uid, gid, groups] = become_fields();
    assert_eq!(process::identities(proxy.pid()), [[uid, gid, groups, capabilities(subject)]]);
    assert_jailed(&proxy, jail.path());
    assert_eq!(proxy.stop_with(Signal::SIGUSR1, wait::SOON).code(), Some(0));
}

/// All threads of haproxy are in the jail; of Tidegate, those that hear strangers.
fn assert_jailed(proxy: &Proxy, jail: &Path) {
    let roots = process::roots(proxy.pid());
    let jailed: Vec<_> = match proxy.subject() {
        Subject::Haproxy => roots,
        Subject::Tidegate => roots.into_iter().filter(|(name, _)| name.starts_with("tidegate/")).collect(),
    };
    assert!(!jailed.is_empty() && jailed.iter().all(|(_, root)| root == jail), "{jailed:?}");
}

/// A port below 1024 that nobody has.
fn privileged_port() -> SocketAddr {
    let free = (600..1024).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    free.into_iter().find(|address| TcpListener::bind(address).is_ok()).expect("one of 424")
}

/// The file is read again, and a port that only root may bind is bound.
fn a_reload_after_the_rights_are_gone(subject: Subject) {
    if !has_root("a_reload_after_the_rights_are_gone") {
        return;
    }
    let (origin, jail) = (Origin::named("s1"), jail());
    let global = format!("user {USER}\n group {GROUP}\n chroot {}", jail.path().display());
    let mut proxy = Setup::relay(subject, &global, &origin).reloadable().start();
    let mut held = proxy.connect("px");
    assert_eq!(held.line(), "s1");
    fs::set_permissions(format!("/proc/{}/cwd/.", proxy.pid()), Permissions::from_mode(0o755)).expect("our own");
    let port = privileged_port();
    let text = proxy.template().replace("bind @px@", &format!("bind @px@\n bind {port}"));
    proxy.rewrite(&text);
    proxy.reload();
    wait::until("the new port", wait::SOON, || Client::try_to(port).is_ok_and(|mut client| client.line() == "s1"));
    assert_eq!(held.ask("still there?"), "still there?");
}

fn a_jail_that_is_not_there(subject: Subject) {
    if !has_root("a_jail_that_is_not_there") {
        return;
    }
    let origin = Origin::named("s1");
    let said = Setup::relay(subject, "chroot /nonexistent", &origin).run_to_failure();
    assert!(said.contains(".main()] Cannot chroot(/nonexistent)."), "{said}");
}

fn a_user_that_is_not_there(subject: Subject) {
    let origin = Origin::named("s1");
    let said = Setup::relay(subject, "user no-such\n group no-such", &origin).argument("-c").run_to_failure();
    for what in ["user", "group"] {
        let expect = format!("cannot find {what} id for 'no-such' (0:Success)");
        assert!(said.contains(&expect), "{said}");
    }
}

/// The `global` section of Dovecot's page on HAProxy, with paths and users of this machine and without its `stats socket`.
fn the_seeds_global_section(subject: Subject) {
    if !has_root("the_seeds_global_section") {
        return;
    }
    let (origin, jail, logs, px) = (Origin::named("s1"), jail(), LogServer::udp(), Reservation::loopback());
    let run = TempDir::new().expect("a directory");
    let pidfile = run.path().join("haproxy.pid");
    let global = format!(
        "log {log} local2
            chroot {jail}
            pidfile {pidfile}
            maxconn 600
            user {USER}
            group {GROUP}
            daemon",
        log = logs.target(),
        jail = jail.path().display(),
        pidfile = pidfile.display(),
    );
    let sections = "listen px\n bind @px@\n server s1 @s1@";
    let setup = Setup::file(subject, &global, "mode tcp\n log global", sections).with("s1", origin.target());
    let ended = setup.with("px", px.address()).run_to_end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let pid = process::Stray::named_in(&pidfile);
    assert_eq!(Client::to(px.address()).line(), "s1");
    let line = logs.line_with("Connect from");
    assert!(line.starts_with("<150>") && line.contains(&format!(" haproxy[{}]: ", pid.pid())), "{line}");
    let [uid, gid, groups] = become_fields();
    assert_eq!(process::identities(pid.pid()), [[uid, gid, groups, capabilities(subject)]]);
    pid.end();
}
