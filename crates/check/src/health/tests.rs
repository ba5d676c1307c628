//! The table of transitions, and a naive model beside it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Status;

const INTER: Duration = Duration::from_secs(2);
const FAST: Duration = Duration::from_millis(500);
const DOWN: Duration = Duration::from_secs(10);

fn settings(rise: u32, fall: u32) -> Settings {
    Settings { inter: INTER, fastinter: FAST, downinter: DOWN, rise, fall, begins: Begins::Up }
}

fn status(is_passed: bool) -> Status {
    if is_passed { Status::Layer4Passed } else { Status::Layer4Failed }
}

/// Runs `outcomes` (`+` passed, `-` failed) and writes down each status, with `!` where it went up or down.
fn history(rise: u32, fall: u32, outcomes: &str) -> String {
    let mut health = Health::new(settings(rise, fall));
    let mut lines = vec![health.to_string()];
    for sign in outcomes.chars() {
        let was_up = health.is_up();
        health.observe(status(sign == '+'));
        let turn = if was_up == health.is_up() { "" } else { "!" };
        lines.push(format!("{health}{turn}"));
    }
    lines.join(", ")
}

/// CFG 5.2 and the states that HAProxy 2.6 logs with `option log-health-checks`: every `rise` and `fall` from 1 to 4,
/// from the start over UP to DOWN and back.
#[test]
fn transitions() {
    let up_down_up = [
        (1, 1, "+-+-", "UP, UP, DOWN!, UP!, DOWN!"),
        (1, 2, "+--+", "UP 1/2, UP, UP 1/2, DOWN!, UP!"),
        (1, 3, "+---+", "UP 1/3, UP, UP 2/3, UP 1/3, DOWN!, UP!"),
        (1, 4, "+----+", "UP 1/4, UP, UP 3/4, UP 2/4, UP 1/4, DOWN!, UP!"),
        (2, 1, "+-++", "UP, UP, DOWN!, DOWN 1/2, UP!"),
        (2, 2, "+--++", "UP 1/2, UP, UP 1/2, DOWN!, DOWN 1/2, UP!"),
        (2, 3, "+---++", "UP 1/3, UP, UP 2/3, UP 1/3, DOWN!, DOWN 1/2, UP!"),
        (2, 4, "+----++", "UP 1/4, UP, UP 3/4, UP 2/4, UP 1/4, DOWN!, DOWN 1/2, UP!"),
        (3, 1, "+-+++", "UP, UP, DOWN!, DOWN 1/3, DOWN 2/3, UP!"),
        (3, 2, "+--+++", "UP 1/2, UP, UP 1/2, DOWN!, DOWN 1/3, DOWN 2/3, UP!"),
        (3, 3, "+---+++", "UP 1/3, UP, UP 2/3, UP 1/3, DOWN!, DOWN 1/3, DOWN 2/3, UP!"),
        (3, 4, "+----+++", "UP 1/4, UP, UP 3/4, UP 2/4, UP 1/4, DOWN!, DOWN 1/3, DOWN 2/3, UP!"),
        (4, 1, "+-++++", "UP, UP, DOWN!, DOWN 1/4, DOWN 2/4, DOWN 3/4, UP!"),
        (4, 2, "+--++++", "UP 1/2, UP, UP 1/2, DOWN!, DOWN 1/4, DOWN 2/4, DOWN 3/4, UP!"),
        (4, 3, "+---++++", "UP 1/3, UP, UP 2/3, UP 1/3, DOWN!, DOWN 1/4, DOWN 2/4, DOWN 3/4, UP!"),
        (4, 4, "+----++++", "UP 1/4, UP, UP 3/4, UP 2/4, UP 1/4, DOWN!, DOWN 1/4, DOWN 2/4, DOWN 3/4, UP!"),
    ];
    for (rise, fall, outcomes, expected) in up_down_up {
        assert_eq!(history(rise, fall, outcomes), expected, "rise {rise} fall {fall}");
    }
}

/// CFG 5.2, `init-state`: how many successes or failures it takes to turn a server that was never checked.
#[test]
fn beginnings() {
    for (begins, is_up, failures, successes) in [
        (Begins::FullyUp, true, 3, 0),
        (Begins::Up, true, 1, 0),
        (Begins::Down, false, 0, 1),
        (Begins::FullyDown, false, 0, 2),
    ] {
        let turns_after = |is_passed: bool| {
            let mut health = Health::new(Settings { begins, ..settings(2, 3) });
            (0..9).find(|&count| {
                let has_turned = health.is_up() == is_passed;
                if !has_turned && count < 8 {
                    health.observe(status(is_passed));
                }
                has_turned
            })
        };
        assert_eq!(Health::new(Settings { begins, ..settings(2, 3) }).is_up(), is_up, "{begins:?}");
        assert_eq!((turns_after(false), turns_after(true)), (Some(failures), Some(successes)), "{begins:?}");
    }
}

