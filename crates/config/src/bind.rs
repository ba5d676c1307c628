//! Reads `bind` lines (configuration.txt §4.2 "bind", §5.1).

use crate::address::{self, AddressError, BindAddress};
use crate::bind_tls;
use crate::custom_id;
use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::keywords::bind::{Keyword, TABLE};
use crate::keywords::find;
use crate::line::{CONTINUATION, Line};
use crate::near_end;
use crate::ownership;
use crate::reports::Reports;
use crate::source::{Span, Spanned};
use crate::tree::{Bind, BindTls, Ownership, Role, V6};
use crate::value::{natural, user_timeout};

/// What Linux takes as the size of a segment, in bytes.
const SEGMENT_SIZES: std::ops::RangeInclusive<i32> = 88..=32_767;

/// `bind ADDRESS[,ADDRESS…] [PARAMETER…]`.
pub(crate) fn bind(
    line: Line<'_>,
    role: Role,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Bind, Diagnostic> {
    if line.count() < 2 {
        let message = "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.";
        return Err(line.alert(1, message));
    }
    let addresses = addresses(line, 1, "bind", environment, reports)?;
    let mut bind = Bind {
        span: line.span_from(0),
        addresses,
        name: None,
        id: None,
        ownership: Ownership::default(),
        interface: None,
        backlog: None,
        v6: V6::System,
        accept_proxy: None,
        segment_size: None,
        user_timeout: None,
        defers_accept: false,
        opens_fast: false,
        tls: BindTls::default(),
    };
    let mut at = 2;
    while at < line.count() {
        at = parameter(line, at, role, &mut bind, reports)?;
    }
    Ok(bind)
}

/// A comma list of addresses in word `at`; those of no served kind are refused and left out.
pub(crate) fn addresses(
    line: Line<'_>,
    at: usize,
    keyword: &str,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Vec<Spanned<BindAddress>>, Diagnostic> {
    let span = line.span(at);
    let list = line.word(at);
    // A comma behind the last address is harmless and HAProxy takes it.
    let list = list.strip_suffix(',').unwrap_or(list);
    let mut addresses = Vec::new();
    for part in list.split(',') {
        match address::bind(part, environment) {
            Ok(address) => addresses.push(Spanned::new(address, span)),
            Err(AddressError::Invalid(message)) => return Err(line.alert(at, format!("'{keyword}' : {message}"))),
            Err(AddressError::Unserved(what)) => reports.refuse(span, format!("{keyword} {what}")),
        }
    }
    Ok(addresses)
}

/// Reads one parameter and answers where the next one stands.
fn parameter(
    line: Line<'_>,
    at: usize,
    role: Role,
    bind: &mut Bind,
    reports: &mut Reports,
) -> Result<usize, Diagnostic> {
    let (name, span) = (line.word(at), line.span(at));
    let place = format!("'bind {}' in section '{}'", line.word(1), role.keyword());
    let Some((_, arguments, meaning)) = find(TABLE, name, |row| row.0) else {
        return Err(unknown(&place, name, span, reports));
    };
    let next = at + 1 + arguments;
    let whole = span.to(line.span(next - 1));
    let missing = |what: &str| line.alert(at + 1, format!("{place} : '{name}' : {what}"));
    let Some(keyword) = reports.weigh(*meaning, whole, || format!("bind {name}"))? else { return Ok(next) };
    match keyword {
        Keyword::AcceptProxy => bind.accept_proxy = Some(span),
        Keyword::DeferAccept => bind.defers_accept = true,
        Keyword::Tfo => bind.opens_fast = true,
        Keyword::V4v6 => bind.v6 = V6::Both,
        Keyword::V6only => bind.v6 = V6::Only,
        Keyword::Name => {
            let value = Some(line.word(at + 1)).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| missing("missing name"))?;
            bind.name = Some(Spanned::new(value.to_string(), line.span(at + 1)));
        }
        Keyword::Backlog => {
            let value = Some(line.word(at + 1)).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| missing("missing value"))?;
            let backlog = natural(value).ok_or_else(|| missing(&format!("invalid value '{value}'")))?;
            bind.backlog = Some(Spanned::new(backlog, line.span(at + 1)));
        }
        Keyword::Id => {
            let id = custom_id::read(line.word(at + 1), line.span(at + 1)).map_err(|message| missing(&message))?;
            bind.id = Some(id);
        }
        Keyword::Interface => {
            let interface = near_end::interface(line.word(at + 1));
            bind.interface = Some(interface.map_err(|message| line.alert(at + 1, format!("{place} : {message}")))?);
        }
        Keyword::Ownership => {
            let value = Spanned::new(line.word(at + 1), line.span(at + 1));
            let read = ownership::parameter(name, value, &mut bind.ownership);
            read.map_err(|message| line.alert(at + 1, format!("{place} : {message}")))?;
        }
        Keyword::Mss => {
            let value = Some(line.word(at + 1)).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| missing("missing MSS value"))?;
            let size = value.parse().ok().filter(|size: &i32| (1..=65_535).contains(&size.unsigned_abs()));
            let size = size.ok_or_else(|| missing("expects an MSS with and absolute value between 1 and 65535"))?;
            bind.segment_size = u16::try_from(size).ok().filter(|_| SEGMENT_SIZES.contains(&size));
            if bind.segment_size.is_none() {
                let message = format!("{place} : 'mss' : the kernel takes 88 to 32767, so this has no effect.");
                reports.push(Diagnostic::warning(Lead::Spaced, line.span(at + 1), message));
            }
        }
        Keyword::Tls(keyword) => bind_tls::parameter(keyword, line, at, &place, &mut bind.tls)?,
        Keyword::TcpUserTimeout => {
            let time = user_timeout(line.word(at + 1));
            bind.user_timeout = time.map_err(|message| line.alert(at + 1, format!("{place} : {message}")))?;
        }
    }
    Ok(next)
}

fn unknown(place: &str, name: &str, span: Span, reports: &mut Reports) -> Diagnostic {
    let message = match reports.guesser.keyword(name, TABLE.iter().map(|row| row.0)) {
        Some(guess) => format!("{place}: unknown keyword '{name}'; did you mean '{guess}' maybe ?"),
        None => format!("{place}: unknown keyword '{name}'."),
    };
    let diagnostic = Diagnostic::alert(Lead::Spaced, span, message);
    if name == "\\" { diagnostic.hint(CONTINUATION) } else { diagnostic }
}
