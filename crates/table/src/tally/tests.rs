//! Counting on several shards, and what a reader makes of it.

use super::*;

const A: ShardIndex = ShardIndex(0);
const B: ShardIndex = ShardIndex(1);

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn totals_are_sums_over_the_shards() {
    let tally = Tally::new(3);
    tally.of(A).bytes_in.add(10);
    tally.of(B).bytes_in.add(5);
    tally.of(B).retries.add(1);
    assert_eq!(tally.totals(), Totals { bytes_in: 15, retries: 1, ..Totals::default() });
}

#[test]
fn clearing_is_seen_at_once_and_counting_goes_on() {
    let tally = Tally::new(2);
    tally.on_session(A, at(5.0));
    tally.on_session(B, at(5.5));
    tally.clear();
    assert_eq!(tally.totals(), Totals::default());
    assert_eq!((tally.session_rate(at(5.6)), tally.session_rate_peak(at(5.6))), (0, 0));
    assert_eq!(tally.since_last_session(at(6.0)), None);
    tally.on_session(B, at(6.0));
    assert_eq!(tally.totals().sessions, 1);
}

#[test]
fn additions_of_many_threads_are_all_there() {
    let tally = Tally::new(4);
    std::thread::scope(|scope| {
        for shard in 0..4 {
            let tally = &tally;
            scope.spawn(move || (0..10_000).for_each(|_| tally.of(ShardIndex(shard)).bytes_out.add(3)));
        }
    });
    assert_eq!(tally.totals().bytes_out, 120_000);
}

/// HAProxy's `read_freq_ctr`: the last second's share shrinks with the present one, and a lone event does not flicker.
#[test]
fn rates_blend_two_seconds() {
    let tally = Tally::new(2);
    (0..10).for_each(|_| tally.on_session(A, at(7.1)));
    (0..10).for_each(|_| tally.on_session(B, at(7.9)));
    assert_eq!(tally.session_rate(at(7.95)), 20);
    assert_eq!(tally.session_rate(at(8.0)), 20);
    assert_eq!(tally.session_rate(at(8.25)), 15);
    tally.on_session(A, at(8.5));
    assert_eq!(tally.session_rate(at(8.5)), 11);
    assert_eq!(tally.session_rate(at(9.9)), 1);
    assert_eq!(tally.session_rate(at(10.0)), 0);
}

#[test]
fn the_best_second_is_that_of_all_shards_together() {
    let tally = Tally::new(2);
    (0..3).for_each(|_| tally.on_connection(A, at(1.0)));
    (0..4).for_each(|_| tally.on_connection(B, at(1.9)));
    tally.on_connection(A, at(5.0));
    assert_eq!(tally.connection_rate_peak(at(9.0)), 7);
    tally.clear_peaks();
    assert_eq!(tally.connection_rate_peak(at(9.0)), 0);
    assert_eq!(tally.totals().connections, 8, "only what was most is forgotten");
    (0..3).for_each(|_| tally.on_request(A, at(10.5)));
    tally.on_request(B, at(10.6));
    assert_eq!((tally.request_rate(at(10.9)), tally.request_rate_peak(at(10.9))), (4, 4));
}

/// Milliseconds in the queue, to connect, and in all; to the response as long as to connect.
fn took(queue: u64, connect: u64, total: u64) -> Took {
    let [queue, connect, total] = [queue, connect, total].map(Duration::from_millis);
    Took { queue, connect, response: Some(connect), total }
}

#[test]
fn times_are_averages_and_maxima() {
    let tally = Tally::new(2);
    tally.on_times(A, took(0, 2, 100));
    tally.on_times(B, took(0, 3, 200));
    assert_eq!(tally.recent(|traffic| &traffic.queue_time), 0);
    assert_eq!(tally.recent(|traffic| &traffic.connect_time), 3, "rounded up");
    assert_eq!(tally.recent(|traffic| &traffic.total_time), 150);
    tally.on_times(A, Took { response: None, ..took(0, 3, 200) });
    assert_eq!(tally.recent(|traffic| &traffic.response_time), 3, "what has no response says nothing of them");
    assert_eq!(tally.latency(|latency| &latency.response).count(), 2);
    assert_eq!((tally.peaks().connect_time.get(), tally.peaks().total_time.get()), (3, 200));
    for _ in 0..10_000 {
        tally.on_times(A, took(0, 0, 0));
        tally.on_times(B, took(0, 0, 0));
    }
    assert_eq!(tally.recent(|traffic| &traffic.total_time), 0, "old times fade");
}

#[test]
fn the_last_session_served_is_the_last_of_all_shards() {
    let tally = Tally::new(2);
    assert_eq!(tally.since_last_session(at(1.0)), None);
    tally.on_served(B, at(0.2));
    tally.on_served(A, at(0.1));
    assert_eq!(tally.since_last_session(at(0.9)), Some(Duration::ZERO));
    assert_eq!(tally.since_last_session(at(7.5)), Some(Duration::from_secs(7)));
}

#[test]
fn latencies_are_those_of_all_shards_until_they_are_cleared() {
    let tally = Tally::new(2);
    let millis = Duration::from_millis;
    (1..=50).for_each(|time| tally.on_times(A, took(0, time, 1_000)));
    (51..=100).for_each(|time| tally.on_times(B, took(0, time, 1_000)));
    let connect = tally.latency(|latency| &latency.connect);
    assert_eq!(connect.count(), 100);
    let near = |found: Option<Duration>, expected| {
        let found = found.expect("there are values");
        assert!(found >= expected && found <= expected + expected / 100, "{found:?}");
    };
    near(connect.permille(500), millis(50));
    near(connect.permille(990), millis(99));
    near(connect.most(), millis(100));
    tally.clear();
    assert_eq!(tally.latency(|latency| &latency.connect).count(), 0);
    tally.on_times(B, took(0, 7, 9));
    near(tally.latency(|latency| &latency.connect).permille(500), millis(7));
}
