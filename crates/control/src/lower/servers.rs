//! Servers: where they are, how they are greeted and checked.

use super::checks::Greeting;
use super::{Lowering, checks, server_tls, tuning};
use check::Begins;
use config::{Host, InitState, Lead, OnError, Proxy, ProxyOption, ServerOptions, Span, Spanned, Stage};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use table::{
    CheckSettings, Number, Observe, Observed, Place, Pool, ProxyExtras, ProxyHeader, ProxyTlv, Reaction, Server,
    ServerAddr, ServerSettings, ServerTls, Source, Tracked,
};
use tls::Connector;

/// `configuration.txt` §5.2: `inter`, `rise`, `fall`.
const INTER: Duration = Duration::from_secs(2);
const RISE: u32 = 2;
const FALL: u32 = 3;

impl Lowering<'_> {
    /// None if its host has no address; that has been reported.
    pub(super) fn server(
        &mut self,
        server: &config::Server,
        number: Number,
        proxy: &Proxy,
        backend: &Arc<str>,
    ) -> Option<Arc<Server>> {
        let options = &server.options;
        let owner = format!("'server {backend}/{}'", server.name.value);
        let addr = self.server_addr(server, backend, &owner)?;
        let line = server_tls::Line { server, proxy, owner: &owner };
        let connector = self.connector(&line).ok()?;
        let tls = connector.clone().filter(|_| options.tls.is_on.is_some());
        let tls = tls.map(|connector| {
            let hands_over = self.hands_over(proxy, options.tls.ktls.as_ref(), &owner);
            ServerTls { connector: connector.handing_over(hands_over), name: self.server_name(&line) }
        });
        let check = match options.check {
            Some(_) => Some(self.check(options, proxy, connector, &owner)?),
            None => None,
        };
        let (maxconn, minconn) = places(options);
        let agent = match options.agent {
            Some(_) => Some(self.agent(options, proxy, &owner)?),
            None => None,
        };
        let settings = ServerSettings {
            number,
            weight: options.weight.as_ref().map_or(1, |weight| weight.value),
            backup: options.is_backup,
            disabled: options.is_disabled,
            proxy_header: header(options),
            proxy_tlvs: self.tlvs(options, proxy),
            check,
            agent,
            observe: options.observe.as_ref().map(|observed| observe(observed.value, options)),
            track: options.track.as_ref().map(|track| Tracked {
                backend: track.0.as_deref().map_or_else(|| Arc::clone(backend), Arc::from),
                server: track.1.as_str().into(),
            }),
            maxconn,
            tls,
            pool: Pool {
                most: options.pool_most.and_then(|most| u32::try_from(most).ok()),
                low: options.pool_low.unwrap_or(Pool::default().low),
                rest: options.pool_rest.unwrap_or(Pool::default().rest),
            },
            cookie: options.cookie.as_deref().map(Into::into).or_else(|| dynamic_cookie(proxy, &addr)),
            minconn,
            slowstart: options.slowstart.as_ref().and_then(|time| whole_seconds(time.value)),
            maxqueue: options.maxqueue.as_ref().and_then(|most| NonZeroU32::new(most.value)),
            shuts_sessions_when_down: options.shuts_sessions_when_down,
            shuts_backups_when_up: options.shuts_backups_when_up,
            tuning: tuning::of_server(&proxy.settings, options, self.source(proxy, options)),
        };
        let name: Arc<str> = server.name.as_str().into();
        let state = self.book.server(backend, &name, &settings);
        Some(Arc::new(Server { name, backend_name: Arc::clone(backend), addr, settings, state }))
    }

    /// `configuration.txt: set-proxy-v2-tlv-fmt`
    fn tlvs(&mut self, options: &ServerOptions, proxy: &Proxy) -> Vec<ProxyTlv> {
        let tlvs = options.proxy_tlvs.iter();
        tlvs.map(|tlv| ProxyTlv { kind: tlv.kind, value: self.format(&tlv.value, proxy) }).collect()
    }

    /// The server's own, else the section's.
    fn source(&mut self, proxy: &Proxy, options: &ServerOptions) -> Option<Source> {
        let config::NearEnd { host, port, interface } =
            &options.near_end.as_ref().or(proxy.settings.near_end.as_ref())?.value;
        // It was read as an address: there is no name that could have none.
        let ip = self.resolver.ip(host).ok()?;
        Some(Source { addr: SocketAddr::new(ip, *port), device: interface.as_deref().map(Arc::from) })
    }

    /// A check knocks at the server itself, and greets it as a client is announced, unless it has an address or a port of its
    /// own (`configuration.txt: check-send-proxy, check-ssl`).
    fn check(
        &mut self,
        options: &ServerOptions,
        proxy: &Proxy,
        connector: Option<Connector>,
        owner: &str,
    ) -> Option<CheckSettings> {
        let place = Place {
            ip: self.named_host(&options.check_address, owner)?,
            port: options.check_port.as_ref().map(|port| port.value),
        };
        let is_elsewhere = place != Place::default();
        let proxy_header = match options.check_send_proxy {
            Some(_) => Some(header(options).unwrap_or(ProxyHeader::V1)),
            None if is_elsewhere => None,
            None => header(options),
        };
        let is_secure = options.tls.is_checked.unwrap_or(options.tls.is_on.is_some() && !is_elsewhere);
        let tls = connector.as_ref().filter(|_| is_secure).map(|connector| check::Tls {
            connector: match &options.tls.check_alpn {
                None => connector.clone(),
                Some(names) => checks::speaking(connector, names),
            },
            name: checks::name_asked(&options.tls, &proxy.settings).map(Into::into),
        });
        let greeting = Greeting::new(proxy_header, tls, connector);
        let time = |time: &Option<Spanned<Duration>>| time.as_ref().map(|time| time.value);
        let inter = time(&options.inter).unwrap_or(INTER);
        Some(CheckSettings {
            place,
            script: self.script(proxy, &greeting, inter, owner)?,
            formulas: std::mem::take(&mut self.formulas).into(),
            inter,
            fastinter: time(&options.fastinter).unwrap_or(inter),
            downinter: time(&options.downinter).unwrap_or(inter),
            rise: options.rise.as_ref().map_or(RISE, |rise| rise.value),
            fall: options.fall.as_ref().map_or(FALL, |fall| fall.value),
            begins: begins(options),
        })
    }

    /// An agent is asked by a script of its own, without a PROXY header; what it says counts at once.
    fn agent(&mut self, options: &ServerOptions, proxy: &Proxy, owner: &str) -> Option<CheckSettings> {
        let place = Place {
            ip: self.named_host(&options.agent_address, owner)?,
            port: options.agent_port.as_ref().map(|port| port.value),
        };
        let inter = options.agent_inter.as_ref().map_or(INTER, |inter| inter.value);
        let says = options.agent_send.as_deref().unwrap_or_default();
        let script = check::agent_script(says.as_bytes(), checks::timeouts(proxy, inter));
        Some(CheckSettings {
            place,
            script,
            formulas: Arc::new([]),
            inter,
            fastinter: inter,
            downinter: inter,
            rise: 1,
            fall: 1,
            begins: Begins::Up,
        })
    }

    /// The address of a host that may be named; `None` if it has none, which has been reported.
    fn named_host(&mut self, host: &Option<Spanned<Host>>, owner: &str) -> Option<Option<IpAddr>> {
        match host {
            Some(host) => Some(Some(self.host(host, host.span, owner)?)),
            None => Some(None),
        }
    }

    pub(super) fn host(&mut self, host: &Host, span: Span, owner: &str) -> Option<IpAddr> {
        match self.resolver.ip(host) {
            Ok(ip) => Some(ip),
            Err(name) => {
                let message = format!("{owner} : could not resolve address '{name}'.");
                self.alert(Stage::Checking, Lead::Place, span, message);
                None
            }
        }
    }
}

