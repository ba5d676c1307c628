//! Transcripts: events in, what the session wants out, as text. Times are milliseconds since the accept.

mod connect;
mod counters;
mod greeting;
mod http;
mod inspect;
mod lines;
mod relay;
mod review;
mod setup;
mod shutdown;
mod stage;
mod wait;

use crate::{Phase, Session};
use setup::{PLAIN, Setup};
use stage::{Stage, at, check, check_open};
use std::sync::Arc;
use std::time::Duration;
use table::{LogFormat, LogLine, LogPolicy, Mode, ProxyHeader, Redispatch};

#[test]
fn the_slot_of_a_session_stays_small() {
    assert!(size_of::<Session>() <= 512, "{} bytes", size_of::<Session>());
}

#[test]
fn an_outbox_is_empty_again_after_each_event() {
    let mut stage = Stage::new(PLAIN);
    stage.play("1 connected back");
    assert!(stage.out.is_empty());
    assert_eq!(stage.session().phase(), Phase::Relaying);
    assert_eq!(stage.session().deadline(), Some(at(1) + Duration::from_secs(30)));
}
