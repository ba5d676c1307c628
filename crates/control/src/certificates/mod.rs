//! Certificates in force: which files they came from, which listeners show them, and what an operator is about to put in their place.
//!
//! ```text
//!   files ──lower──▶ Shelf ◀── commit, crt-list, watch
//!                      │ every change
//!                      ▼
//!                  Acceptor::exchange, of each listener that shows what has changed
//! ```
//!
//! A listener keeps the certificates of the moment in which a client's hello comes; connections that have one keep it. A reload makes a
//! shelf anew, from the files.
//!
//! **Invariant:** what a listener shows is never empty in the middle of a change: all of it is made before any of it is exchanged.

mod list;
mod told;
mod watch;

pub(crate) use list::{Line, List};
pub(crate) use watch::{Found, Watch};

use crate::pem::{Fault, Parts};
use std::collections::BTreeMap;
use tls::{Acceptor, Bundle, CertificateDer, CertificateRevocationListDer, NamedBundle, Offer, TermsError};

/// Everything that listeners show, by the names of files.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    stored: BTreeMap<String, Stored>,
    /// Lists of certificates (`crt-list`), and directories, which are lists, too.
    lists: BTreeMap<String, List>,
    /// Files of those who are believed, by clients and servers (`ca-file`), and of what they have taken back (`crl-file`).
    authorities: BTreeMap<String, Vec<CertificateDer<'static>>>,
    revocations: BTreeMap<String, Vec<CertificateRevocationListDer<'static>>>,
    listeners: Vec<Listener>,
    /// What is to be put in place of a file, and its name.
    transaction: Option<(String, Parts)>,
    pub(crate) watch: Watch,
}

/// What a file brought, or an operator.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) parts: Parts,
    /// `None`: it was made, and nothing was put into it yet.
    pub(crate) bundle: Option<Bundle>,
}

/// What a `bind` line shows.
#[derive(Debug)]
pub(crate) struct Listener {
    /// `front/haproxy.cfg:10`
    pub(crate) place: String,
    pub(crate) acceptor: Acceptor,
    pub(crate) is_strict: bool,
    pub(crate) shows: Vec<Shown>,
    pub(crate) offers: Offers,
}

/// What is agreed to with clients that are shown the certificate of a line of a list: its name, its number.
pub(crate) type Offers = BTreeMap<(String, u32), Offer>;

/// One word of a `bind` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// `is_default`: it serves those, too, whose name nobody is for.
    File { path: String, is_default: bool },
    /// The first of it does that, if `is_default`.
    List { name: String, is_default: bool },
}

/// Why something was not changed, in HAProxy's words.
pub(crate) type Refusal = String;

impl Shelf {
    pub(crate) fn is_known(&self, path: &str) -> bool {
        self.stored.contains_key(path)
    }

    pub(crate) fn put(&mut self, path: String, stored: Stored) {
        self.stored.insert(path, stored);
    }

    pub(crate) fn put_list(&mut self, name: String, list: List) {
        self.lists.insert(name, list);
    }

    pub(crate) fn add_listener(&mut self, listener: Listener) {
        self.listeners.push(listener);
    }

    /// The certificates of a listener that shows these.
    pub(crate) fn certificates(
        &self,
        shows: &[Shown],
        offers: &Offers,
        is_strict: bool,
    ) -> Result<tls::Certificates, TermsError> {
        let mut certificates = tls::Certificates::new(is_strict);
        let named = |path: &str, (names, except), is_default| {
            let bundle = self.stored.get(path).and_then(|stored| stored.bundle.clone())?;
            Some(NamedBundle { bundle, names, except, is_default })
        };
        for shown in shows {
            match shown {
                Shown::File { path, is_default } => {
                    named(path, (None, Vec::new()), *is_default).into_iter().for_each(|named| certificates.add(named));
                }
                Shown::List { name, is_default } => {
                    let lines = self.lists.get(name).map_or(&[][..], |list| &list.lines);
                    for (index, line) in lines.iter().enumerate() {
                        let is_default = *is_default && (index == 0 || line.is_variant_of(&lines[0]));
                        let named = named(&line.path, line.names(), is_default || line.is_for_all());
                        match (named, offers.get(&(name.clone(), line.number))) {
                            (Some(named), Some(offer)) => certificates.add_with(offer.clone(), named)?,
                            (Some(named), None) => certificates.add(named),
                            (None, _) => (),
                        }
                    }
                }
            }
        }
        Ok(certificates)
    }

