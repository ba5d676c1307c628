//! Commands that change how a server is checked, and how its agent is asked.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use super::server::Target;
use crate::checks::{Change, Kind};
use check::Why;
use table::{Health, Place};

/// `set server B/S agent up|down`: as if the agent had said so.
pub(super) fn set_agent(desk: &mut Desk<'_>, target: &Target, word: &str) -> Answer {
    if !is_enabled(desk, target, Kind::Agent) {
        return "agent checks are not enabled on this server.\n".into();
    }
    let to = match word {
        "up" => Health::Up,
        "down" => Health::Down,
        _ => return "'set server <srv> agent' expects 'up' or 'down'.\n".into(),
    };
    desk.checks.force(&target.server, Kind::Agent, to == Health::Up);
    desk.change_health(Change { server: target.id, to, why: Why::Operator });
    Answer::default()
}

/// `set server B/S agent-send TEXT`
pub(super) fn say_to_agent(desk: &mut Desk<'_>, target: &Target, text: &str) -> Answer {
    if !is_enabled(desk, target, Kind::Agent) {
        return "agent checks are not enabled on this server.\n".into();
    }
    desk.checks.say_to_agent(&target.server, text);
    desk.checks.adopt(desk.table);
    Answer::default()
}

/// `set server B/S check-addr ADDR [port PORT]`, `check-port PORT`, and the same of the agent.
pub(super) fn move_to(desk: &mut Desk<'_>, target: &Target, kind: Kind, name: &str, words: &Call<'_>) -> Answer {
    if !is_enabled(desk, target, kind) {
        let whose = match kind {
            Kind::Check => "health",
            Kind::Agent => "agent",
        };
        return format!("{whose} checks are not enabled on this server\n").into();
    }
    let place = match (name.ends_with("-port"), words.word(1)) {
        (true, "") => return format!("set server <b>/<s> {name} requires a port.\n").into(),
        (true, word) => port(word).map(|port| Place { port, ip: None }),
        (false, "") => {
            return format!("set server <b>/<s> {name} requires an address and optionally a port.\n").into();
        }
        (false, word) => addressed(word, words),
    };
    match place {
        Ok(place) => desk.checks.move_to(&target.server, kind, place),
        Err(message) => return message.into(),
    }
    desk.checks.adopt(desk.table);
    Answer::default()
}

fn addressed(word: &str, words: &Call<'_>) -> Result<Place, String> {
    let ip = word.parse().map_err(|_| format!("invalid addr '{word}'\n"))?;
    let port = if words.word(2) == "port" { port(words.word(3))? } else { None };
    Ok(Place { ip: Some(ip), port })
}

/// 0 names none.
fn port(word: &str) -> Result<Option<u16>, String> {
    let number: i64 = word.parse().map_err(|_| "provided port is not an integer\n")?;
    let port = u16::try_from(number).map_err(|_| "provided port is invalid\n")?;
    Ok(Some(port).filter(|&port| port > 0))
}

fn is_enabled(desk: &Desk<'_>, target: &Target, kind: Kind) -> bool {
    desk.checks.place(&target.server, kind).is_some() && !desk.checks.is_paused(&target.server, kind)
}
