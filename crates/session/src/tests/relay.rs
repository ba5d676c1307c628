//! Transcripts of two flows as they are: half-closes, resets, silence, pipes.

use super::*;

#[test]
fn a_server_that_speaks_first_then_both_end() {
    check_open(
        PLAIN,
        r#"
        2 received back +OK\r\n
            send front "+OK\\r\\n"
        3 sent front 5
            recv back Later
        4 received front QUIT\r\n
            send back "QUIT\\r\\n"
        5 sent back 2
            send back "IT\\r\\n"
        6 sent back 4
            recv front Later
        7 ended back
            finish front
        8 ended front
            close front Orderly
            close back Orderly
            log -- 0/1/8 in 6 out 5 retries 0 server s1
        9 closed front
        9 closed back
        "#,
    );
}

#[test]
fn a_client_that_speaks_early_is_held_until_the_server_is_there() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 received front EHLO
        2 connected back
            send back "EHLO"
            recv back Later
        3 broken back
            cancel back
        4 cancelled back
        4 unsent back
            close front Reset
            close back Reset
            log SD 0/2/4 in 4 out 0 retries 0 server s1
        5 closed back
        5 closed front
        "#,
    );
}

#[test]
fn a_client_reset_reaches_the_server_as_a_reset() {
    check_open(
        PLAIN,
        r#"
        2 broken front
            cancel back
        3 stopped back
        3 cancelled back
            close front Orderly
            close back Reset
            log CD 0/1/3 in 0 out 0 retries 0 server s1
        4 closed front
        4 closed back
        "#,
    );
}

#[test]
fn two_sides_idle_together_are_the_clients_fault() {
    check_open(
        PLAIN,
        r#"
        20000 received back x
            send front "x"
        20001 sent front 1
            recv back Later
        50000 timeout
        50001 timeout
            cancel front
            cancel back
        50002 stopped back
        50002 stopped front
        50002 cancelled back
        50002 cancelled front
            close front Orderly
            close back Orderly
            log cD 0/1/50002 in 0 out 1 retries 0 server s1
        50003 closed front
        50003 closed back
        "#,
    );
}

#[test]
fn a_slow_reader_is_not_idle_while_it_takes_bytes_and_its_server_waits_with_it() {
    check_open(
        PLAIN,
        r#"
        2 received back 0123456789
            send front "0123456789"
        29000 sent front 4
            send front "456789"
        58000 timeout
        59000 timeout
            cancel front
        59001 cancelled front
        59001 stopped front
        59001 unsent front
            close front Reset
            close back Orderly
            log cD 0/1/59001 in 0 out 10 retries 0 server s1
        59002 closed front
        59002 closed back
        "#,
    );
}

#[test]
fn a_half_closed_client_waits_for_the_server_alone() {
    check_open(
        PLAIN,
        r#"
        2 ended front
            finish back
        30100 timeout
        60001 timeout
            cancel back
        60002 stopped back
        60002 cancelled back
            close front Orderly
            close back Orderly
            log sD 0/1/60002 in 0 out 0 retries 0 server s1
        60003 closed front
        60003 closed back
        "#,
    );
}

#[test]
fn a_flow_that_fills_its_buffers_is_spliced_until_it_brings_little() {
    let mut stage = Stage::new(PLAIN);
    let whole = "x".repeat(1024);
    stage.play("1 connected back");
    for _ in 0..3 {
        stage.play(&format!("2 received back {whole}"));
        stage.play("3 sent front 1024");
    }
    stage.said.clear();
    stage.play("4 filled back 65536");
    stage.play("5 drained front 65536 60000");
    stage.play("6 drained front 5536 5536");
    for _ in 0..4 {
        stage.play("7 filled back 100");
        stage.play("8 drained front 100 100");
    }
    stage.play("9 received back bye");
    let expected = ["4 filled back 65536", "drain front 65536", "5 drained front 65536 60000", "drain front 5536"];
    let small = ["fill back", "7 filled back 100", "drain front 100", "8 drained front 100 100"];
    let last = ["recv back Soon", "9 received back bye", "send front \"bye\""];
    let said: Vec<&str> = stage.said.lines().map(str::trim).collect();
    let wanted: Vec<&str> =
        expected.into_iter().chain(["6 drained front 5536 5536"]).chain(small.repeat(4)).chain(last).collect();
    assert_eq!(said, wanted);
}

#[test]
fn without_a_pipe_a_busy_flow_is_copied() {
    let mut stage = Stage::new(PLAIN);
    let whole = "x".repeat(1024);
    stage.play("1 connected back");
    for _ in 0..3 {
        stage.play(&format!("2 received back {whole}"));
        stage.play("3 sent front 1024");
    }
    assert!(stage.said.ends_with("fill back\n"), "{}", stage.said);
    stage.play("4 unfilled back");
    assert!(stage.said.ends_with("recv back Soon\n"), "{}", stage.said);
}
