//! What each script must say, in every world.

/// Hands all scripts, with what they must say, to the macro `$plays`, one module of scripts after the other.
macro_rules! conformance {
    ($plays:ident) => {
        // Error numbers are those of `connect(2)`, `send(2)` and `tcp(7)`.
        $plays! { scripts
            recv_then_cancel: ["cancelled", "received ECANCELED"];
            recv_and_cancel_in_one_turn: ["cancelled", "received ECANCELED"];
            cancel_then_send: ["cancelled", "sent Ok(5)", "later"];
            cancel_twice: ["cancelled", "cancelled", "received ECANCELED"];
            data_then_end: ["received \"hello\"", "received the end", "received the end"];
            more_is_told: ["4080 bytes, more: true", "26 bytes, more: false"];
            reset_while_receiving: ["received ECONNRESET", "received the end", "sent Err(EPIPE)"];
            send_to_a_reset_peer: ["sent Err(ECONNRESET)", "sent Err(EPIPE)"];
            connect_is_refused: ["connected Err(ECONNREFUSED)", "closed"];
            a_listener_refuses_and_listens_again:
                ["reset", "connected Err(ECONNREFUSED)", "closed", "accepted"];
            connect_succeeds: ["connected Ok(())", "sent Ok(5)", "hello", "received \"* OK\""];
            connect_then_cancel: ["cancelled", "connected Err(ECANCELED)", "closed"];
            two_are_accepted: ["readable Ok(())", "accepted", "accepted", "nobody waits"];
            readable_is_cancelled: ["cancelled", "readable Err(ECANCELED)"];
            an_orderly_close: ["sent Ok(3)", "bye", "closed", "end"];
            a_close_by_reset: ["sent Ok(3)", "bye", "closed", "reset"];
            a_starved_receive_recovers: ["4 buffers are held", "starved: 1", "received \"x\""];
            a_starved_receive_is_cancelled:
                ["4 buffers are held", "starved: 1", "cancelled", "received ECANCELED", "received \"x\""];
            a_silent_receive_starves_nobody: ["4 buffers are held", "starved: 1", "received \"x\"", "starved: 1"];
            a_half_close_leaves_the_other_half:
                ["finished Ok(())", "end", "received \"still here\"", "sent Err(EPIPE)", "received the end"];
            a_full_socket_makes_sends_wait: ["a send waits", "all of it arrived"];
            a_waiting_send_is_cancelled: ["cancelled", "sent Err(ECANCELED)", "closed"];
            a_wake_ends_a_turn: ["woken", "woken", "and not again"];
            a_past_deadline_does_not_wait: ["at once"];
            a_bound_socket_is_discarded: ["the same address: true"];
            a_fetched_connection_goes_on: ["received \"hello\"", "sent Ok(3)", "bye", "closed", "end"];
            a_connection_ends_when_nobody_holds_it: ["closed", "still open", "end"];
        }

        // Error numbers are those of `splice(2)`, which has them from `recv(2)` and `send(2)`.
        $plays! { splices
            from_one_socket_to_another: ["filled 5", "drained Ok(5), 0 left", "hello", "filled the end", "filled the end"];
            a_fill_takes_no_more_than_it_may:
                ["filled 5", "drained Ok(5), 0 left", "hello", "filled 2", "received \"world\""];
            fill_then_cancel: ["cancelled", "filled ECANCELED"];
            fill_and_cancel_in_one_turn: ["cancelled", "filled ECANCELED"];
            reset_while_filling: ["filled ECONNRESET", "filled the end"];
            bytes_before_a_reset_are_filled: ["filled 5", "filled ECONNRESET"];
            drain_to_a_reset_peer: ["drained Err(ECONNRESET), 5 left", "drained Err(EPIPE), 5 left"];
            a_half_close_leaves_the_drain: ["filled the end", "drained Ok(5), 0 left", "there"];
            nothing_is_drained_after_the_end: ["finished Ok(())", "filled 5", "drained Err(EPIPE), 5 left"];
            a_full_socket_makes_drains_wait: ["a drain waits", "all of it arrived"];
            a_waiting_drain_is_cancelled: ["cancelled", "drained Err(ECANCELED)", "closed"];
            a_fill_without_a_pipe_takes_nothing: ["no pipe", "received \"hello\""];
            an_end_is_not_seen_without_a_pipe: ["no pipe", "received the end"];
            a_spoiled_pipe_is_clean_for_the_next: ["spoiled", "drained Ok(5), 0 left", "mine!"];
            a_flow_that_rests_holds_no_pipe: ["filled 5"];
            a_spliced_socket_still_receives_and_sends:
                ["filled 5", "received \"again\"", "sent Ok(5)", "reply", "filled 4", "sent Ok(5)"];
        }
    };
}
