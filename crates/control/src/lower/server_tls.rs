//! TLS of `server` lines: who they have to be, and what they are asked for (`configuration.txt` §5.2).

use super::Lowering;
use super::checks::wants_tls;
use super::tls::{CIPHERS, range};
use crate::pem;
use config::{Lead, Mode, Proxy, ServerVerify, Span, Spanned, Stage};
use table::ServerName;
use tls::{Choice, Connector, Demand, TermsError, Trust};

/// What HAProxy says to those who verify by not saying anything.
const NO_AUTHORITY: &str = "verify is enabled by default but no CA file specified. If you're running on a LAN where \
                            you're certain to trust the server's certificate, please set an explicit 'verify none' \
                            statement on the 'server' line, or use 'ssl-server-verify none' in the global section to \
                            disable server-side verifications by default.";

/// It cannot be, which was reported.
pub(super) struct Reported;

/// Whose TLS it is.
pub(super) struct Line<'a> {
    pub(super) server: &'a config::Server,
    pub(super) proxy: &'a Proxy,
    /// How HAProxy opens a complaint.
    pub(super) owner: &'a str,
}

impl Lowering<'_> {
    /// What connections to a server ask for, or its checks; `None`: there is no TLS to it.
    pub(super) fn connector(&mut self, line: &Line<'_>) -> Result<Option<Connector>, Reported> {
        let options = &line.server.options;
        let is_for_checks = options.tls.is_checked == Some(true) || wants_tls(line.proxy);
        let is_needed = options.tls.is_on.is_some() || options.check.is_some() && is_for_checks;
        if !is_needed {
            return Ok(None);
        }
        let span = options.tls.is_on.unwrap_or(line.server.name.span);
        let demand = self.demand(line)?;
        let connector = Connector::new(demand).map_err(|why| {
            let (role, proxy, server) = (line.proxy.role.noun(), &line.proxy.name.value, &line.server.name.value);
            let what = match why {
                TermsError::NoVersion => {
                    format!("{role} '{proxy}': all SSL/TLS versions are disabled for server '{server}'.")
                }
                TermsError::NoCipher => {
                    format!("{role} '{proxy}': no cipher is left of the SSL/TLS versions of server '{server}'.")
                }
                TermsError::Authority => "unable to use the CA or CRL file.".to_string(),
            };
            self.accuse(line, span, &what)
        })?;
        Ok(Some(connector))
    }

    fn demand(&mut self, line: &Line<'_>) -> Result<Demand, Reported> {
        let config = self.config;
        let (said, defaults) = (&line.server.options.tls, &config.global.server_tls);
        let ciphers = said.ciphers.as_ref().or(defaults.ciphers.as_ref());
        let ciphersuites = said.ciphersuites.as_ref().or(defaults.ciphersuites.as_ref());
        let curves = said.curves.as_ref().or(defaults.curves.as_ref());
        Ok(Demand {
            versions: range(&said.methods, &defaults.methods),
            ciphers: self.pick(line, ciphers, tls::choose_ciphers, "SSL cipher list")?,
            suites: self.pick(line, ciphersuites, tls::choose_suites, "TLS 1.3 cipher suites")?,
            groups: self.pick(line, curves, tls::choose_groups, "SSL curves list")?,
            protocols: self.server_protocols(line),
            takes_tickets: said.takes_tickets.or(defaults.takes_tickets).unwrap_or(true),
            resumes: said.resumes.unwrap_or(true),
            identity: match &said.certificate {
                None => None,
                Some(name) => Some(self.identity(line, name)?),
            },
            trust: self.trust(line)?,
        })
    }

    fn trust(&mut self, line: &Line<'_>) -> Result<Trust, Reported> {
        let config = self.config;
        let said = &line.server.options.tls;
        if said.verify.or(config.global.server_verify) == Some(ServerVerify::None) {
            return Ok(Trust::Anybody);
        }
        let Some(ca_file) = &said.ca_file else {
            return Err(self.accuse(line, line.server.name.span, NO_AUTHORITY));
        };
        let base = config.global.ca_base.as_ref().map(|base| base.as_str());
        let authorities = pem::authorities(base, ca_file);
        let authorities = authorities.map_err(|why| self.accuse_file(line, ca_file, &why))?;
        let revocations = match &said.crl_file {
            None => Vec::new(),
            Some(crl_file) => pem::revocations(base, crl_file).map_err(|why| self.accuse_file(line, crl_file, &why))?,
        };
        self.shelf.put_authorities(pem::path(base, ca_file), authorities.clone());
        if let Some(crl_file) = &said.crl_file {
            self.shelf.put_revocations(pem::path(base, crl_file), revocations.clone());
        }
        Ok(Trust::Known { authorities, revocations, host: said.verify_host.clone() })
    }

    fn identity(&mut self, line: &Line<'_>, name: &Spanned<String>) -> Result<tls::Bundle, Reported> {
        let base = self.config.global.crt_base.as_ref().map(|base| base.as_str());
        let found = pem::bundles(base, name).map_err(|fault| self.accuse(line, name.span, &fault.to_string()))?;
        let first = found.into_iter().next().map(|found| found.bundle);
        first.ok_or_else(|| {
            let what = format!("unable to load certificate from file '{}'.", name.value);
            self.accuse(line, name.span, &what)
        })
    }

    /// What a list leaves of what could be offered.
    fn pick<T>(
        &mut self,
        line: &Line<'_>,
        list: Option<&Spanned<String>>,
        choose: fn(&str) -> Choice<T>,
        what: &str,
    ) -> Result<Option<Vec<T>>, Reported> {
        let Some(list) = list else { return Ok(None) };
        let Choice { chosen, lost } = choose(list);
        if chosen.is_empty() {
            return Err(self.accuse(line, list.span, &format!("unable to set {what} to '{}'.", list.value)));
        }
        if !lost.is_empty() {
            let message = format!("{} : the server is not offered {}.", line.owner, lost.join(", "));
            self.warn(list.span, message, CIPHERS);
        }
        Ok(Some(chosen))
    }

    /// In `mode http` no server is told that HTTP/2 is spoken.
    fn server_protocols(&mut self, line: &Line<'_>) -> Vec<Vec<u8>> {
        let Some(alpn) = &line.server.options.tls.alpn else { return Vec::new() };
        let is_spoken = |name: &&String| line.proxy.settings.mode == Mode::Tcp || *name != "h2";
        let spoken: Vec<Vec<u8>> = alpn.value.iter().filter(is_spoken).map(|name| name.as_bytes().to_vec()).collect();
        if spoken.len() < alpn.value.len() {
            let message = format!("{} : HTTP/2 is not spoken here, so the server is not offered it.", line.owner);
            self.warn(alpn.span, message, "it is spoken to in HTTP/1.1");
        }
        spoken
    }

    /// The host of a request is asked for unless another one is said (`configuration.txt: sni-auto`, 3.4).
    pub(super) fn server_name(&mut self, line: &Line<'_>) -> ServerName {
        let said = &line.server.options.tls;
        match &said.name {
            Some(expression) => ServerName::Sample(self.expression(expression, line.proxy)),
            None if line.proxy.settings.mode == Mode::Http && said.takes_name_of_request != Some(false) => {
                ServerName::Host
            }
            None => ServerName::None,
        }
    }

    fn accuse_file(&mut self, line: &Line<'_>, name: &Spanned<String>, why: &str) -> Reported {
        self.accuse(line, name.span, &format!("Couldn't open the ca-file '{}' ({why}).", name.value))
    }

    fn accuse(&mut self, line: &Line<'_>, span: Span, what: &str) -> Reported {
        self.alert(Stage::Checking, Lead::Place, span, format!("{} : {what}", line.owner));
        Reported
    }
}
