//! What a session adds to the counters. The expected numbers are those of HAProxy 2.6 (`show stat`) for the same events.

use super::*;
use table::{Tally, Totals};

/// Plays the events of a transcript without comparing its answers; what was counted where.
fn counted(setup: Setup, script: &str) -> Stage {
    let mut stage = Stage::new(setup);
    script.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| stage.play(line));
    assert!(stage.session().is_closed());
    stage
}

impl Stage {
    fn frontend(&self) -> &Tally {
        &self.table.frontends[0].state.tally
    }

    fn backend(&self) -> &Tally {
        &self.table.backends[0].state.tally
    }

    fn server(&self, index: usize) -> &Tally {
        &self.table.backends[0].servers[index].state.tally
    }
}

#[test]
fn bytes_show_while_the_connection_lasts() {
    let mut stage = Stage::new(PLAIN);
    for line in ["1 connected back", "2 received back +OK\\r\\n", "3 received front QUIT\\r\\n", "4 sent front 5"] {
        stage.play(line);
    }
    let bytes = |tally: &Tally| (tally.totals().bytes_in, tally.totals().bytes_out);
    assert_eq!([stage.frontend(), stage.backend(), stage.server(0)].map(bytes), [(6, 5); 3]);
}

#[test]
fn a_session_that_is_served() {
    let stage = counted(
        PLAIN,
        "
        0 received front HELO_x\\r\\n
        4 connected back
        5 sent back 8
        6 received back 220\\r\\n
        7 sent front 5
        8 ended front
        9 ended back
        10 closed front
        10 closed back
        ",
    );
    let sums = Totals { sessions: 1, bytes_in: 8, bytes_out: 5, ..Totals::default() };
    assert_eq!(stage.frontend().totals(), Totals { connections: 1, ..sums });
    let taken = Totals { picks: 1, connects: 1, ..sums };
    assert_eq!(stage.backend().totals(), taken);
    assert_eq!(stage.server(0).totals(), taken);
    let times = |tally: &Tally| {
        let recent =
            [tally.recent(|t| &t.queue_time), tally.recent(|t| &t.connect_time), tally.recent(|t| &t.total_time)];
        (recent, tally.peaks().total_time.get())
    };
    assert_eq!(times(stage.backend()), ([0, 4, 9], 9));
    assert_eq!(times(stage.server(0)), ([0, 4, 9], 9));
}

#[test]
fn a_server_that_refuses_every_attempt() {
    let stage = counted(
        Setup { retries: 2, ..PLAIN },
        "
        0 received front hello_
        1 refused back
        1 closed back
        1001 timeout
        1002 refused back
        1002 closed back
        2002 timeout
        2003 refused back
        2004 closed front
        2004 closed back
        ",
    );
    let refused = Totals { bytes_in: 6, connects_failed: 1, retries: 2, picks: 1, connects: 3, ..Totals::default() };
    assert_eq!(stage.server(0).totals(), Totals { sessions: 3, ..refused });
    assert_eq!(stage.backend().totals(), Totals { sessions: 1, ..refused });
    assert_eq!(stage.backend().recent(|traffic| &traffic.total_time), 0, "no times without a connection");
}

#[test]
fn a_redispatch_is_counted_where_it_came_from() {
    let stage = counted(
        Setup { redispatch: Some(Redispatch::Last(1)), servers: 2, ..PLAIN },
        "
        1 refused back
        1 closed back
        2 connected back
        3 ended front
        3 ended back
        4 closed front
        4 closed back
        ",
    );
    let tried = Totals { sessions: 1, picks: 1, connects: 1, ..Totals::default() };
    assert_eq!(stage.server(0).totals(), Totals { redispatches: 1, ..tried });
    assert_eq!(stage.server(1).totals(), tried);
    assert_eq!(stage.backend().totals(), Totals { picks: 2, connects: 2, redispatches: 1, sessions: 1, ..tried });
}

#[test]
fn resets_and_silence_are_aborts() {
    let cut = "
        1 connected back
        2 broken front
        2 cancelled back
        2 stopped back
        3 closed front
        3 closed back
        ";
    let stage = counted(PLAIN, cut);
    assert_eq!([stage.backend(), stage.server(0)].map(|tally| tally.totals().client_aborts), [1, 1]);
    let cut = "
        1 connected back
        2 broken back
        2 cancelled front
        2 stopped front
        3 closed front
        3 closed back
        ";
    let stage = counted(PLAIN, cut);
    for tally in [stage.backend(), stage.server(0)] {
        let totals = tally.totals();
        assert_eq!((totals.server_aborts, totals.responses_failed), (1, 1));
    }
}

#[test]
fn who_never_says_who_it_is_becomes_no_session() {
    let stage = counted(
        Setup { accept_proxy: true, ..PLAIN },
        "
        30000 timeout
        30000 cancelled front
        30000 stopped front
        30001 closed front
        ",
    );
    assert_eq!(stage.frontend().totals(), Totals { connections: 1, ..Totals::default() });
    assert_eq!(stage.backend().totals(), Totals::default());
}
