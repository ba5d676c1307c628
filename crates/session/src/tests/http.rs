//! Transcripts of exchanges, as far as they show how bytes move: what is said in them the end-to-end tests compare with HAProxy.

use super::*;

const HTTP: Setup = Setup { mode: Mode::Http, ..PLAIN };

const GET: &str = "received front GET_/_HTTP/1.1\\r\\nHost:_x\\r\\n\\r\\n";

/// What follows what was said before.
fn answers(stage: &mut Stage, line: &str) -> Vec<String> {
    stage.said.clear();
    stage.play(line);
    stage.said.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_long_content_is_spliced_up_to_its_end_and_no_further() {
    let mut stage = Stage::new(HTTP);
    stage.play(&format!("1 {GET}"));
    stage.play("2 connected back");
    stage.play("3 sent back 27");
    let head = "HTTP/1.1_200_OK\\r\\nContent-Length:_100000\\r\\n\\r\\nfirst";
    assert_eq!(
        answers(&mut stage, &format!("4 received back {head}")),
        [r#"send front "HTTP/1.1 200 OK\\r\\ncontent-length: 100000\\r\\n\\r\\nfirst""#]
    );
    assert_eq!(answers(&mut stage, "5 sent front 48"), ["fill back 99995"]);
    assert_eq!(answers(&mut stage, "6 filled back 65536"), ["drain front 65536"]);
    assert_eq!(answers(&mut stage, "7 drained front 65536 60000"), ["drain front 5536"]);
    assert_eq!(answers(&mut stage, "8 drained front 5536 5536"), ["fill back 34459"]);
    assert_eq!(answers(&mut stage, "9 filled back 34458"), ["drain front 34458"]);
    // The last octet is not worth a pipe.
    assert_eq!(answers(&mut stage, "10 drained front 34458 34458"), ["recv back Soon"]);
    assert_eq!(answers(&mut stage, "11 received back x"), ["send front \"x\""]);
    let over = answers(&mut stage, "12 sent front 1");
    assert!(over.contains(&"keep back".to_owned()) && over.iter().any(|line| line.contains("out 100054")), "{over:?}");
}

#[test]
fn a_long_content_that_comes_slowly_is_copied() {
    let mut stage = Stage::new(HTTP);
    stage.play("1 received front PUT_/_HTTP/1.1\\r\\nHost:_x\\r\\nContent-Length:_100000\\r\\n\\r\\n");
    stage.play("2 connected back");
    stage.play("3 sent back 51");
    // It was heard while the server was found; what came then is copied.
    assert_eq!(answers(&mut stage, "4 received front 1234567890"), ["send back \"1234567890\""]);
    assert_eq!(answers(&mut stage, "4 sent back 10"), ["fill front 99990"]);
    for turn in 0..3 {
        assert_eq!(answers(&mut stage, "4 filled front 100"), ["drain back 100"]);
        let left = 99_990 - 100 * (turn + 1);
        assert_eq!(answers(&mut stage, "5 drained back 100 100"), [format!("fill front {left}")]);
    }
    stage.play("6 filled front 100");
    assert_eq!(answers(&mut stage, "7 drained back 100 100"), ["recv front Soon"]);
    // Fast again.
    let whole = "x".repeat(1024);
    for _ in 0..2 {
        stage.play(&format!("8 received front {whole}"));
        assert_eq!(answers(&mut stage, "9 sent back 1024"), ["recv front Later"]);
    }
    stage.play(&format!("10 received front {whole}"));
    assert_eq!(answers(&mut stage, "11 sent back 1024"), [format!("fill front {}", 99_990 - 400 - 3 * 1024)]);
    // Without a pipe at hand.
    assert_eq!(answers(&mut stage, "12 unfilled front"), ["recv front Soon"]);
}

#[test]
fn a_server_that_leaves_while_a_pipe_is_drained_is_told_of() {
    let mut stage = Stage::new(HTTP);
    stage.play(&format!("1 {GET}"));
    stage.play("2 connected back");
    stage.play("3 sent back 27");
    stage.play("4 received back HTTP/1.1_200_OK\\r\\nContent-Length:_100000\\r\\n\\r\\n");
    stage.play("5 sent front 43");
    stage.play("6 filled back 50000");
    assert_eq!(answers(&mut stage, "7 drained front 50000 50000"), ["fill back 50000"]);
    let end = answers(&mut stage, "8 ended back");
    assert!(end.iter().all(|line| !line.starts_with("fill")), "{end:?}");
    let said = stage.said.clone();
    stage.play("9 cancelled front");
    stage.play("9 stopped front");
    assert!(format!("{said}{}", stage.said).contains("log SD"), "{said}{}", stage.said);
}

/// A response without content is over with its head. It must not count as sent where there is no buffer to send it in: the client
/// would take the next one for it.
#[test]
fn without_a_buffer_for_a_response_nothing_comes_behind_it() {
    let mut stage = Stage::new(HTTP);
    stage.play(&format!("1 {GET}GET_/next_HTTP/1.1\\r\\nHost:_x\\r\\n\\r\\n"));
    stage.play("2 connected back");
    stage.play("3 sent back 27");
    let mut held: Vec<_> = std::iter::from_fn(|| stage.pool.lease()).collect();
    // One is left, for the response to be received in.
    held.pop();
    let end = answers(&mut stage, "4 received back HTTP/1.1_204_No_Content\\r\\n\\r\\n");
    assert!(end.iter().all(|line| !line.starts_with("send front")), "{end:?}");
    drop(held);
    stage.said.clear();
    stage.play("5 closed back");
    assert!(!stage.said.contains("next"), "{}", stage.said);
    assert!(stage.said.contains("finish front"), "{}", stage.said);
}

/// RFC 9112 §8: where only the end of its connection ends a content, an error of that says that the content is not whole.
#[test]
fn a_content_that_a_reset_ends_was_cut() {
    for (leaving, log, ending) in [("ended", "log --", "Orderly"), ("broken", "log SD", "Reset")] {
        let mut stage = Stage::new(HTTP);
        stage.play(&format!("1 {GET}"));
        stage.play("2 connected back");
        stage.play("3 sent back 27");
        stage.play("4 received back HTTP/1.1_200_OK\\r\\n\\r\\nfirst");
        stage.play("5 sent front 43");
        stage.play(&format!("6 {leaving} back"));
        stage.play("7 cancelled front");
        stage.play("7 stopped front");
        let says = |words: &str| assert!(stage.said.contains(words), "{words}: {}", stage.said);
        says(log);
        says(&format!("close front {ending}"));
    }
}
