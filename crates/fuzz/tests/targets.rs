//! The targets for a bounded time: on every row of the table, and on rows with changes drawn at random.

use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;

/// Inputs to begin with: the rows, short enough to be run often.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let inputs = exchanges::all().iter().map(fuzz::input_of).collect::<Vec<_>>();
    inputs.into_iter().filter(|input| input.len() < 2_000).collect()
});

const TARGETS: [fn(&[u8]); 3] = [fuzz::heads, fuzz::contents, fuzz::connections];

#[test]
fn rows() {
    for exchange in exchanges::all() {
        TARGETS.iter().for_each(|target| target(&fuzz::input_of(&exchange)));
        let content = exchange.request.bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let content = content.map_or(&[][..], |at| &exchange.request.bytes[at + 4..]);
        fuzz::contents(&[b"\x04\x01\0\x02\0\x05\0\x09\0", content].concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30_000, ..ProptestConfig::default() })]

    #[test]
    fn changed_rows(
        row in any::<Index>(),
        cuts in prop::collection::vec(any::<[u8; 2]>(), 0..8),
        changes in prop::collection::vec((any::<Index>(), 0..4usize, prop::collection::vec(any::<u8>(), 0..4)), 0..4),
    ) {
        let mut bytes = row.get(&SEEDS)[1..].to_vec();
        for (at, size, new) in changes {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + size);
            bytes.splice(at..end, new);
        }
        let input = [&[cuts.len() as u8], &cuts.concat()[..], &bytes].concat();
        TARGETS.iter().for_each(|target| target(&input));
    }

    #[test]
    fn anything_at_all(input: Vec<u8>) {
        TARGETS.iter().for_each(|target| target(&input));
    }
}
