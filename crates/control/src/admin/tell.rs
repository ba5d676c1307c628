//! Commands that read: functions of the facts.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use super::{info, servers, stat};
use stat::{Filter, Hidden};
use std::fmt::Write;
use table::Table;

pub(super) fn version(_: &Call<'_>) -> Answer {
    format!("{}\n", config::COMPATIBLE_VERSION).into()
}

pub(super) fn info(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let is_described = call.has("desc");
    let form = if call.has("typed") {
        info::Form::Typed { is_described }
    } else if call.has("json") {
        info::Form::Json
    } else {
        info::Form::Plain { is_described }
    };
    info::render(&desk.facts(), form).into()
}

pub(super) fn stat(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let filter = match filter(desk.table, call) {
        Ok(filter) => filter,
        Err(message) => return message.into(),
    };
    let form = if call.has("typed") {
        stat::Form::Typed { is_described: call.has("desc") }
    } else if call.has("json") {
        stat::Form::Json
    } else {
        stat::Form::Csv
    };
    let facts = desk.facts();
    stat::render(stat::rows(&facts, &filter), form).into()
}

/// `show stat {IID|NAME} TYPE SID`, if there are three words; numbers are HAProxy's.
fn filter(table: &Table, call: &Call<'_>) -> Result<Filter, &'static str> {
    let hidden = if call.has("up") {
        Hidden::Down
    } else if call.has("no-maint") {
        Hidden::Maintained
    } else {
        Hidden::None
    };
    let all = Filter { hidden, ..Filter::ALL };
    if call.arguments.len() < 3 || call.word(2).parse::<i64>().is_err() {
        return Ok(all);
    }
    let number = |index: usize| call.word(index).parse::<i64>().ok();
    let proxy = match number(0) {
        Some(iid) => u32::try_from(iid).ok(),
        None => Some(proxy_named(table, call.word(0)).ok_or("No such proxy.\n")?),
    };
    // -1 has every bit.
    let kinds = number(1).unwrap_or(0);
    let server = number(2).and_then(|sid| u32::try_from(sid).ok());
    Ok(Filter {
        proxy,
        frontends: kinds & 1 != 0,
        backends: kinds & 2 != 0,
        servers: kinds & 4 != 0,
        listeners: kinds & 8 != 0,
        server,
        hidden,
    })
}

fn proxy_named(table: &Table, name: &str) -> Option<u32> {
    let (frontend, backend) = (table.frontend_named(name), table.backend_named(name));
    let is_it = |proxy: &&table::Proxy| {
        (frontend.is_some() && proxy.frontend == frontend) || (backend.is_some() && proxy.backend == backend)
    };
    table.proxies.iter().find(is_it).map(|proxy| proxy.number.value)
}

pub(super) fn servers_state(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    servers::state(&desk.facts(), call.word(0)).into()
}

pub(super) fn servers_conn(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    servers::conn(&desk.facts(), call.word(0)).into()
}

pub(super) fn backends(desk: &mut Desk<'_>, _: &Call<'_>) -> Answer {
    let names = desk.table.backends.iter().map(|backend| format!("{}\n", backend.name));
    format!("# name\n{}", names.collect::<String>()).into()
}

pub(super) fn sockets(desk: &mut Desk<'_>, _: &Call<'_>) -> Answer {
    let line = |(place, access): &(&super::Place, config::Access)| format!("{place} {} all\n", access.word());
    format!("# socket lvl processes\n{}", desk.sockets.iter().map(line).collect::<String>()).into()
}

pub(super) fn environment(_: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let shown = |name: &str, value: &std::ffi::OsStr| format!("{name}={}\n", value.to_string_lossy());
    match call.word(0) {
        "" => {
            let all = std::env::vars_os().map(|(name, value)| shown(&name.to_string_lossy(), &value));
            all.collect::<String>().into()
        }
        name => std::env::var_os(name).map_or("Variable not found\n".into(), |value| shown(name, &value)).into(),
    }
}

pub(super) fn reloads(desk: &mut Desk<'_>, _: &Call<'_>) -> Answer {
    desk.history.show().into()
}

/// What every shard did, summed from counters that are there anyway.
pub(super) fn activity(desk: &mut Desk<'_>, _: &Call<'_>) -> Answer {
    let facts = desk.facts();
    let wall = facts.now.wall;
    let (process, totals) = (&facts.table.process, facts.table.process.tally.totals());
    let mut text = String::new();
    // A string takes this.
    let _ = writeln!(text, "thread_id: 1 (1..{})", facts.process.shard_count);
    let _ = writeln!(text, "date_now: {}.{:06}", wall.as_second(), wall.subsec_microsecond());
    let _ = writeln!(text, "accepted: {}", totals.connections);
    let _ = writeln!(text, "conn_now: {}", process.conns.current());
    let _ = writeln!(text, "stream_calls: {}", totals.sessions);
    text.into()
}