/// HAProxy warms servers up in whole seconds.
fn whole_seconds(time: Duration) -> Option<NonZeroU32> {
    NonZeroU32::new(time.as_millis().div_ceil(1000) as u32)
}

/// The limit, and where it begins. A `minconn` that is alone, or not below `maxconn`, is the limit (`configuration.txt: minconn`).
fn places(options: &ServerOptions) -> (Option<NonZeroU32>, u32) {
    let number = |number: &Option<Spanned<u32>>| number.as_ref().map_or(0, |number| number.value);
    let (least, most) = (number(&options.minconn), number(&options.maxconn));
    if least >= most { (NonZeroU32::new(least), 0) } else { (NonZeroU32::new(most), least) }
}

/// `configuration.txt`: error-limit, on-error.
fn observe(observed: config::Observed, options: &ServerOptions) -> Observe {
    const MOST: NonZeroU32 = NonZeroU32::new(10).expect("not 0");
    Observe {
        of: match observed {
            config::Observed::Connections => Observed::Connections,
            config::Observed::Responses => Observed::Responses,
        },
        most: options.error_limit.and_then(NonZeroU32::new).unwrap_or(MOST),
        reaction: match options.on_error {
            Some(OnError::Fastinter) => Reaction::CheckSooner,
            Some(OnError::FailCheck) | None => Reaction::FailCheck,
            Some(OnError::SuddenDeath) => Reaction::SuddenDeath,
            Some(OnError::MarkDown) => Reaction::MarkDown,
        },
    }
}

