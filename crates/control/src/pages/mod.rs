//! What operators and their tools look at over HTTP: metrics for Prometheus, and statistics pages.
//!
//! ```text
//!   socket ──accept──▶ visitor ── dialogue (bytes ⇄ inquiries, over http1)
//!                         │ Visit                       ▲ Response
//!                         ▼                             │
//!                    Control::at_desk ──▶ answer ──▶ metrics, stats
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `visitor`, `dialogue` | one connection: with I/O, and without |
//! | `response` | what goes back |
//! | `metrics/` | the numbers in Prometheus's format |
//! | `stats/` | the page for people, and for tools that read its CSV |
//!
//! This is no part of the data path: control serves it between its other events, from the same facts as the admin sockets.
//!
//! **Invariant:** a visitor has one request under way, of bounded size and time, so that neither requests nor answers pile up.

mod dialogue;
mod metrics;
mod response;
mod stats;
mod visitor;

pub(crate) use stats::StatsSite;
pub(crate) use visitor::{Visit, serve};

use crate::admin::Desk;
use crate::trends::Trends;
use http1::{Method, Status};
use response::Response;
use stats::Secret;
use std::io;

/// What is served behind a socket.
#[derive(Clone, Debug)]
pub(crate) enum Site {
    /// `tidegate.prometheus`
    Metrics,
    /// `use-service prometheus-exporter`: whatever is asked for, as a rule chose what comes here.
    MetricsAnywhere,
    /// A section with `stats` lines and nothing else.
    Stats(Box<StatsSite>),
}

/// What pages know besides what commands do.
pub(crate) struct Memory {
    pub(crate) trends: Trends,
    secret: Secret,
}

impl Memory {
    /// Fails where the system has no random numbers.
    pub(crate) fn new() -> io::Result<Memory> {
        Ok(Memory { trends: Trends::default(), secret: Secret::new()? })
    }
}

/// Answers a visit.
pub(crate) fn answer(desk: &mut Desk<'_>, visit: &Visit) -> Response {
    let inquiry = &visit.inquiry;
    match &*visit.site {
        Site::Stats(site) => stats::answer(desk, site, visit),
        Site::MetricsAnywhere => metrics::answer(&desk.facts(), inquiry.query.as_deref().unwrap_or_default()),
        Site::Metrics => match (inquiry.method, inquiry.path.as_str()) {
            (Method::Get | Method::Head, "/metrics") => {
                metrics::answer(&desk.facts(), inquiry.query.as_deref().unwrap_or_default())
            }
            (_, "/metrics") => Response::page(Status::MethodNotAllowed).with("allow", "GET, HEAD"),
            _ => Response::page(Status::NotFound),
        },
    }
}
