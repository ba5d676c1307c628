//! What a frontend logs: formats and options.

use super::Lowering;
use config::{LogPart, LogStyle, Mode, Proxy};
use table::{Field, LogFormat, LogLine, LogOptions, LogPolicy, Piece, Style};

impl Lowering<'_> {
    pub(super) fn log_policy(&mut self, proxy: &Proxy) -> LogPolicy {
        let settings = &proxy.settings;
        let format = match settings.log_style.as_ref().map(|style| &style.value) {
            Some(LogStyle::Http) if settings.mode == Mode::Http => LogFormat::Line(LogLine::httplog()),
            Some(LogStyle::Tcp | LogStyle::Http) => LogFormat::Line(LogLine::tcplog()),
            Some(LogStyle::Format(format)) => self.line(format, proxy).map_or(LogFormat::Connect, LogFormat::Line),
            None => LogFormat::Connect,
        };
        let config::LogOptions { skips_null, skips_normal, is_early, separates_errors } = settings.log_options;
        let targets = self.log_targets(proxy);
        LogPolicy::new(targets, format).with(
            settings.error_log_format.as_ref().and_then(|format| self.line(format, proxy)),
            settings.log_format_sd.as_ref().and_then(|format| self.line(format, proxy)),
            LogOptions { skips_null, skips_normal, is_early, separates_errors },
        )
    }

    /// A format of nothing is none, as in HAProxy.
    fn line(&mut self, format: &config::LogLine, proxy: &Proxy) -> Option<LogLine> {
        let pieces: Vec<Piece> = format.parts.iter().map(|part| self.piece(part, proxy)).collect();
        (!pieces.is_empty()).then(|| LogLine::new(pieces))
    }

    fn piece(&mut self, part: &LogPart, proxy: &Proxy) -> Piece {
        match part {
            LogPart::Text(text) => Piece::Text(text.as_str().into()),
            LogPart::Blank => Piece::Blank,
            LogPart::Sample { expression, flags } => {
                Piece::Sample(Box::new(self.expression(expression, proxy)), style(*flags))
            }
            LogPart::Alias { name, flags } => {
                let field = Field::named(name).expect("both crates know the same aliases, as a test shows");
                Piece::Field(field, style(*flags))
            }
        }
    }
}

fn style(flags: config::LogFlags) -> Style {
    let config::LogFlags { is_mandatory, is_quoted, is_hexadecimal, is_escaped } = flags;
    Style { is_mandatory, is_quoted, is_hexadecimal, is_escaped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::tests::table_of;

    fn policy(lines: &str) -> LogPolicy {
        let text = format!("listen px\n bind :1\n server s 192.0.2.1:1\n log stdout local0\n {lines}\n");
        let table = table_of(&text);
        table.frontend(table.frontend_named("px").expect("above")).log.clone()
    }

    fn format(text: &str) -> LogFormat {
        policy(&format!("log-format \"{text}\"")).format
    }

    /// `configuration.txt` §8.2.2 spells `option tcplog` out so.
    #[test]
    fn tcplog_as_a_format() {
        let spelled = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
        assert_eq!(format(spelled), LogFormat::Line(LogLine::tcplog()));
        assert_eq!(policy("option tcplog").format, LogFormat::Line(LogLine::tcplog()));
    }

    #[test]
    fn every_alias_has_its_field() {
        for (alias, field) in Field::ALIASES {
            let expected = LogLine::new(vec![Piece::Field(field, Style::default())]);
            assert_eq!(format(&format!("%{alias}")), LogFormat::Line(expected));
        }
    }

    #[test]
    fn the_last_word_about_the_format() {
        assert_eq!(policy("log-format %ci\n option tcplog").format, LogFormat::Line(LogLine::tcplog()));
        assert_eq!(format("%{+Q}o"), LogFormat::Connect);
        assert_eq!(policy("").format, LogFormat::Connect);
    }

    #[test]
    fn options() {
        let of = |option: &str| policy(&format!("option tcplog\n option {option}")).options;
        let none = LogOptions::default();
        assert_eq!(of("logasap"), LogOptions { is_early: true, ..none });
        assert_eq!(of("dontlognull"), LogOptions { skips_null: true, ..none });
        assert_eq!(of("dontlog-normal"), LogOptions { skips_normal: true, ..none });
        assert_eq!(of("log-separate-errors\n no option log-separate-errors"), none);
        assert_eq!(of("log-separate-errors"), LogOptions { separates_errors: true, ..none });
    }
}
