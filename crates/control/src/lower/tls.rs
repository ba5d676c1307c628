//! TLS of `bind` lines: files become certificates, words become an offer (`configuration.txt` §5.1).
//!
//! Certificates are read whenever the configuration is: a reload brings the new ones, and sessions keep what they have.

use super::Lowering;
use crate::certificates::{Line, List, Listener, Offers, Shown, Stored};
use crate::load::KernelTls;
use crate::pem::{self, Fault, Found};
use config::{
    Bind, BindTls, ClientVerify, Diagnostic, Lead, Level, Mode, Proxy, Spanned, Stage, TlsMethods, TlsVersion,
};
use tls::{Acceptor, Choice, ClientCertificates, Offer, TermsError, Version, VersionRange, Wanted};

/// What is agreed to unless the file says otherwise, as HAProxy has it.
const VERSIONS: VersionRange = VersionRange { least: Version::Tls12, most: Version::Tls13 };

/// What is done here of OpenSSL's lists.
pub(super) const CIPHERS: &str = "only ephemeral elliptic curves with AES-GCM or ChaCha20-Poly1305 are done here";

impl Lowering<'_> {
    /// What a `bind` line agrees to; `None`: it has no TLS, or cannot have it, which has been reported.
    pub(super) fn acceptor(&mut self, proxy: &Proxy, bind: &Bind) -> Option<Acceptor> {
        let line = &bind.tls;
        line.is_on?;
        let place = self.place(proxy, bind);
        let shows = self.shown(line, &place)?;
        let offer = self.offer(line, bind, proxy, &place)?;
        let offers = self.offers(&shows, bind, proxy, &place)?;
        let is_strict = line.is_strict;
        let certificates = self.shelf.certificates(&shows, &offers, is_strict);
        if certificates.as_ref().is_ok_and(tls::Certificates::is_empty) && !is_strict {
            let message = format!("no SSL certificate specified for {} (use 'crt').", self.bind_name(bind));
            return self.fail_with(proxy, bind, message);
        }
        match certificates.and_then(|certificates| Acceptor::new(certificates, offer)) {
            Ok(acceptor) => {
                let acceptor = acceptor.setting_aside(tls::Aside::Costly);
                let acceptor = acceptor.handing_over(self.hands_over(proxy, line.ktls.as_ref(), &place));
                let place = format!("{}/{}", proxy.name.value, self.line_name(bind));
                self.shelf.add_listener(Listener { place, acceptor: acceptor.clone(), is_strict, shows, offers });
                Some(acceptor)
            }
            Err(TermsError::NoVersion) => self.fail(proxy, bind, "all SSL/TLS versions are disabled for"),
            Err(TermsError::NoCipher) => self.fail(proxy, bind, "no cipher is left of the SSL/TLS versions of"),
            Err(TermsError::Authority) => self.fail(proxy, bind, "unable to use the CA or CRL file of"),
        }
    }

    /// Whether the kernel may go on with what is agreed: as the line says (`said`, opened by `place`), or its section; else wherever it can.
    pub(super) fn hands_over(&mut self, proxy: &Proxy, said: Option<&Spanned<bool>>, place: &str) -> bool {
        let is_wanted = said.map(|said| said.value).or(proxy.settings.ktls).unwrap_or(true);
        match (self.kernel_tls, said.filter(|said| said.value)) {
            (KernelTls::Present, _) => is_wanted,
            (KernelTls::Absent(_), None) => false,
            (KernelTls::Absent(why), Some(said)) => {
                let message =
                    format!("{place} : 'ktls on' : this kernel does no TLS ({why}), so it is done here as ever.");
                self.warn(said.span, message, "its module is called 'tls'; 'option ktls auto' uses it where it is");
                false
            }
        }
    }

    /// What the line shows. Its files are on the shelf then.
    fn shown(&mut self, line: &BindTls, place: &str) -> Option<Vec<Shown>> {
        let base = self.config.global.crt_base.as_ref().map(|base| base.as_str());
        let mut is_first = line.default_certificates.is_empty();
        let (mut shows, mut is_whole) = (Vec::new(), true);
        let listed = line.certificates.iter().map(|name| (name, false));
        for (name, is_default) in line.default_certificates.iter().map(|name| (name, true)).chain(listed) {
            match self.shelve(base, name) {
                Ok(paths) => {
                    // The first file of the line serves whoever names nobody: its RSA and its ECDSA form, if it has both.
                    let is_default = is_default || std::mem::take(&mut is_first) && !paths.is_empty();
                    if let Some(directory) = pem::directory(base, name) {
                        let paths = paths.into_iter().map(|(path, _)| path).collect();
                        self.shelf.put_list(directory.clone(), List::of_directory(paths));
                        shows.push(Shown::List { name: directory, is_default });
                        continue;
                    }
                    shows.extend(paths.into_iter().enumerate().map(|(index, (path, is_variant))| Shown::File {
                        path,
                        is_default: is_default && (index == 0 || is_variant),
                    }));
                }
                Err(fault) => {
                    self.alert(Stage::Parsing, Lead::Spaced, name.span, format!("{place} : {fault}"));
                    is_whole = false;
                }
            }
        }
        for name in &line.certificate_lists {
            match self.shelve_list(base, name) {
                Ok(()) => {
                    let is_default = std::mem::take(&mut is_first);
                    shows.push(Shown::List { name: name.value.clone(), is_default });
                }
                Err(why) => {
                    self.alert(Stage::Parsing, Lead::Spaced, name.span, format!("{place} : 'crt-list' : {why}"));
                    is_whole = false;
                }
            }
        }
        is_whole.then_some(shows)
    }

    /// What is agreed to with clients that are shown the certificate of a line of one of its lists, where that line has settings of its own.
    fn offers(&mut self, shows: &[Shown], bind: &Bind, proxy: &Proxy, place: &str) -> Option<Offers> {
        let mut settings = Vec::new();
        for shown in shows {
            let Shown::List { name, .. } = shown else { continue };
            let Some(list) = self.shelf.lists().get(name) else { continue };
            let lines = list.lines.iter().filter(|line| !line.settings.is_empty());
            settings.extend(lines.map(|line| ((name.clone(), line.number), line.settings.clone())));
        }
        let mut offers = Offers::new();
        for ((name, number), words) in settings {
            let offer = match config::line_settings(&words, &bind.tls, bind.span) {
                Ok(line) => self.offer(&line, bind, proxy, place)?,
                Err(why) => {
                    let message = format!("{place} : 'crt-list' : parsing [{name}:{number}]: {why}");
                    self.alert(Stage::Parsing, Lead::Spaced, bind.span, message);
                    return None;
                }
            };
            offers.insert((name, number), offer);
        }
        Some(offers)
    }

    /// Puts the files that a name stands for on the shelf. Says which they are, and whether each is the one before with another key.
    fn shelve(&mut self, base: Option<&str>, name: &str) -> Result<Vec<(String, bool)>, Fault> {
        let found = pem::bundles(base, name)?;
        Ok(found
            .into_iter()
            .map(|Found { path, parts, bundle, is_variant }| {
                self.shelf.put(path.clone(), Stored { parts, bundle: Some(bundle) });
                (path, is_variant)
            })
            .collect())
    }

    fn shelve_list(&mut self, base: Option<&str>, name: &str) -> Result<(), String> {
        let text = std::fs::read_to_string(name)
            .map_err(|err| format!("cannot open file '{name}' : {}", driver::Errno::of(&err)))?;
        let list = List::read(&text).map_err(|fault| fault.to_string())?;
        let mut lines = Vec::new();
        for line in &list.lines {
            for (path, _) in self.shelve(base, &line.path).map_err(|fault| fault.to_string())? {
                lines.push(Line { path, ..line.clone() });
            }
        }
        self.shelf.put_list(name.to_owned(), list.with(lines));
        Ok(())
    }

    fn offer(&mut self, line: &BindTls, bind: &Bind, proxy: &Proxy, place: &str) -> Option<Offer> {
        let config = self.config;
        let defaults = &config.global.bind_tls;
        let clients = match &line.verify {
            None => None,
            Some(verify) => Some(self.clients(verify.value, line, bind, proxy, place)?),
        };
        let ciphers = line.ciphers.as_ref().or(defaults.ciphers.as_ref());
        let ciphersuites = line.ciphersuites.as_ref().or(defaults.ciphersuites.as_ref());
        let curves = line.curves.as_ref().or(defaults.curves.as_ref());
        Some(Offer {
            versions: self.versions(line, defaults, bind, proxy),
            ciphers: self.choose(ciphers, tls::choose_ciphers, "SSL cipher list", bind, proxy)?,
            suites: self.choose(ciphersuites, tls::choose_suites, "TLS 1.3 cipher suites", bind, proxy)?,
            groups: self.choose(curves, tls::choose_groups, "SSL curves list", bind, proxy)?,
            protocols: self.protocols(line, proxy),
            gives_tickets: line.has_tickets.or(defaults.has_tickets).unwrap_or(true),
            is_client_order: line.prefers_client || defaults.prefers_client,
            clients,
        })
    }

    fn clients(
        &mut self,
        verify: ClientVerify,
        line: &BindTls,
        bind: &Bind,
        proxy: &Proxy,
        place: &str,
    ) -> Option<ClientCertificates> {
        let Some(ca_file) = &line.ca_file else {
            let message = format!("verify is enabled but no CA file specified for {}.", self.bind_name(bind));
            return self.fail_with(proxy, bind, message);
        };
        let base = self.config.global.ca_base.as_ref().map(|base| base.as_str());
        let authorities = self.list(pem::authorities(base, ca_file), ca_file, "ca-file", place);
        let revocations = match &line.crl_file {
            Some(crl_file) => self.list(pem::revocations(base, crl_file), crl_file, "crl-file", place),
            None => Some(Vec::new()),
        };
        if let Some(list) = &authorities {
            self.shelf.put_authorities(pem::path(base, ca_file), list.clone());
        }
        if let (Some(list), Some(crl_file)) = (&revocations, &line.crl_file) {
            self.shelf.put_revocations(pem::path(base, crl_file), list.clone());
        }
        let wanted = match verify {
            ClientVerify::Optional => Wanted::Optional,
            ClientVerify::Required => Wanted::Required,
        };
        Some(ClientCertificates { wanted, authorities: authorities?, revocations: revocations? })
    }

    fn list<T>(
        &mut self,
        read: Result<Vec<T>, String>,
        name: &Spanned<String>,
        what: &str,
        place: &str,
    ) -> Option<Vec<T>> {
        match read {
            Ok(list) => Some(list),
            Err(why) => {
                let message = format!("{place} : '{what}' : unable to load {} ({why})", name.value);
                self.alert(Stage::Parsing, Lead::Spaced, name.span, message);
                None
            }
        }
    }

    /// Versions that clients are agreed to. What is older than TLS 1.2 never is: whoever asks for it is told who loses.
    fn versions(&mut self, line: &BindTls, defaults: &BindTls, bind: &Bind, proxy: &Proxy) -> VersionRange {
        let range = range(&line.methods, &defaults.methods);
        if range.least < VERSIONS.least && range.most >= VERSIONS.least {
            let said = line.methods.least.or(defaults.methods.least);
            let span = said.map_or(bind.span, |version| version.span);
            let message = format!(
                "Proxy '{}': clients that know nothing newer than TLSv1.1 are refused by {}.",
                proxy.name.value,
                self.bind_name(bind)
            );
            self.warn(span, message, "TLSv1.2 is the oldest version that is done here");
        }
        range
    }

    /// `None` if nothing is left of a list; that has been reported.
    #[expect(clippy::option_option, reason = "no list, and a list that is wrong, are not the same")]
    fn choose<T>(
        &mut self,
        list: Option<&Spanned<String>>,
        choose: fn(&str) -> Choice<T>,
        what: &str,
        bind: &Bind,
        proxy: &Proxy,
    ) -> Option<Option<Vec<T>>> {
        let Some(list) = list else { return Some(None) };
        let Choice { chosen, lost } = choose(list);
        if chosen.is_empty() {
            let message = format!("unable to set {what} to '{}' for {}.", list.value, self.bind_name(bind));
            return self.fail_with(proxy, bind, message);
        }
        if !lost.is_empty() {
            let message = format!(
                "Proxy '{}': clients that have nothing better than {} are refused by {}.",
                proxy.name.value,
                lost.join(", "),
                self.bind_name(bind)
            );
            self.warn(list.span, message, CIPHERS);
        }
        Some(Some(chosen))
    }

    /// In `mode http` nobody is told that HTTP/2 is spoken.
    fn protocols(&mut self, line: &BindTls, proxy: &Proxy) -> Vec<Vec<u8>> {
        let Some(alpn) = &line.alpn else { return Vec::new() };
        let is_spoken = |name: &&String| proxy.settings.mode == Mode::Tcp || *name != "h2";
        let spoken: Vec<Vec<u8>> = alpn.value.iter().filter(is_spoken).map(|name| name.as_bytes().to_vec()).collect();
        if spoken.len() < alpn.value.len() {
            let message =
                format!("Proxy '{}': HTTP/2 is not spoken here, so clients are not offered it.", proxy.name.value);
            self.warn(alpn.span, message, "they go on with HTTP/1.1");
        }
        spoken
    }

    fn fail<T>(&mut self, proxy: &Proxy, bind: &Bind, what: &str) -> Option<T> {
        let message = format!("{what} {}.", self.bind_name(bind));
        self.fail_with(proxy, bind, message)
    }

    fn fail_with<T>(&mut self, proxy: &Proxy, bind: &Bind, message: String) -> Option<T> {
        let message = format!("Proxy '{}': {message}", proxy.name.value);
        self.alert(Stage::Checking, Lead::Bare, bind.span, message);
        None
    }

    pub(super) fn warn(&mut self, span: config::Span, message: String, hint: &str) {
        let known = self.diagnostics.iter().any(|known| known.message == message);
        if !known {
            self.diagnostics.push(Diagnostic {
                level: Level::Warning,
                stage: Stage::Serving,
                lead: Lead::Bare,
                span: Some(span),
                message,
                hint: Some(hint.to_string()),
            });
        }
    }

    /// How HAProxy opens a complaint about a word of the line.
    fn place(&self, proxy: &Proxy, bind: &Bind) -> String {
        format!("'bind {}' in section '{}'", self.addresses(bind), proxy.role.keyword())
    }

    /// How it names the line in a sentence.
    fn bind_name(&self, bind: &Bind) -> String {
        format!("bind '{}' at [{}]", self.addresses(bind), self.line_name(bind))
    }

    fn line_name(&self, bind: &Bind) -> String {
        let file = self.sources.get(bind.span.source as usize).map_or("?", |source| source.name.as_str());
        format!("{file}:{}", bind.span.line)
    }

    fn addresses(&self, bind: &Bind) -> &str {
        bind.addresses.first().map_or("", |address| self.text(address.span))
    }
}

/// The versions of a line, or of the `global` section if the line says nothing.
pub(super) fn range(line: &TlsMethods, defaults: &TlsMethods) -> VersionRange {
    let methods = [line, defaults].into_iter().find(|methods| **methods != TlsMethods::default());
    let Some(methods) = methods else { return VERSIONS };
    let is_without = |version| methods.without.contains(&version);
    let (mut least, mut most) = (VERSIONS.least, VERSIONS.most);
    if methods.least.is_some() || methods.most.is_some() {
        least = methods.least.map_or(least, |version| of(version.value));
        most = methods.most.map_or(most, |version| of(version.value));
    } else {
        least = if is_without(TlsVersion::Tls12) { Version::Tls13 } else { least };
        most = if is_without(TlsVersion::Tls13) { Version::Tls12 } else { most };
    }
    VersionRange { least, most }
}

fn of(version: TlsVersion) -> Version {
    match version {
        TlsVersion::Ssl3 => Version::Ssl3,
        TlsVersion::Tls10 => Version::Tls10,
        TlsVersion::Tls11 => Version::Tls11,
        TlsVersion::Tls12 => Version::Tls12,
        TlsVersion::Tls13 => Version::Tls13,
    }
}
