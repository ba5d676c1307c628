//! Medians, and ratios of what was measured in the same round.

use serde::Serialize;

/// The middle and the ends of a few numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// None of no numbers.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] };
        Some(Spread { median, min, max })
    }

    /// Of `ours / theirs`, round by round. None when there is no round with both.
    pub(crate) fn of_ratios(rounds: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        Self::of(rounds.into_iter().filter(|(_, theirs)| *theirs > 0.0).map(|(ours, theirs)| ours / theirs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_odd_and_even() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([f64::NAN]), None);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let spread = Spread::of_ratios([(1.0, 2.0), (3.0, 3.0), (1.0, 0.0)]);
        assert_eq!(spread, Some(Spread { median: 0.75, min: 0.5, max: 1.0 }));
    }
}
