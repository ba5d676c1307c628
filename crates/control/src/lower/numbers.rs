//! HAProxy's numbers for proxies, listeners and servers.

use table::Number;

/// Those that the file gives (`id`); the others take the next, counted from `first` over all of them, that nobody has.
pub(super) fn numbers(given: &[Option<u32>], first: u32) -> Vec<Number> {
    let mut taken: std::collections::HashSet<u32> = given.iter().flatten().copied().collect();
    let mut next = first;
    let mut number = |given: &Option<u32>| {
        let number = given.map(|value| Number { value, is_given: true }).unwrap_or_else(|| {
            while !taken.insert(next) {
                next += 1;
            }
            Number { value: next, is_given: false }
        });
        next += 1;
        number
    };
    given.iter().map(&mut number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[u32], first: u32, expect: &[u32]) {
        let given: Vec<Option<u32>> = given.iter().map(|&id| Some(id).filter(|&id| id > 0)).collect();
        let values: Vec<u32> = numbers(&given, first).iter().map(|number| number.value).collect();
        assert_eq!(values, expect, "{given:?}");
    }

    /// As HAProxy 2.6 numbers servers, listeners and proxies in `show stat`; 0 is one without an `id`.
    #[test]
    fn what_is_not_given_is_the_next_that_is_free() {
        check(&[0, 5, 0, 3, 0], 1, &[1, 5, 4, 3, 6]);
        check(&[2, 0, 0], 1, &[2, 3, 4]);
        check(&[3, 0, 2, 0], 2, &[3, 4, 2, 6]);
        check(&[0, 0], 2, &[2, 3]);
    }
}
