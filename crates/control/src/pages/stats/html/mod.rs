//! The statistics page for people: one document that asks no other host for anything.
//!
//! Everything that an operator or a peer can name goes through [`Text`], which escapes it. Without scripts the page shows the same, and
//! acts the same: scripts filter, and fetch the numbers again.
//!
//! | file | what it knows |
//! |---|---|
//! | `frame` | the document around everything, and its rights |
//! | `proxies` | a section for each proxy |
//! | `server` | a row for each server |
//! | `question` | what is asked before something is done |
//! | `words` | numbers as people read them |

mod frame;
mod proxies;
mod question;
mod server;
mod words;

pub(super) use question::{question, refusal};

use super::form::Outcome;
use super::site::StatsSite;
use super::view::View;
use crate::admin::Desk;
use crate::pages::response::Response;
use frame::{Frame, document};
use std::fmt::Display;

/// The page.
pub(super) fn page(desk: &Desk<'_>, site: &StatsSite, view: &View<'_>, may_act: bool) -> Response {
    let facts = desk.facts();
    let refresh = site.refresh.filter(|_| !view.stays);
    let frame = Frame { site, secret: &desk.pages.secret, refresh, words: view.words() };
    let mut body = Text::default();
    frame::head(&facts, &frame, &mut body);
    frame::bar(&frame, &mut body);
    if let Some(outcome) = Outcome::of_word(view.outcome) {
        let class = if outcome == Outcome::Done { "note" } else { "note bad" };
        body.put("<p class=\"").put(class).put("\" role=\"status\">").say(outcome.sentence()).put("</p>");
    }
    body.put("<main>");
    proxies::render(&facts, &desk.pages.trends, &frame, view, may_act, &mut body);
    body.put("</main>");
    if site.shows_legends {
        frame::legend(&mut body);
    }
    frame::foot(&mut body);
    document(&facts, &frame, &body.out)
}

/// A document as it grows. **Invariant:** what is not our own markup was escaped.
#[derive(Debug, Default)]
struct Text {
    out: String,
}

impl Text {
    /// Markup of ours.
    fn put(&mut self, markup: &str) -> &mut Text {
        self.out.push_str(markup);
        self
    }

    /// What somebody has named, or a number.
    fn say(&mut self, what: impl Display) -> &mut Text {
        for character in what.to_string().chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                other => self.out.push(other),
            }
        }
        self
    }

    /// A term of a list and what there is to say of it, with something smaller behind.
    fn fact(&mut self, term: &str, what: impl Display, aside: impl Display) -> &mut Text {
        self.put("<div><dt>").say(term).put("</dt><dd>").say(what);
        let aside = aside.to_string();
        if !aside.is_empty() {
            self.put(" <small>").say(aside).put("</small>");
        }
        self.put("</dd></div>")
    }

    /// A state: its mark and its word say what its colour says.
    fn state(&mut self, word: &str) -> &mut Text {
        let (class, mark) = match word.split(' ').next().unwrap_or_default() {
            "UP" | "OPEN" => ("state good", "\u{25b2}"),
            "DOWN" | "STOP" => ("state bad", "\u{25bc}"),
            "DRAIN" | "NOLB" | "PAUSED" => ("state warn", "\u{25d1}"),
            "MAINT" => ("state", "\u{25a0}"),
            _ => ("state", "\u{25cf}"),
        };
        self.put("<span class=\"").put(class).put("\"><span aria-hidden=\"true\">").put(mark).put("</span>");
        self.say(word).put("</span>")
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn names_are_escaped() {
        let mut text = Text::default();
        text.put("<b title=\"").say("\"><script>alert('&')</script>").put("\">");
        assert_eq!(text.out, "<b title=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\">");
    }
}
