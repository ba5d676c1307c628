//! What is asked before something is done, and what is said when it is not.

use super::super::form::Wish;
use super::frame::{Frame, document};
use super::{StatsSite, Text};
use crate::admin::Desk;
use crate::pages::response::Response;
use http1::Status;

/// Asks whether it is meant.
pub(in super::super) fn question(desk: &Desk<'_>, site: &StatsSite, wish: &Wish) -> Response {
    let frame = Frame { site, secret: &desk.pages.secret, refresh: None, words: "" };
    let mut text = Text::default();
    text.put("<main class=\"question\"><h1>").say(wish.action.text).put("?</h1><p>For ");
    match wish.servers.len() {
        1 => text.put("one server of "),
        count => text.say(count).put(" servers of "),
    };
    text.say(&wish.backend).put(":</p><ul>");
    for server in &wish.servers {
        text.put("<li>").say(server).put("</li>");
    }
    text.put("</ul><form method=\"post\" action=\"").say(&site.uri).put("\">");
    let own =
        [("token", frame.secret.as_str()), ("b", &wish.backend), ("action", wish.action.word), ("confirmed", "yes")];
    let servers = wish.servers.iter().map(|server| ("s", server.as_str()));
    for (name, value) in own.into_iter().chain(servers) {
        text.put("<input type=\"hidden\" name=\"").put(name).put("\" value=\"").say(value).put("\">");
    }
    text.put("<button class=\"main\" id=\"confirm\">Yes, do it</button><a href=\"")
        .say(&site.uri)
        .put("\">Cancel</a></form></main>");
    document(&desk.facts(), &frame, &text.out)
}

/// Says why nothing was done.
pub(in super::super) fn refusal(site: &StatsSite, desk: &Desk<'_>, sentence: &str) -> Response {
    let frame = Frame { site, secret: &desk.pages.secret, refresh: None, words: "" };
    let mut text = Text::default();
    text.put("<main class=\"question\"><h1>Not done</h1><p>").say(sentence).put("</p><p><a href=\"").say(&site.uri);
    text.put("\">Back to the page</a></p></main>");
    document(&desk.facts(), &frame, &text.out).with_status(Status::Forbidden)
}
