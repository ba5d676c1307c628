//! Every keyword of HAProxy and what Tidegate does with it: one sorted table per kind.
//!
//! A keyword is served, refused, or known to be without effect here. A later change moves a row from `Refused` to `Served`; nothing
//! else has to forget a refusal.

pub(crate) mod bind;
pub(crate) mod effects;
pub(crate) mod fetch;
pub(crate) mod fetch_names;
pub(crate) mod global;
pub(crate) mod http_rules;
pub(crate) mod log_alias;
pub(crate) mod option;
pub(crate) mod proxy;
pub(crate) mod server;
pub(crate) mod tcp_rules;
#[cfg(test)]
mod tls_words;

/// What a keyword means to Tidegate. `K` names the function that reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning<K> {
    /// Read and done.
    Served(K),
    /// The same, of a keyword that HAProxy does not know: a file that is to run there, too, must do without it.
    Ours(K),
    /// Known to HAProxy, and refused unread.
    Refused,
    /// Accepted with a notice: it cannot change what a client or a server sees. The text says why.
    Inert(&'static str),
    /// HAProxy itself dropped it; the text is HAProxy's.
    Removed(&'static str),
}

impl<K: Copy> Meaning<K> {
    /// The reader, where there is one.
    pub(crate) fn keyword(self) -> Option<K> {
        match self {
            Meaning::Served(keyword) | Meaning::Ours(keyword) => Some(keyword),
            Meaning::Refused | Meaning::Inert(_) | Meaning::Removed(_) => None,
        }
    }
}

/// The sections a proxy keyword belongs to. `listen` has both sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Scope {
    pub(crate) defaults: InDefaults,
    pub(crate) front: bool,
    pub(crate) back: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InDefaults {
    Yes,
    /// Only where the section has a name.
    Named,
    No,
}

impl Scope {
    const fn new(defaults: InDefaults, front: bool, back: bool) -> Scope {
        Scope { defaults, front, back }
    }
}

/// The columns of HAProxy's keyword matrix (configuration.txt §4.1): Defaults, Frontend, Backend, `N`amed defaults.
pub(crate) const DFB: Scope = Scope::new(InDefaults::Yes, true, true);
pub(crate) const DF: Scope = Scope::new(InDefaults::Yes, true, false);
pub(crate) const DB: Scope = Scope::new(InDefaults::Yes, false, true);
pub(crate) const NFB: Scope = Scope::new(InDefaults::Named, true, true);
pub(crate) const NF: Scope = Scope::new(InDefaults::Named, true, false);
pub(crate) const FB: Scope = Scope::new(InDefaults::No, true, true);
pub(crate) const F: Scope = Scope::new(InDefaults::No, true, false);
pub(crate) const B: Scope = Scope::new(InDefaults::No, false, true);

/// Finds a row of a table that is sorted by name.
pub(crate) fn find<'t, R>(table: &'t [R], name: &str, name_of: impl Fn(&R) -> &'static str) -> Option<&'t R> {
    table.binary_search_by(|row| name_of(row).cmp(name)).ok().map(|index| &table[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_sorted(names: impl IntoIterator<Item = &'static str>) {
        let names: Vec<_> = names.into_iter().collect();
        for pair in names.windows(2) {
            assert!(pair[0] < pair[1], "{} must come before {}", pair[1], pair[0]);
        }
    }

    /// Binary search needs order, and a keyword has one meaning.
    #[test]
    fn tables_are_sorted_and_unique() {
        assert_sorted(global::TABLE.iter().map(|row| row.0));
        assert_sorted(proxy::TABLE.iter().map(|row| row.0));
        assert_sorted(proxy::TIMEOUTS.iter().map(|row| row.0));
        assert_sorted(option::TABLE.iter().map(|row| row.name));
        assert_sorted(bind::TABLE.iter().map(|row| row.0));
        assert_sorted(server::TABLE.iter().map(|row| row.0));
    }
}
