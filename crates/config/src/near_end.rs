//! Where connections to servers come from: `source`, of a proxy and of a server (configuration.txt §4.2 and §5.2 "source").

use crate::address::{self, AddressError};
use crate::diagnostic::Diagnostic;
use crate::environment::Environment;
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::NearEnd;

/// The longest name of a device (`netdevice(7)`: `IFNAMSIZ`, without the zero byte that ends it).
const DEVICE_MAX: usize = 15;

/// What is wrong, and at which word.
pub(crate) type Fault = (usize, String);

/// `source ADDRESS[:PORT] [interface NAME]` of a proxy.
pub(crate) fn of_proxy(
    line: Line<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Option<Spanned<NearEnd>>, Diagnostic> {
    if line.word(1).is_empty() {
        let message = "'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.";
        return Err(line.alert(1, message));
    }
    let (near_end, next) = read(line, 0, environment, reports).map_err(|(at, message)| line.alert(at, message))?;
    if next < line.count() {
        return Err(line.alert(next, "'source' only supports optional keywords 'interface' and 'usesrc'."));
    }
    Ok(near_end)
}

/// Reads the keyword in word `at` and what belongs to it, and answers where the next parameter stands. `None`: it is refused.
pub(crate) fn read(
    line: Line<'_>,
    at: usize,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<(Option<Spanned<NearEnd>>, usize), Fault> {
    let word = line.word(at + 1);
    let (host, port) = match address::source(word, environment) {
        Ok(found) => found,
        Err(AddressError::Invalid(message)) => return Err((at + 1, format!("'source {word}' : {message}"))),
        Err(AddressError::Unserved(what)) => return Err((at + 1, format!("'source {word}' : '{what}' is no source"))),
    };
    let mut near_end = NearEnd { host, port, interface: None };
    let mut is_served = true;
    let mut next = at + 2;
    loop {
        match line.word(next) {
            "interface" => near_end.interface = Some(interface(line.word(next + 1)).map_err(|why| (next + 1, why))?),
            "usesrc" => {
                reports.refuse(line.span(next).to(line.span(next + 1)), "source usesrc");
                is_served = false;
            }
            _ => break,
        }
        next += 2;
    }
    let whole = line.span(at).to(line.span(next - 1));
    Ok((is_served.then(|| Spanned::new(near_end, whole)), next))
}

/// The name of a device. `Err`: what is wrong with it.
pub(crate) fn interface(word: &str) -> Result<String, String> {
    match word {
        "" => Err("'interface' : missing interface name".to_string()),
        _ if word.len() > DEVICE_MAX => {
            Err(format!("'interface' : '{word}' is no name of a device (max {DEVICE_MAX} bytes)"))
        }
        name => Ok(name.to_string()),
    }
}
