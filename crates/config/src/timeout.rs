//! Reads `timeout` lines (configuration.txt §4.2).

use crate::diagnostic::{Diagnostic, Lead};
use crate::keywords::find;
use crate::keywords::proxy::{TIMEOUTS, Timer};
use crate::line::Line;
use crate::proxy::{Home, ignored};
use crate::reports::Reports;
use crate::source::Spanned;
use crate::value::{TIME_MAX_MS, TimeError, time};
use std::time::Duration;

pub(crate) fn timeout(line: Line<'_>, home: &mut Home<'_>, reports: &mut Reports) -> Result<(), Diagnostic> {
    let name = line.word(1);
    let Some((_, scope, meaning)) = find(TIMEOUTS, name, |row| row.0) else {
        let message = format!(
            "'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'http-keep-alive', 'http-request', \
             'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got '{name}')"
        );
        let guess = reports.guesser.name(name, TIMEOUTS.iter().map(|row| row.0));
        return Err(line.alert(1, message).hint_if(guess));
    };
    if let Home::Proxy(proxy, _) = home
        && let Some(message) = ignored(*scope, &format!("timeout {name}"), proxy)
    {
        let message = message.replace("ignored because", "will be ignored because");
        reports.push(Diagnostic::warning(Lead::Spaced, line.span_from(0), message.trim_end_matches('.')));
        return Ok(());
    }
    let value = delay(line, name)?;
    let Some(timer) = reports.weigh(*meaning, line.span_from(0), || format!("timeout {name}"))? else { return Ok(()) };
    let timeouts = &mut home.settings().timeouts;
    let place = match timer {
        Timer::Check => &mut timeouts.check,
        Timer::Client => &mut timeouts.client,
        Timer::ClientFin => &mut timeouts.client_fin,
        Timer::ClientHandshake => &mut timeouts.client_handshake,
        Timer::Connect => &mut timeouts.connect,
        Timer::HttpKeepAlive => &mut timeouts.http_keep_alive,
        Timer::HttpRequest => &mut timeouts.http_request,
        Timer::Queue => &mut timeouts.queue,
        Timer::Server => &mut timeouts.server,
        Timer::ServerFin => &mut timeouts.server_fin,
        Timer::Tarpit => &mut timeouts.tarpit,
        Timer::Tunnel => &mut timeouts.tunnel,
    };
    *place = (!value.is_zero()).then(|| Spanned::new(value, line.span_from(0)));
    Ok(())
}

fn delay(line: Line<'_>, name: &str) -> Result<Duration, Diagnostic> {
    let word = line.word(2);
    if word.is_empty() {
        return Err(line.alert(2, format!("'timeout {name}' expects an integer value (in milliseconds)")));
    }
    let value = time(word).map_err(|error| match error {
        TimeError::Overflow => line.alert(
            2,
            format!(
                "timer overflow in argument '{word}' to 'timeout {name}' (maximum value is {TIME_MAX_MS} ms or \
                 ~24.8 days)"
            ),
        ),
        TimeError::Unexpected(character) => line
            .alert(2, format!("unexpected character '{character}' in 'timeout {name}'"))
            .hint("units are us, ms, s, m, h and d"),
    })?;
    if line.count() > 3 {
        let message = format!("'timeout {name}' : unexpected extra argument '{}' after value '{word}'.", line.word(3));
        return Err(line.alert(3, message));
    }
    Ok(value)
}
