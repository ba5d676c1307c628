//! Commands that change limits: of the process, of a frontend, per second.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use table::{RateLimit, UNLIMITED};

const RANGE: &str = "Value out of range.\n";

/// `set maxconn global N`; 0 is as many as the process can hold.
pub(super) fn set_process(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let most = desk.facts().maxconn_most();
    let limit = match number(call.word(0), "Expects an integer value.\n") {
        Ok(0) => most,
        Ok(limit) if limit <= most => limit,
        Ok(_) => return RANGE.into(),
        Err(message) => return message.into(),
    };
    desk.table.process.limiter.set_limit(limit);
    Answer::default()
}

/// `set maxconn frontend F N`; 0 leaves it to the limit of the process.
pub(super) fn set_frontend(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let name = call.word(0);
    if name.is_empty() {
        return "A frontend name is expected.\n".into();
    }
    let Some(id) = desk.table.frontend_named(name) else { return "No such frontend.\n".into() };
    let limit = match number(call.word(1), "Integer value expected.\n") {
        Ok(0) => UNLIMITED,
        Ok(limit) => limit,
        Err(message) => return message.into(),
    };
    desk.table.frontend(id).state.limiter.set_limit(limit);
    Answer::default()
}

/// `set rate-limit connections|sessions|ssl-sessions global N`; 0 is no limit.
pub(super) fn set_rate(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let process = &desk.table.process;
    let rate: &RateLimit = match (call.word(0), call.word(1)) {
        ("connections", "global") => &process.connection_rate,
        ("sessions", "global") => &process.session_rate,
        ("ssl-sessions", "global") => &process.tls.rate,
        _ => {
            return "'set rate-limit' only supports :\n   \
                    - 'connections global' to set the per-process maximum connection rate\n   \
                    - 'sessions global' to set the per-process maximum session rate\n   \
                    - 'ssl-sessions global' to set the per-process maximum SSL session rate\n"
                .into();
        }
    };
    match number(call.word(2), "Expects an integer value.\n") {
        Ok(limit) => rate.set_limit(limit),
        Err(message) => return message.into(),
    }
    Answer::default()
}

fn number(word: &str, expected: &'static str) -> Result<u32, &'static str> {
    match word.parse::<i64>() {
        Ok(number) => u32::try_from(number).map_err(|_| RANGE),
        Err(_) => Err(expected),
    }
}