/// The first failure is enough, whatever `fall` is; a success on the way down and a failure on the way up begin anew.
#[test]
fn interruptions() {
    for fall in 1..=4 {
        assert!(history(2, fall, "-").ends_with("DOWN!"), "fall {fall}");
    }
    assert_eq!(history(2, 3, "+--+--"), "UP 1/3, UP, UP 2/3, UP 1/3, UP, UP 2/3, UP 1/3");
    assert_eq!(history(3, 3, "-++-+++"), "UP 1/3, DOWN!, DOWN 1/3, DOWN 2/3, DOWN, DOWN 1/3, DOWN 2/3, UP!");
}

#[test]
fn the_defaults() {
    let expected = Settings { inter: INTER, fastinter: INTER, downinter: INTER, rise: 2, fall: 3, begins: Begins::Up };
    assert_eq!(Settings::default(), expected);
    assert_eq!(Settings::every(FAST), Settings { inter: FAST, fastinter: FAST, downinter: FAST, ..expected });
}

/// CFG 5.2: `inter` when UP, `fastinter` in transition or unchecked, `downinter` when DOWN.
#[test]
fn intervals() {
    let mut health = Health::new(settings(2, 3));
    let mut intervals = vec![health.interval()];
    for sign in "+--+---+-+".chars() {
        health.observe(status(sign == '+'));
        intervals.push(health.interval());
    }
    assert_eq!(intervals, [FAST, INTER, FAST, FAST, INTER, FAST, FAST, DOWN, FAST, DOWN, FAST]);
}

/// Each row: settings and outcomes before, settings after, and the status then.
#[test]
fn other_settings() {
    for ((rise, fall, outcomes), (new_rise, new_fall), expected) in [
        ((2, 3, "+"), (2, 3), "UP"),
        ((2, 3, "+"), (5, 9), "UP"),
        ((2, 3, "+-"), (2, 5), "UP 4/5"),
        ((2, 3, "+--"), (2, 2), "UP 1/2"),
        ((2, 9, "+------"), (4, 2), "UP 1/2"),
        ((2, 3, "+-"), (1, 1), "UP"),
        ((2, 3, "-"), (1, 1), "DOWN"),
        ((2, 3, "-+"), (1, 3), "DOWN"),
        ((4, 3, "-+++"), (3, 3), "DOWN 2/3"),
        ((4, 3, "-++"), (9, 3), "DOWN 2/9"),
    ] {
        let mut health = Health::new(settings(rise, fall));
        for sign in outcomes.chars() {
            health.observe(status(sign == '+'));
        }
        health.resettle(settings(new_rise, new_fall));
        assert_eq!(health.to_string(), expected, "{rise} {fall} {outcomes} to {new_rise} {new_fall}");
    }
}

#[test]
fn the_largest_settings() {
    let mut health = Health::new(settings(u32::MAX, u32::MAX));
    health.observe(status(true));
    assert_eq!(health.to_string(), "UP");
    health.observe(status(false));
    assert_eq!(health.to_string(), format!("UP {}/{}", u32::MAX - 1, u32::MAX));
}

/// The rules in words: up or down, and how many results in a row speak for a change.
struct Model {
    is_up: bool,
    against: u32,
}

impl Model {
    fn observe(&mut self, is_passed: bool, rise: u32, fall: u32) {
        if is_passed == self.is_up {
            self.against = 0;
            return;
        }
        self.against += 1;
        if self.against == if self.is_up { fall } else { rise } {
            *self = Model { is_up: !self.is_up, against: 0 };
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_the_model(rise in 1u32..7, fall in 1u32..7, outcomes in prop::collection::vec(any::<bool>(), 0..200)) {
        let mut health = Health::new(settings(rise, fall));
        let mut model = Model { is_up: true, against: fall - 1 };
        for is_passed in outcomes {
            model.observe(is_passed, rise, fall);
            health.observe(status(is_passed));
            prop_assert_eq!(health.is_up(), model.is_up);
            let interval = match (model.against, model.is_up) {
                (0, true) => INTER,
                (0, false) => DOWN,
                _ => FAST,
            };
            prop_assert_eq!(health.interval(), interval);
        }
    }

    #[test]
    fn other_settings_change_nothing_else(
        (rise, fall, new_rise, new_fall) in (1u32..7, 1u32..7, 1u32..7, 1u32..7),
        outcomes in prop::collection::vec(any::<bool>(), 0..30),
    ) {
        let mut health = Health::new(settings(rise, fall));
        for is_passed in outcomes {
            health.observe(status(is_passed));
        }
        let before = health.clone();
        health.resettle(settings(new_rise, new_fall));
        prop_assert_eq!(health.is_up(), before.is_up());
        health.resettle(settings(rise, fall));
        prop_assert_eq!(health.is_up(), before.is_up());
        let mut same = before.clone();
        same.resettle(settings(rise, fall));
        prop_assert_eq!(same, before);
    }
}
