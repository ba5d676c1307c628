//! What operators and their tools look at over HTTP: metrics for Prometheus.
//!
//! ```text
//!   socket ──accept──▶ visitor ── dialogue (bytes ⇄ inquiries, over http1)
//!                         │ Visit                       ▲ Response
//!                         ▼                             │
//!                    Control::at_desk ──▶ answer ──▶ metrics
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `visitor`, `dialogue` | one connection: with I/O, and without |
//! | `response` | what goes back |
//! | `metrics/` | the numbers in Prometheus's format |
//!
//! This is no part of the data path: control serves it between its other events, from the same facts as the admin sockets.
//!
//! **Invariant:** a visitor has one request under way, of bounded size and time, so that neither requests nor answers pile up.

mod dialogue;
mod metrics;
mod response;
mod visitor;

pub(crate) use visitor::{Visit, serve};

use crate::admin::Desk;
use http1::{Method, Status};
use response::Response;

/// What is served behind a socket.
#[derive(Clone, Debug)]
pub(crate) enum Site {
    /// `tidegate.prometheus`
    Metrics,
}

/// Answers a visit.
pub(crate) fn answer(desk: &mut Desk<'_>, visit: &Visit) -> Response {
    let inquiry = &visit.inquiry;
    match &*visit.site {
        Site::Metrics => match (inquiry.method, inquiry.path.as_str()) {
            (Method::Get | Method::Head, "/metrics") => metrics::answer(&desk.facts(), &inquiry.query),
            (_, "/metrics") => Response::page(Status::MethodNotAllowed).with("allow", "GET, HEAD"),
            _ => Response::page(Status::NotFound),
        },
    }
}
