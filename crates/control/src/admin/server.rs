//! Commands that change a server: its weight, its state, its health, its address.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use super::{notices, sessions};
use crate::clock;
use shard::Whose;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use table::{Admin, Backend, Balance, Health, Server, ServerAddr, ServerId, WEIGHT_MOST};

/// `get weight B/S`
pub(super) fn weight_of(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |_, target, _| {
        let (now, initial) = (target.server.state.weight(), target.server.settings.weight);
        format!("{now} (initial {initial})\n").into()
    })
}

/// `set weight B/S N`
pub(super) fn set_weight(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, words| weigh(desk, target, words.word(0)))
}

/// `set maxconn server B/S N`; 0 is no limit.
pub(super) fn set_maxconn(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, words| {
        let word = words.word(0);
        let Ok(most) = word.parse::<u32>() else { return "maxconn string empty or preceded by garbage\n".into() };
        desk.change(target.id, |backend, server| backend.state.set_maxconn(server, NonZeroU32::new(most)));
        Answer::default()
    })
}

/// `enable server B/S`
pub(super) fn enable(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, _| set_admin(desk, target, Admin::Ready))
}

/// `disable server B/S`
pub(super) fn disable(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, _| set_admin(desk, target, Admin::Maint))
}

/// `enable health B/S`
pub(super) fn enable_health(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, _| {
        if target.server.settings.check.is_none() {
            return "Health check was not configured on this server, cannot enable.\n".into();
        }
        desk.checks.set_paused(&target.server, false);
        Answer::default()
    })
}

/// `disable health B/S`: the server stays as it is.
pub(super) fn disable_health(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, _| {
        desk.checks.set_paused(&target.server, true);
        Answer::default()
    })
}

/// `enable agent B/S`: there is none on any server.
pub(super) fn enable_agent(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |_, _, _| "Agent was not configured on this server, cannot enable.\n".into())
}

/// `disable agent B/S`
pub(super) fn disable_agent(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |_, _, _| Answer::default())
}

/// `set server B/S …`
pub(super) fn set(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, words| match words.word(0) {
        "weight" => weigh(desk, target, words.word(1)),
        "state" => match words.word(1) {
            "ready" => set_admin(desk, target, Admin::Ready),
            "drain" => drain(desk, target, &words),
            "maint" => set_admin(desk, target, Admin::Maint),
            _ => "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n".into(),
        },
        "health" => match words.word(1) {
            "up" => set_health(desk, target, Health::Up),
            "down" => set_health(desk, target, Health::Down),
            _ => "'set server <srv> health' expects 'up' and 'down'.\n".into(),
        },
        "agent" => "agent checks are not enabled on this server.\n".into(),
        "addr" => move_to(desk, target, &words),
        _ => "usage: set server <backend>/<server> addr | agent | health | state | weight\n".into(),
    })
}

/// `shutdown session ID`. Whether it is still there, its shard knows.
pub(super) fn shutdown_session(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    match sessions::parsed(call.word(0)) {
        Some((shard, id)) => desk.shut_down.push(Whose::Session(shard, id)),
        None if call.word(0).starts_with("0x") => return "No such session (use 'show sess').\n".into(),
        None => return "Session pointer expected (use 'show sess').\n".into(),
    }
    Answer::default()
}

/// `shutdown sessions server B/S`
pub(super) fn shutdown_sessions(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    with_server(desk, call, |desk, target, _| {
        desk.shut_down.push(Whose::Server(Arc::clone(&target.server.state)));
        Answer::default()
    })
}

/// The server that a command names.
struct Target {
    id: ServerId,
    backend: Arc<Backend>,
    server: Arc<Server>,
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
            act(desk, target, Call { arguments, access: call.access })
        }
        Err(message) => message.into(),
    }
}

fn find(desk: &Desk<'_>, name: &str) -> Result<Target, &'static str> {
    let (backend_name, server_name) = name.split_once('/').ok_or("Require 'backend/server'.\n")?;
    let backend_id = desk.table.backend_named(backend_name).ok_or("No such backend.\n")?;
    let backend = Arc::clone(desk.table.backend(backend_id));
    let index = backend.servers.iter().position(|server| *server.name == *server_name).ok_or("No such server.\n")?;
    let id = ServerId { backend: backend_id, index: index as u32 };
    Ok(Target { id, server: Arc::clone(&backend.servers[index]), backend })
}

/// `N`, or `N%` of what the file says.
fn weigh(desk: &mut Desk<'_>, target: Target, word: &str) -> Answer {
    let Target { backend, server, .. } = &target;
    let weight = match weight(word, server.settings.weight) {
        Ok(weight) => weight,
        Err(message) => return message.into(),
    };
    let is_static = matches!(backend.balance, Balance::StaticRr | Balance::Source);
    if is_static && weight != 0 && weight != server.settings.weight {
        return "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n".into();
    }
    desk.change(target.id, |backend, server| backend.state.set_weight(server, weight));
    Answer::default()
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

fn set_admin(desk: &mut Desk<'_>, target: Target, admin: Admin) -> Answer {
    let before = target.server.state.admin();
    if before == admin {
        return Answer::default();
    }
    desk.change(target.id, |backend, server| backend.state.set_admin(server, admin));
    // Maintenance is without checks: they end with it, or begin when it ends.
    desk.checks.adopt(desk.table);
    let lines = notices::on_admin(&target.backend, &target.server, before, admin);
    desk.tell_first(target.id, lines);
    Answer::default()
}

/// `drain [pace N/s]`: with a pace, those that are there are sent away, so many per second.
fn drain(desk: &mut Desk<'_>, target: Target, words: &Call<'_>) -> Answer {
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

fn set_health(desk: &mut Desk<'_>, target: Target, health: Health) -> Answer {
    let before = target.server.state.health();
    desk.checks.force(&target.server, health == Health::Up);
    if before == health {
        return Answer::default();
    }
    desk.change(target.id, |backend, server| backend.state.set_health(server, health));
    let lines = vec![notices::on_health(&target.backend, &target.server, health)];
    desk.tell_first(target.id, lines);
    Answer::default()
}

/// `addr IP [port N]`: where new connections go from now on.
fn move_to(desk: &mut Desk<'_>, target: Target, words: &Call<'_>) -> Answer {
    const BY: &str = "by 'stats socket command'\n";
    let word = words.word(1);
    let Ok(ip) = word.parse::<IpAddr>() else { return format!("Invalid addr '{word}' {BY}").into() };
    let ServerAddr::Ip(before) = target.server.address() else {
        return "Only an address of IP can be changed.\n".into();
    };
    let port = match (words.word(2), words.word(3)) {
        ("", _) => None,
        ("port", port) => match port.parse::<u16>() {
            Ok(port) => Some(port),
            Err(_) => return format!("provided port is not an integer {BY}").into(),
        },
        _ => return "set server <b>/<s> addr requires an address and optionally a port.\n".into(),
    };
    let mut text = match before.ip() {
        old if old == ip => String::from("no need to change the addr"),
        old => format!("IP changed from '{old}' to '{ip}'"),
    };
    match port {
        None => (),
        Some(port) if port == before.port() => text.push_str(", no need to change the port"),
        Some(port) => text.push_str(&format!(", port changed from '{}' to '{port}'", before.port())),
    }
    let after = std::net::SocketAddr::new(ip, port.unwrap_or(before.port()));
    target.server.move_to(ServerAddr::Ip(after));
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
