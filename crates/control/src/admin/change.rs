//! Commands that change something.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use super::dispatch::DENIED;
use config::Access;

/// What was most may be forgotten by operators, what was counted by admins alone.
pub(super) fn clear_counters(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let is_all = call.word(0) == "all";
    if is_all && call.access < Access::Admin {
        return DENIED.into();
    }
    let table = desk.table;
    let mut tallies = vec![&table.process.tally];
    let mut conns = vec![&table.process.conns];
    for frontend in &table.frontends {
        tallies.push(&frontend.state.tally);
        conns.push(&frontend.state.conns);
        for listener in frontend.binds.iter().filter_map(|bind| bind.state.as_ref()) {
            tallies.push(&listener.tally);
            conns.push(&listener.conns);
        }
    }
    for backend in &table.backends {
        tallies.push(&backend.state.tally);
        conns.push(&backend.state.conns);
        for server in &backend.servers {
            tallies.push(&server.state.tally);
            server.state.clear_conns_most();
        }
    }
    conns.into_iter().for_each(|conns| conns.clear_peak());
    if is_all {
        tallies.into_iter().for_each(|tally| tally.clear());
        desk.checks.clear_counts();
        desk.ledger.clear();
    } else {
        tallies.into_iter().for_each(|tally| tally.clear_peaks());
    }
    Answer::default()
}
