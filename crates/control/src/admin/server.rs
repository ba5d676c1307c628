//! Commands that change a server: its weight, its state, its health, its address.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use super::notices::Wish;
use super::{checks, notices, sessions};
use crate::checks::{Change, Kind, followers};
use crate::clock;
use check::Why;
use session::Shutdown;
use shard::Whose;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use table::{Admin, Backend, Balance, Health, Mapping, Server, ServerAddr, ServerId, Table, WEIGHT_MOST};

/// `get weight B/S`
pub(super) fn weight_of(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |_, target, _| {
        let (now, initial) = (target.server.state.weight(), target.server.settings.weight);
        format!("{now} (initial {initial})\n").into()
    })
}

/// `set weight B/S N`
pub(super) fn set_weight(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, words| answer(weigh(desk, &target, words.word(0))))
}

/// `set maxconn server B/S N`; 0 is no limit.
pub(super) fn set_maxconn(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, words| answer(limit(desk, &target, words.word(0))))
}

/// `enable server B/S`
pub(super) fn enable(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, _| set_admin(desk, &target, Admin::Ready))
}

/// `disable server B/S`
pub(super) fn disable(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, _| set_admin(desk, &target, Admin::Maint))
}

/// `enable health B/S`, `enable agent B/S`
fn resume(desk: &mut Desk<'_>, call: &Call<'_>, kind: Kind) -> Answer {
    with_server(desk, call, |desk, target, _| {
        if desk.checks.place(&target.server, kind).is_none() {
            let what = match kind {
                Kind::Check => "Health check",
                Kind::Agent => "Agent",
            };
            return format!("{what} was not configured on this server, cannot enable.\n").into();
        }
        desk.checks.set_paused(&target.server, kind, false);
        Answer::default()
    })
}

/// `disable health B/S`, `disable agent B/S`: the server stays as it is.
fn pause(desk: &mut Desk<'_>, call: &Call<'_>, kind: Kind) -> Answer {
    with_server(desk, call, |desk, target, _| {
        desk.checks.set_paused(&target.server, kind, true);
        Answer::default()
    })
}

pub(super) fn enable_health(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    resume(desk, call, Kind::Check)
}

pub(super) fn disable_health(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    pause(desk, call, Kind::Check)
}

pub(super) fn enable_agent(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    resume(desk, call, Kind::Agent)
}

pub(super) fn disable_agent(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    pause(desk, call, Kind::Agent)
}

/// `set server B/S …`
pub(super) fn set(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, words| match words.word(0) {
        "weight" => answer(weigh(desk, &target, words.word(1))),
        "state" => match words.word(1) {
            "ready" => set_admin(desk, &target, Admin::Ready),
            "drain" => drain(desk, &target, &words),
            "maint" => set_admin(desk, &target, Admin::Maint),
            _ => "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n".into(),
        },
        "health" => match words.word(1) {
            "up" => set_health(desk, target, Health::Up),
            "stopping" => set_health(desk, target, Health::Stopping),
            "down" => set_health(desk, target, Health::Down),
            _ => "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n".into(),
        },
        "agent" => checks::set_agent(desk, &target, words.word(1)),
        "agent-send" => checks::say_to_agent(desk, &target, words.word(1)),
        name @ ("check-addr" | "check-port") => checks::move_to(desk, &target, Kind::Check, name, &words),
        name @ ("agent-addr" | "agent-port") => checks::move_to(desk, &target, Kind::Agent, name, &words),
        "addr" => move_to(desk, target, &words),
        _ => {
            let words = "addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | health | state | weight";
            format!("usage: set server <backend>/<server> {words}\n").into()
        }
    })
}

/// `shutdown session ID`. Whether it is still there, its shard knows.
pub(super) fn shutdown_session(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    match sessions::parsed(call.word(0)) {
        Some((shard, id)) => desk.shut_down.push((Whose::Session(shard, id), Shutdown::Operator)),
        None if call.word(0).starts_with("0x") => return "No such session (use 'show sess').\n".into(),
        None => return "Session pointer expected (use 'show sess').\n".into(),
    }
    Answer::default()
}

/// `shutdown sessions server B/S`
pub(super) fn shutdown_sessions(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, _| {
        desk.shut_down.push((Whose::Server(Arc::clone(&target.server.state)), Shutdown::Operator));
        Answer::default()
    })
}

/// The server that a command names.
pub(super) struct Target {
    pub(super) id: ServerId,
    pub(super) backend: Arc<Backend>,
    pub(super) server: Arc<Server>,
}