fn begins(options: &ServerOptions) -> Begins {
    match options.init_state {
        Some(InitState::FullyUp) => Begins::FullyUp,
        Some(InitState::Up) | None => Begins::Up,
        Some(InitState::Down) => Begins::Down,
        Some(InitState::FullyDown) => Begins::FullyDown,
    }
}

fn header(options: &ServerOptions) -> Option<ProxyHeader> {
    let said = |option| options.proxy_options.contains(&option);
    let extras = |tls: bool, common_name: bool| ProxyExtras {
        tls: tls || said(ProxyOption::Ssl),
        common_name: common_name || said(ProxyOption::CertCn),
        cipher: said(ProxyOption::SslCipher),
        authority: said(ProxyOption::Authority),
        unique_id: said(ProxyOption::UniqueId),
        certificate_key: said(ProxyOption::CertKey),
        certificate_signature: said(ProxyOption::CertSig),
        checksum: said(ProxyOption::Crc32c),
    };
    options.proxy_header.as_ref().map(|header| match header.value {
        config::ProxyHeader::V1 => ProxyHeader::V1,
        config::ProxyHeader::V2 => ProxyHeader::V2(extras(false, false)),
        config::ProxyHeader::V2Ssl => ProxyHeader::V2(extras(true, false)),
        config::ProxyHeader::V2SslCn => ProxyHeader::V2(extras(true, true)),
    })
}

/// What a server's clients bring that has no value of its own, by HAProxy's recipe: key, address, and port in four bytes
/// (`configuration.txt: cookie … dynamic`, `dynamic-cookie-key`).
fn dynamic_cookie(proxy: &Proxy, addr: &ServerAddr) -> Option<Box<str>> {
    let http = &proxy.settings.http;
    let key = http.cookie_key.as_ref().filter(|_| http.cookie.as_ref().is_some_and(|cookie| cookie.is_dynamic))?;
    let ServerAddr::Ip(addr) = addr else { return None };
    let mut text = key.as_bytes().to_vec();
    match addr.ip() {
        IpAddr::V4(ip) => text.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => text.extend_from_slice(&ip.octets()),
    }
    text.extend_from_slice(&u32::from(addr.port()).to_be_bytes());
    Some(format!("{:016x}", table::xxh64(&text, 0)).into())
}