    /// Names of files, and the one that is to be replaced.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.stored.keys().map(String::as_str)
    }

    pub(crate) fn file(&self, path: &str) -> Option<&Stored> {
        self.stored.get(path)
    }

    pub(crate) fn transaction(&self) -> Option<&(String, Parts)> {
        self.transaction.as_ref()
    }

    pub(crate) fn lists(&self) -> &BTreeMap<String, List> {
        &self.lists
    }

    /// Whether a listener, or a list, has it.
    pub(crate) fn is_used(&self, path: &str) -> bool {
        let of_lists = self.lists.values().flat_map(|list| &list.lines).any(|line| line.path == path);
        let is_it = |shown: &Shown| matches!(shown, Shown::File { path: known, .. } if known == path);
        of_lists || self.listeners.iter().flat_map(|listener| &listener.shows).any(is_it)
    }

    /// `set ssl cert`. Says whether a transaction was begun by it.
    pub(crate) fn set(&mut self, path: &str, text: &str) -> Result<bool, Refusal> {
        let before = match &self.transaction {
            Some((open, parts)) if open == path => Some(parts.clone()),
            Some((open, _)) => {
                return Err(format!("The ongoing transaction is about '{open}' but you are trying to set '{path}'\n"));
            }
            None => None,
        };
        let is_new = before.is_none();
        let known = before.or_else(|| self.stored.get(path).map(|stored| stored.parts.clone()));
        let known = known.ok_or("Can't replace a certificate which is not referenced by the configuration!\n")?;
        let parts = known.with(path, text.as_bytes()).map_err(|fault| format!("{fault}\n"))?;
        self.transaction = Some((path.to_owned(), parts));
        Ok(is_new)
    }

    /// `commit ssl cert`. Says how many listeners show it.
    pub(crate) fn commit(&mut self, path: &str) -> Result<usize, Refusal> {
        let Some((open, parts)) = &self.transaction else { return Err("No ongoing transaction! !\n".to_owned()) };
        if open != path {
            return Err(format!("The ongoing transaction is about '{open}' but you are trying to set '{path}'\n"));
        }
        let bundle = parts.bundle(path).map_err(|fault| match fault {
            Fault::Keyless(_) | Fault::Unreadable(_) => {
                "The transaction must contain at least a certificate and a private key!\n".to_owned()
            }
            Fault::Unfound(..) | Fault::UnknownKey(_) | Fault::Mismatch(_) => format!("{fault}\n"),
        })?;
        let parts = parts.clone();
        self.transaction = None;
        self.stored.insert(path.to_owned(), Stored { parts, bundle: Some(bundle) });
        Ok(self.exchange(|shelf, shown| shelf.shows(shown, path)))
    }

    /// `abort ssl cert`
    pub(crate) fn abort(&mut self, path: &str) -> Result<(), Refusal> {
        match &self.transaction {
            None => Err("No ongoing transaction!\n".to_owned()),
            Some((open, _)) if open != path => Err(format!(
                "The ongoing transaction is about '{open}' but you are trying to abort a transaction for '{path}'\n"
            )),
            Some(_) => {
                self.transaction = None;
                Ok(())
            }
        }
    }

    /// `new ssl cert`
    pub(crate) fn make(&mut self, path: &str) -> Result<(), Refusal> {
        if self.is_known(path) {
            return Err(format!("Certificate '{path}' already exists!\n"));
        }
        self.stored.insert(path.to_owned(), Stored { parts: Parts::default(), bundle: None });
        Ok(())
    }

    /// `del ssl cert`
    pub(crate) fn delete(&mut self, path: &str) -> Result<(), Refusal> {
        let cannot = "Can't remove the certificate: certificate";
        if !self.is_known(path) {
            return Err(format!("{cannot} '{path}' doesn't exist!\n"));
        }
        if self.is_used(path) {
            return Err(format!("{cannot} '{path}' in use, can't be deleted!\n"));
        }
        self.stored.remove(path);
        Ok(())
    }

    /// `add ssl crt-list`
    pub(crate) fn add_line(&mut self, name: &str, line: Line) -> Result<(), Refusal> {
        let cannot = "Can't edit the crt-list:";
        let list = self.lists.get(name).ok_or_else(|| format!("{cannot} crt-list '{name}' does not exist!\n"))?;
        let path = &line.path;
        match self.stored.get(path) {
            None => return Err(format!("{cannot} certificate '{path}' does not exist!\n")),
            Some(Stored { bundle: None, .. }) => return Err(format!("{cannot} certificate '{path}' is empty!\n")),
            Some(_) => (),
        }
        if list.is_directory && list.lines.iter().any(|known| known.path == *path) {
            return Err(format!("{cannot} file already exists in this directory!\n"));
        }
        if let Some(list) = self.lists.get_mut(name) {
            list.append(line);
        }
        self.exchange(|_, shown| matches!(shown, Shown::List { name: known, .. } if known == name));
        Ok(())
    }

    /// `del ssl crt-list`
    pub(crate) fn delete_line(&mut self, name: &str, path: &str) -> Result<String, Refusal> {
        let cannot = "Can't delete the entry:";
        let (path, number) = match path.rsplit_once(':').map(|(path, number)| (path, number.parse::<u32>())) {
            Some((path, Ok(number))) => (path, Some(number)),
            Some((_, Err(_))) | None => (path, None),
        };
        let list = self.lists.get_mut(name).ok_or_else(|| format!("{cannot} crt-list '{name}' does not exist!\n"))?;
        if !self.stored.contains_key(path) {
            return Err(format!("{cannot} certificate '{path}' does not exist!\n"));
        }
        let is_it = |line: &&Line| line.path == path && number.is_none_or(|number| number == line.number);
        let found: Vec<u32> = list.lines.iter().filter(is_it).map(|line| line.number).collect();
        let [number] = found[..] else {
            if found.is_empty() {
                return Err(format!("{cannot} crt-list '{name}' does not contain certificate '{path}'!\n"));
            }
            let numbers: Vec<String> = found.iter().map(u32::to_string).collect();
            return Err(format!(
                "{cannot} found the certificate '{path}' in several entries, please specify a line number preceded by \
                 colons ({})!\n",
                numbers.join(", ")
            ));
        };
        list.lines.retain(|line| line.number != number);
        self.exchange(|_, shown| matches!(shown, Shown::List { name: known, .. } if known == name));
        Ok(path.to_owned())
    }

    fn shows(&self, shown: &Shown, path: &str) -> bool {
        match shown {
            Shown::File { path: known, .. } => known == path,
            Shown::List { name, .. } => {
                self.lists.get(name).is_some_and(|list| list.lines.iter().any(|line| line.path == path))
            }
        }
    }

    /// Makes anew what those listeners show that show something of this kind. Says how many there are.
    fn exchange(&self, is_it: impl Fn(&Shelf, &Shown) -> bool) -> usize {
        let concerned: Vec<&Listener> =
            self.listeners.iter().filter(|listener| listener.shows.iter().any(|shown| is_it(self, shown))).collect();
        let made: Vec<_> = concerned
            .iter()
            .map(|listener| self.certificates(&listener.shows, &listener.offers, listener.is_strict))
            .collect();
        for (listener, certificates) in concerned.iter().zip(made) {
            listener.acceptor.exchange(certificates.expect("the same was offered when the file was read"));
        }
        concerned.len()
    }
}
