//! What must hold for all bytes: no panic, no difference between segmentations, and one understanding on both sides.

use exchanges::relay::{check_same, run, run_counted};
use exchanges::{Exchange, Outcome, reader};
use http1::{ConnectionOption, Limits, Progress, Request, Response};
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;

static TABLE: LazyLock<Vec<Exchange>> = LazyLock::new(|| {
    let is_short = |exchange: &Exchange| exchange.request.bytes.len() < 2_000;
    exchanges::all().into_iter().filter(is_short).collect()
});

/// What one change does to a stream.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Replace(Index, u8),
    Repeat(Index, usize),
    /// Takes over the rest of another row.
    Cross(Index, Index),
}

/// Octets and words at which readers disagree.
fn odd() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> = vec![
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b",",
        b";",
        b"0",
        b"5",
        b"f",
        b"-",
        b"+",
        b"0x",
        b"#",
        b"%",
        b"@",
        b"*",
        b"\r\n\r\n",
        b"\r\n ",
        b"0\r\n\r\n",
        b"\x0b",
        b"\x7f",
        b"\xff",
        b"chunked",
        b"identity",
        b"Content-Length: 3\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Host: b\r\n",
        b"Connection: close\r\n",
        b"Connection: upgrade\r\nUpgrade: x\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.0",
        b"HEAD",
        b"CONNECT",
        b"http://b/",
    ];
    prop_oneof![prop::sample::select(words).prop_map(<[u8]>::to_vec), any::<u8>().prop_map(|byte| vec![byte])]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), odd()).prop_map(|(at, word)| Change::Insert(at, word)),
        (any::<Index>(), 1..6usize).prop_map(|(at, size)| Change::Remove(at, size)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), 1..40usize).prop_map(|(at, size)| Change::Repeat(at, size)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, row)| Change::Cross(at, row)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let place = |at: &Index| at.index(bytes.len() + 1);
    match change {
        Change::Insert(at, word) => {
            let at = place(at);
            bytes.splice(at..at, word.iter().copied());
        }
        Change::Remove(at, size) => {
            let at = place(at);
            bytes.drain(at..bytes.len().min(at + size));
        }
        Change::Replace(at, byte) => {
            let at = place(at);
            bytes.get_mut(at).into_iter().for_each(|old| *old = *byte);
        }
        Change::Repeat(at, size) => {
            let at = place(at);
            let again = bytes[at..bytes.len().min(at + size)].to_vec();
            bytes.splice(at..at, again);
        }
        Change::Cross(at, row) => {
            let at = place(at);
            let other = &row.get(&TABLE).request.bytes;
            bytes.truncate(at);
            bytes.extend_from_slice(&other[other.len().min(at)..]);
        }
    }
}

/// A row with a few changes to what the client sends, or to what the server answers.
fn changed() -> impl Strategy<Value = Exchange> {
    let changes = prop::collection::vec(change(), 0..4);
    (any::<Index>(), changes, prop::collection::vec(change(), 0..3)).prop_map(|(row, to_request, to_response)| {
        let mut exchange = row.get(&TABLE).clone();
        to_request.iter().for_each(|change| apply(&mut exchange.request.bytes, change));
        for response in &mut exchange.responses {
            to_response.iter().for_each(|change| apply(&mut response.bytes, change));
        }
        exchange
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// The server reads as many requests as were sent on, and finds nothing wrong with any.
    #[test]
    fn server_and_relay_count_the_same_requests(exchange in changed()) {
        let (run, begun) = run_counted(&exchange, &|_| Vec::new());
        if run.outcome != Outcome::Tunnel && !has_connect(&run.to_server) {
            let reading = reader::read(&run.to_server).map_err(TestCaseError::fail)?;
            prop_assert_eq!(reading.requests.len() + usize::from(reading.is_inside), begun.len(), "{:?}", reading);
            if let Outcome::Over { .. } = run.outcome {
                let may_be_inside = run.outcome == Outcome::Over { front_is_kept: false, back_is_kept: false };
                prop_assert!(!reading.is_inside || may_be_inside, "{:?}", reading);
            }
        }
    }

    /// The client reads one final response for each of its requests, and finds nothing wrong with any.
    #[test]
    fn client_and_relay_count_the_same_responses(exchange in changed()) {
        let (run, begun) = run_counted(&exchange, &|_| Vec::new());
        if run.outcome != Outcome::Tunnel && !has_connect(&run.to_server) {
            let (final_count, is_inside) = reader::read_responses(&run.to_client, &begun).map_err(TestCaseError::fail)?;
            match run.outcome {
                Outcome::Over { .. } => prop_assert_eq!((final_count, is_inside), (begun.len(), false)),
                // The one response more is the refusal of what was no request.
                Outcome::Refused(_) => prop_assert!(final_count <= begun.len() + 1),
                Outcome::Waits | Outcome::Cut | Outcome::Tunnel => {
                    prop_assert!(final_count + usize::from(is_inside) <= begun.len());
                }
            }
        }
    }

    #[test]
    fn segmentation_changes_nothing(exchange in changed(), places in prop::collection::vec(any::<Index>(), 0..12)) {
        let whole = run(&exchange, &|_| Vec::new());
        let cuts = |size: usize| {
            let mut cuts: Vec<usize> = places.iter().map(|place| place.index(size + 1)).collect();
            cuts.sort_unstable();
            cuts
        };
        check_same(exchange.name, &run(&exchange, &cuts), &whole, &format!("{places:?}"));
    }

    /// Whatever the limits: what was read fits when it is written.
    #[test]
    fn small_limits(exchange in changed(), received_size_max in 1..300usize, sent_size_max in 1..300usize, field_count_max in 0..6usize) {
        let limits = Limits { received_size_max, sent_size_max, field_count_max };
        let (mut request, bytes) = (Request::new(limits), &exchange.request.bytes);
        if let Progress::Complete { head_size } = request.read(bytes) {
            prop_assert!(head_size <= received_size_max && request.fields().len() <= field_count_max);
            let mut buffer = vec![0; sent_size_max];
            prop_assert!(request.write(bytes, ConnectionOption::KeepAlive, &mut buffer).is_ok());
        }
        for stream in &exchange.responses {
            let (mut response, bytes) = (Response::new(limits), &stream.bytes);
            if let Progress::Complete { head_size } = response.read(bytes) {
                prop_assert!(head_size <= received_size_max && response.fields().len() <= field_count_max);
                let mut buffer = vec![0; sent_size_max];
                prop_assert!(response.write(bytes, ConnectionOption::KeepAlive, &mut buffer).is_ok());
            }
        }
    }

    #[test]
    fn anything_at_all(request: Vec<u8>, response: Vec<u8>) {
        let mut exchange = TABLE[0].clone();
        exchange.request.bytes = request;
        exchange.responses = vec![exchanges::Stream { bytes: response, ends: true }];
        run(&exchange, &|_| Vec::new());
    }
}

/// The reader knows no CONNECT, whose answer decides how what follows is read.
fn has_connect(bytes: &[u8]) -> bool {
    bytes.windows(8).any(|window| window == b"CONNECT ")
}
