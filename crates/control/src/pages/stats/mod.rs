//! Statistics pages (`stats enable` and its kin): for people, and for tools that fetch `;csv` and `;json`.
//!
//! ```text
//!   request ──▶ is it below the URI? ──▶ who is it? ──┬─ GET  ──▶ view ──▶ page, CSV, JSON
//!                  503                     401        └─ POST ──▶ guard ──▶ form ──▶ ask, then act
//!                                                                  403
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `site` | what the file says of a page |
//! | `view` | what of it is asked for |
//! | `guard` | who may look, who may act, and that it is this page that asks |
//! | `form` | what is to be done |
//! | `html/` | the page itself |

mod form;
mod guard;
mod html;
mod site;
mod view;

pub(crate) use guard::Secret;
pub(crate) use site::StatsSite;

use super::dialogue::Inquiry;
use super::response::Response;
use super::visitor::Visit;
use crate::admin::Desk;
use crate::admin::stat::{self, Form};
use form::Wish;
use guard::Doubt;
use http1::{Method, Status};
use view::{Kind, View};

/// Answers a visit of a statistics page.
pub(super) fn answer(desk: &mut Desk<'_>, site: &StatsSite, visit: &Visit) -> Response {
    let inquiry = &visit.inquiry;
    let target = inquiry.target();
    // What HAProxy answers where no page is and no server either.
    let Some(rest) = site.below(&target) else { return Response::page(Status::Unavailable) };
    if !site.admits(&inquiry.authorization) {
        let challenge = format!("Basic realm=\"{}\"", site.realm);
        return Response::page(Status::Unauthorized).with("www-authenticate", &challenge);
    }
    let may_act = site.lets_act(desk.table, visit.src, visit.dst);
    match inquiry.method {
        Method::Get | Method::Head => show(desk, site, &View::of(rest), may_act),
        Method::Post if may_act => act(desk, site, inquiry),
        Method::Post => html::refusal(site, desk, "This page may be looked at, not acted on."),
        Method::Put | Method::Delete | Method::Connect | Method::Options | Method::Trace | Method::Other => {
            Response::page(Status::Unavailable)
        }
    }
}

fn show(desk: &Desk<'_>, site: &StatsSite, view: &View<'_>, may_act: bool) -> Response {
    let facts = desk.facts();
    let rows = || stat::rows(&facts, &view.filter).filter(|row| site.shows(row));
    match view.kind {
        Kind::Csv => Response::ok("text/plain", stat::render(rows(), Form::Csv)),
        Kind::Json => Response::ok("application/json", stat::render(rows(), Form::Json)),
        Kind::Page => html::page(desk, site, view, may_act),
    }
}

/// A form came. Nothing is done before it was asked for a second time.
fn act(desk: &mut Desk<'_>, site: &StatsSite, inquiry: &Inquiry) -> Response {
    match guard::doubt(inquiry, &desk.pages.secret) {
        Some(Doubt::OtherSite) => {
            return html::refusal(site, desk, "The request came from another site. Nothing was done.");
        }
        Some(Doubt::Secret) => {
            return html::refusal(site, desk, "This page is older than the process. Nothing was done; load it again.");
        }
        None => {}
    }
    match Wish::of(&inquiry.content) {
        Err(complaint) => html::refusal(site, desk, complaint),
        Ok(wish)
            if !wish
                .servers
                .iter()
                .all(|server| site.shows_proxy(&wish.backend) && wish.exists(desk.table, server)) =>
        {
            html::refusal(site, desk, "There is no such server any more. Nothing was done.")
        }
        Ok(wish) if !wish.is_confirmed => html::question(desk, site, &wish),
        Ok(wish) => {
            let outcome = wish.carry_out(desk);
            Response::see_other(&format!("{};st={}", site.uri, outcome.word()))
        }
    }
}