impl Target {
    pub(super) fn at(table: &Table, id: ServerId) -> Target {
        Target { id, backend: Arc::clone(table.backend(id.backend)), server: Arc::clone(table.server(id)) }
    }
}

/// What could not be done is all that is said.
fn answer(done: Result<(), &'static str>) -> Answer {
    done.err().map_or(Answer::default(), Answer::from)
}

/// Finds the server that the first word names, `backend/server`; the other words are the command's.
fn with_server(
    desk: &mut Desk<'_>,
    call: &Call<'_>,
    act: impl FnOnce(&mut Desk<'_>, Target, Call<'_>) -> Answer,
) -> Answer {
    match find(desk, call.word(0)) {
        Ok(target) => {
            let arguments = call.arguments.get(1..).unwrap_or_default();
            act(desk, target, Call { arguments, ..*call })
        }
        Err(message) => message.into(),
    }
}

fn find(desk: &Desk<'_>, name: &str) -> Result<Target, &'static str> {
    let (backend_name, server_name) = name.split_once('/').ok_or("Require 'backend/server'.\n")?;
    let backend_id = desk.table.backend_named(backend_name).ok_or("No such backend.\n")?;
    let backend = desk.table.backend(backend_id);
    let index = backend.servers.iter().position(|server| *server.name == *server_name).ok_or("No such server.\n")?;
    let id = ServerId { backend: backend_id, index: index as u32 };
    Ok(Target::at(desk.table, id))
}

/// `N`, or `N%` of what the file says.
pub(super) fn weigh(desk: &mut Desk<'_>, target: &Target, word: &str) -> Result<(), &'static str> {
    let Target { backend, server, .. } = target;
    let weight = weight(word, server.settings.weight)?;
    let is_static = matches!(backend.balance, Balance::StaticRr | Balance::Hash(Mapping::Map));
    if is_static && weight != 0 && weight != server.settings.weight {
        return Err("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n");
    }
    desk.change(target.id, |backend, server| backend.state.set_weight(server, weight));
    Ok(())
}

/// How many connections a server takes; 0 is no limit.
pub(super) fn limit(desk: &mut Desk<'_>, target: &Target, word: &str) -> Result<(), &'static str> {
    let digits = word.len() - word.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let most = word[..digits].parse::<u32>().map_err(|_| "maxconn string empty or preceded by garbage\n")?;
    if digits < word.len() {
        return Err("Trailing garbage in maxconn string\n");
    }
    desk.change(target.id, |backend, server| backend.state.set_maxconn(server, NonZeroU32::new(most)));
    Ok(())
}

fn weight(word: &str, initial: u16) -> Result<u16, &'static str> {
    if word.is_empty() {
        return Err("Require <weight> or <weight%>.\n");
    }
    let end = word.find(|character: char| !(character.is_ascii_digit() || character == '-')).unwrap_or(word.len());
    let (digits, rest) = word.split_at(end);
    let number: i64 = digits.parse().map_err(|_| "Empty weight string empty or preceded by garbage\n")?;
    match rest {
        "%" if number < 0 => Err("Relative weight must be positive.\n"),
        "%" => {
            let weight = i64::from(initial).saturating_mul(number) / 100;
            Ok(u16::try_from(weight).unwrap_or(WEIGHT_MOST).min(WEIGHT_MOST))
        }
        "" => match u16::try_from(number) {
            Ok(weight) if weight <= WEIGHT_MOST => Ok(weight),
            Ok(_) | Err(_) => Err("Absolute weight can only be between 0 and 256 inclusive.\n"),
        },
        _ => Err("Trailing garbage in weight string\n"),
    }
}

pub(super) fn set_admin(desk: &mut Desk<'_>, target: &Target, admin: Admin) -> Answer {
    if target.server.state.own_admin() != admin {
        wish(desk, target, Wanted::Own(admin), None);
        // Maintenance is without checks: they end with it, or begin when it ends.
        desk.checks.adopt(desk.table);
    }
    Answer::default()
}

/// `drain [pace N/s]`: with a pace, those that are there are sent away, so many per second.
fn drain(desk: &mut Desk<'_>, target: &Target, words: &Call<'_>) -> Answer {
    let pace = match (words.word(2), words.word(3)) {
        ("", _) => None,
        ("pace", word) => match pace(word) {
            Some(pace) => Some(pace),
            None => return "'pace' expects how many sessions are to leave per second, such as 50/s.\n".into(),
        },
        _ => return "'set server <srv> state drain' knows only 'pace <n>/s'.\n".into(),
    };
    match pace {
        Some(pace) => desk.evictions.begin(&target.server, pace, clock::now()),
        None => desk.evictions.end(&target.server),
    }
    set_admin(desk, target, Admin::Drain)
}

fn pace(word: &str) -> Option<NonZeroU32> {
    word.strip_suffix("/s").unwrap_or(word).parse().ok()
}

/// What is to be of a server.
enum Wanted {
    /// The operator says so.
    Own(Admin),
    /// The server that it follows is so.
    Inherited(Admin),
    /// It is there.
    At(ServerAddr),
}

/// Changes what is wanted of a server, and with it of those that follow it. `via`: the one that it follows itself.
fn wish(desk: &mut Desk<'_>, target: &Target, wanted: Wanted, via: Option<&Target>) {
    let Target { backend, server, .. } = target;
    let (before, told) = (Wish::of(server), desk.told.len());
    desk.change(target.id, |backend, server| match wanted {
        Wanted::Own(admin) => backend.state.set_admin(server, admin),
        Wanted::Inherited(admin) => backend.state.set_inherited_admin(server, admin),
        Wanted::At(addr) => backend.state.move_to(server, addr),
    });
    let after = Wish::of(server);
    let via = via.map(|via| (&*via.backend.name, &*via.server.name));
    desk.tell_from(told, target.id, notices::on_admin(backend, server, before, after, via));
    if before.effective() == after.effective() {
        return;
    }
    if after.effective() == Admin::Maint {
        desk.shut_down.extend(crate::checks::on_marked_down(server));
    }
    for id in followers(desk.table, server) {
        let follower = Target::at(desk.table, id);
        wish(desk, &follower, Wanted::Inherited(after.effective()), Some(target));
    }
}

fn set_health(desk: &mut Desk<'_>, target: Target, to: Health) -> Answer {
    if target.server.settings.track.is_some() {
        return "cannot change health on a tracking server.\n".into();
    }
    desk.checks.force(&target.server, Kind::Check, to != Health::Down);
    desk.change_health(Change { server: target.id, to, why: Why::Operator });
    Answer::default()
}

/// `addr IP [port N]`: where new connections go from now on.
fn move_to(desk: &mut Desk<'_>, target: Target, words: &Call<'_>) -> Answer {
    const BY: &str = "by 'stats socket command'\n";
    let word = words.word(1);
    let Ok(ip) = word.parse::<IpAddr>() else { return format!("Invalid addr '{word}' {BY}").into() };
    let (ip_before, port_before) = match target.server.address() {
        ServerAddr::Ip(addr) => (Some(addr.ip()), addr.port()),
        ServerAddr::Nowhere(port) => (None, port),
        ServerAddr::Unix(_) | ServerAddr::Abstract(_) => return "Only an address of IP can be changed.\n".into(),
    };
    let port = match (words.word(2), words.word(3)) {
        ("", _) => None,
        ("port", port) => match port.parse::<u16>() {
            Ok(port) => Some(port),
            Err(_) => return format!("provided port is not an integer {BY}").into(),
        },
        _ => return "set server <b>/<s> addr requires an address and optionally a port.\n".into(),
    };
    let mut text = match ip_before {
        Some(old) if old == ip => String::from("no need to change the addr"),
        Some(old) => format!("IP changed from '{old}' to '{ip}'"),
        None => format!("IP changed from '(none)' to '{ip}'"),
    };
    match port {
        None => (),
        Some(port) if port == port_before => text.push_str(", no need to change the port"),
        Some(port) => text.push_str(&format!(", port changed from '{port_before}' to '{port}'")),
    }
    let after = SocketAddr::new(ip, port.unwrap_or(port_before));
    wish(desk, &target, Wanted::At(ServerAddr::Ip(after)), None);
    // Checks follow their server, unless they have an address of their own.
    desk.checks.adopt(desk.table);
    format!("{text} {BY}").into()
}

#[cfg(test)]
mod tests {
    use super::weight;

    /// As HAProxy 2.6 answers.
    #[test]
    fn weights() {
        let garbage = Err("Trailing garbage in weight string\n");
        let range = Err("Absolute weight can only be between 0 and 256 inclusive.\n");
        for (word, expected) in [
            ("0", Ok(0)),
            ("256", Ok(256)),
            ("257", range),
            ("-1", range),
            ("99999999999999999999", Err("Empty weight string empty or preceded by garbage\n")),
            ("50%", Ok(5)),
            ("10000%", Ok(256)),
            ("-5%", Err("Relative weight must be positive.\n")),
            ("1x", garbage),
            ("10%x", garbage),
            ("", Err("Require <weight> or <weight%>.\n")),
            ("x", Err("Empty weight string empty or preceded by garbage\n")),
        ] {
            assert_eq!(weight(word, 10), expected, "{word}");
        }
    }
}
