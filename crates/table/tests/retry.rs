//! When a failed connect is tried again, where, and after which pause, as HAProxy 2.6.12 does it.

mod common;

use std::sync::Arc;

use table::{Backend, Balance, Mapping, Pin, Redispatch, Retry, ServerSettings, StateBook};

fn backend(balance: Balance, redispatch: Option<Redispatch>, retries: u32, active_count: usize) -> Arc<Backend> {
    let lines = ["a", "b", "c"].iter().enumerate().map(|(index, name)| {
        let backup = index >= active_count;
        (*name, ServerSettings { backup, ..ServerSettings::default() })
    });
    let mut book = StateBook::new(1);
    let backend = common::backend(&mut book, balance, false, &lines.collect::<Vec<_>>());
    common::in_force(&book, Backend { redispatch, retries, ..backend })
}

/// One letter for every retry: `s`ame server or `r`edispatch, upper case after a pause.
fn story(backend: &Backend) -> String {
    let letter = |retry| match retry {
        Retry::Same { pause: true } => 'S',
        Retry::Same { pause: false } => 's',
        Retry::Redispatch { pause: true } => 'R',
        Retry::Redispatch { pause: false } => 'r',
    };
    (1..).map_while(|failed_count| backend.retry(failed_count, Pin::Free)).map(letter).collect()
}

/// How many seconds HAProxy needed until it gave up on servers that refuse (a pause is a second), and how many retries it made.
fn seconds_and_retries(story: &str) -> (usize, usize) {
    (story.chars().filter(char::is_ascii_uppercase).count(), story.len())
}

#[test]
fn a_bound_client_is_redispatched_when_it_is_due() {
    // Measured with `balance source`, which chooses the refusing server again.
    for (redispatch, retries, expect) in [
        (Redispatch::Last(1), 3, (2, 3)),
        (Redispatch::Last(2), 5, (4, 5)),
        (Redispatch::Last(3), 5, (4, 5)),
        (Redispatch::Every(2), 5, (3, 5)),
        (Redispatch::Every(3), 5, (4, 5)),
        (Redispatch::Every(0), 3, (3, 3)),
    ] {
        let story = story(&backend(Balance::Hash(Mapping::Map), Some(redispatch), retries, 3));
        assert_eq!(seconds_and_retries(&story), expect, "{redispatch:?} of {retries}: {story}");
    }
    assert_eq!(story(&backend(Balance::Hash(Mapping::Map), Some(Redispatch::Last(1)), 3, 3)), "SSr");
    // HAProxy divides by zero here and dies.
    assert_eq!(story(&backend(Balance::Hash(Mapping::Map), Some(Redispatch::Last(4)), 3, 3)), "SSS");
}

#[test]
fn an_unbound_client_goes_elsewhere_at_once() {
    let unbound =
        [Balance::RoundRobin, Balance::StaticRr, Balance::LeastConn, Balance::First, Balance::Random { draws: 2 }];
    for balance in unbound {
        for redispatch in [Redispatch::Last(1), Redispatch::Every(3), Redispatch::Every(0)] {
            assert_eq!(story(&backend(balance, Some(redispatch), 3, 2)), "rrr", "{balance:?} {redispatch:?}");
        }
        assert_eq!(story(&backend(balance, None, 3, 3)), "SSS", "{balance:?}");
        assert_eq!(story(&backend(balance, Some(Redispatch::Last(1)), 0, 3)), "", "{balance:?}");
        // One active server beside backups: three seconds, three retries.
        assert_eq!(story(&backend(balance, Some(Redispatch::Last(1)), 3, 1)), "SSR", "{balance:?}");
    }
}
