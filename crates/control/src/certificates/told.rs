//! What can be told of a shelf: authorities, revocation lists, responses about certificates, names; and how a response is exchanged.

use super::{Shelf, Shown, Stored};
use std::collections::BTreeMap;
use tls::{CertificateDer, CertificateRevocationListDer, Portrait, StapleId};

/// A name that clients of a listener may ask for.
pub(crate) struct NameLine<'a> {
    /// `front/haproxy.cfg:10`
    pub(crate) place: &'a str,
    pub(crate) name: String,
    pub(crate) except: Vec<String>,
    pub(crate) path: &'a str,
    pub(crate) portrait: Portrait,
}

impl Shelf {
    pub(crate) fn put_authorities(&mut self, path: String, list: Vec<CertificateDer<'static>>) {
        self.authorities.insert(path, list);
    }

    pub(crate) fn put_revocations(&mut self, path: String, list: Vec<CertificateRevocationListDer<'static>>) {
        self.revocations.insert(path, list);
    }

    /// Of clients and servers, by the names of files.
    pub(crate) fn authorities(&self) -> &BTreeMap<String, Vec<CertificateDer<'static>>> {
        &self.authorities
    }

    pub(crate) fn revocations(&self) -> &BTreeMap<String, Vec<CertificateRevocationListDer<'static>>> {
        &self.revocations
    }

    /// What is said of certificates, and of which.
    pub(crate) fn staples(&self) -> Vec<(StapleId, &[u8])> {
        let mut all: Vec<(StapleId, &[u8])> = Vec::new();
        for Stored { parts, bundle } in self.stored.values() {
            let Some(bundle) = bundle else { continue };
            let (Some(staple), Some(id)) = (bundle.staple(), bundle.staple_id(parts.issuer().as_ref())) else {
                continue;
            };
            if !all.iter().any(|(known, _)| *known == id) {
                all.push((id, staple));
            }
        }
        all
    }

    /// `set ssl ocsp-response`: from now on this is said of the certificates that it is about. Says how many there are.
    pub(crate) fn staple(&mut self, response: &[u8]) -> usize {
        let mut concerned = Vec::new();
        for (path, Stored { parts, bundle }) in &mut self.stored {
            let Some(known) = bundle.as_ref().filter(|known| known.staple().is_some()) else { continue };
            let Some(id) = known.staple_id(parts.issuer().as_ref()) else { continue };
            if response.windows(id.der.len()).any(|window| window == id.der) {
                parts.staple(response);
                *bundle = Some(known.stapled(response.to_vec()));
                concerned.push(path.clone());
            }
        }
        self.exchange(|shelf, shown| concerned.iter().any(|path| shelf.shows(shown, path)));
        concerned.len()
    }

    /// What clients may ask for at each listener, by name.
    pub(crate) fn names(&self) -> Vec<NameLine<'_>> {
        let mut all = Vec::new();
        for listener in &self.listeners {
            let mut own = Vec::new();
            for shown in &listener.shows {
                match shown {
                    Shown::File { path, is_default } => {
                        own.extend(self.names_of(
                            &listener.place,
                            path,
                            None,
                            Vec::new(),
                            *is_default && !listener.is_strict,
                        ));
                    }
                    Shown::List { name, is_default } => {
                        let lines = self.lists.get(name).map_or(&[][..], |list| &list.lines);
                        for (index, line) in lines.iter().enumerate() {
                            let is_default = (*is_default && index == 0 || line.is_for_all()) && !listener.is_strict;
                            let (names, except) = line.names();
                            own.extend(self.names_of(&listener.place, &line.path, names, except, is_default));
                        }
                    }
                }
            }
            own.sort_by(|one, other| one.name.cmp(&other.name));
            all.append(&mut own);
        }
        all
    }

    fn names_of<'a>(
        &self,
        place: &'a str,
        path: &'a str,
        names: Option<Vec<String>>,
        except: Vec<String>,
        is_default: bool,
    ) -> Vec<NameLine<'a>> {
        let bundle = self.stored.get(path).and_then(|stored| stored.bundle.as_ref());
        let Some(portrait) = bundle.and_then(|bundle| bundle.chain().first()).and_then(Portrait::of) else {
            return Vec::new();
        };
        let names = names.unwrap_or_else(|| portrait.host_names());
        let names = names.into_iter().chain(is_default.then(|| "*".to_owned()));
        let line = |name| NameLine { place, name, except: except.clone(), path, portrait: portrait.clone() };
        names.map(line).collect()
    }
}
