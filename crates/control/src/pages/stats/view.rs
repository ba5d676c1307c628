//! What of a page is asked for: the words behind its URI, as HAProxy has them (`management.txt` §9).

use crate::admin::stat::{Filter, Hidden};

/// One look at a page.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    pub(super) kind: Kind,
    pub(super) filter: Filter,
    /// `;norefresh`
    pub(super) stays: bool,
    /// What came of a form, in [`Outcome`](super::form::Outcome)'s word.
    pub(super) outcome: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Page,
    Csv,
    Json,
}

impl View<'_> {
    /// `rest` follows the URI. Words may stand in any order; unknown ones are passed over.
    pub(super) fn of(rest: &str) -> View<'_> {
        let mut view = View { kind: Kind::Page, filter: Filter::ALL, stays: false, outcome: "" };
        for word in rest.split(';').skip(1) {
            match word {
                "csv" => view.kind = Kind::Csv,
                "json" => view.kind = Kind::Json,
                "up" => view.filter.hidden = Hidden::Down,
                "no-maint" => view.filter.hidden = Hidden::Maintained,
                "norefresh" => view.stays = true,
                _ => view.outcome = word.strip_prefix("st=").unwrap_or(view.outcome),
            }
        }
        view
    }

    /// The words of this view but for its kind and what came of a form.
    pub(super) fn words(&self) -> &'static str {
        match (self.filter.hidden, self.stays) {
            (Hidden::None, false) => "",
            (Hidden::None, true) => ";norefresh",
            (Hidden::Down, false) => ";up",
            (Hidden::Down, true) => ";up;norefresh",
            (Hidden::Maintained, false) => ";no-maint",
            (Hidden::Maintained, true) => ";no-maint;norefresh",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_behind_the_uri() {
        for (rest, kind, hidden, stays, outcome) in [
            ("", Kind::Page, Hidden::None, false, ""),
            (";csv", Kind::Csv, Hidden::None, false, ""),
            ("anything;csv;norefresh", Kind::Csv, Hidden::None, true, ""),
            (";norefresh;json", Kind::Json, Hidden::None, true, ""),
            (";up", Kind::Page, Hidden::Down, false, ""),
            (";no-maint;foo;st=DONE", Kind::Page, Hidden::Maintained, false, "DONE"),
            ("csv", Kind::Page, Hidden::None, false, ""),
        ] {
            let view = View::of(rest);
            assert_eq!((view.kind, view.filter.hidden, view.stays, view.outcome), (kind, hidden, stays, outcome));
        }
    }
}
