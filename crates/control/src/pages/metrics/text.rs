//! Prometheus's text format, version 0.0.4.

use std::fmt::{Display, Write};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Counter,
    Histogram,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        }
    }
}

/// The text of a scrape, as it grows. **Invariant:** the samples of a family stand behind its head.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
}

impl Text {
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        // A string takes this.
        let _ = write!(self.out, "# HELP {name} {}\n# TYPE {name} {}\n", escaped(help), kind.word());
    }

    /// A sample; `labels` as [`label`] makes them, with commas between.
    pub(super) fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = match labels {
            "" => writeln!(self.out, "{name} {value}"),
            _ => writeln!(self.out, "{name}{{{labels}}} {value}"),
        };
    }

    /// A sample with one label more, whose value needs no escape.
    pub(super) fn sample_of(&mut self, name: &str, labels: &str, (label, of): (&str, &str), value: impl Display) {
        // A string takes this.
        let _ = writeln!(self.out, "{name}{{{labels},{label}=\"{of}\"}} {value}");
    }

    pub(super) fn into_string(self) -> String {
        self.out
    }
}

pub(super) fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", escaped(value).replace('"', "\\\""))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_and_samples() {
        let mut text = Text::default();
        text.family("a_total", Kind::Counter, "one\ntwo");
        text.sample("a_total", "", 1);
        text.sample("a_total", &label("proxy", "a\"b\\c\nd"), f64::NAN);
        let expected =
            "# HELP a_total one\\ntwo\n# TYPE a_total counter\na_total 1\na_total{proxy=\"a\\\"b\\\\c\\nd\"} NaN\n";
        assert_eq!(text.into_string(), expected);
    }
}
