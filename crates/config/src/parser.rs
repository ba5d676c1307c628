//! The walk over the files: lines, conditional blocks, sections, and which reader gets which line.

use crate::acl_reader::is_name_character;
use crate::defaults::Defaults;
use crate::diagnostic::{Diagnostic, Lead, place_of};
use crate::directive::{self, Blocks};
use crate::environment::Environment;
use crate::error_page::{self, HttpErrors};
use crate::global;
use crate::keywords::proxy::SECTIONS;
use crate::keywords::{self};
use crate::lexer::{self, Word};
use crate::line::{Line, Negation};
use crate::proxy::{self, Home};
use crate::reports::Reports;
use crate::source::{Source, Span, Spanned};
use crate::tree::{Config, Proxy, Role, Settings};
use crate::userlist::{self, Userlist};
use crate::variables::Variables;
use std::collections::{HashMap, HashSet};

/// Reads all files into one tree. What follows from the whole tree is checked elsewhere (`validate.rs`).
pub(crate) fn read(sources: &[Source], environment: &dyn Environment) -> (Config, Vec<Diagnostic>) {
    let mut parser = Parser {
        sources,
        variables: Variables::new(environment),
        tree: Config::default(),
        reports: Reports::default(),
        section: Section::None,
        defaults: Vec::new(),
        proxies: HashMap::new(),
        acls: HashSet::new(),
    };
    for (index, source) in sources.iter().enumerate() {
        parser.file(index as u32, source);
    }
    parser.tree.unserved = parser.reports.unserved;
    parser.tree.variables = parser.variables.into_said();
    (parser.tree, parser.reports.diagnostics)
}

struct Parser<'e> {
    sources: &'e [Source],
    variables: Variables<'e>,
    tree: Config,
    reports: Reports,
    section: Section,
    /// All `defaults` sections so far; the last one is inherited by proxies that name none.
    defaults: Vec<Defaults>,
    /// Where each proxy name was declared first.
    proxies: HashMap<String, (Role, Span)>,
    /// The names of the ACLs of the open proxy.
    acls: HashSet<String>,
}

/// The section that lines belong to.
#[derive(Clone, Copy)]
enum Section {
    None,
    Global,
    /// The last of `Parser::defaults`.
    Defaults,
    /// The last of `Config::proxies`.
    Proxy,
    /// The last of `Config::http_errors`.
    HttpErrors,
    /// The last of `Config::userlists`.
    Userlist,
    /// Refused or unusable as a whole: its lines are not worth a complaint each.
    Skipped,
}

impl Parser<'_> {
    fn file(&mut self, index: u32, source: &Source) {
        self.section = Section::None;
        let mut place = Span { source: index, line: 1, start: 0, end: 0 };
        if u32::try_from(source.text.len()).is_err() {
            let message = "file too large, 4 GiB at most.";
            return self.reports.push(Diagnostic::alert(Lead::Tight, place, message));
        }
        let mut blocks = Blocks::default();
        for (number, line) in source.text.split_inclusive('\n').enumerate() {
            let start = place.end;
            place = Span { source: index, line: number as u32 + 1, start, end: start + line.len() as u32 };
            let text = match line.strip_suffix('\n') {
                Some(text) => text,
                None => {
                    self.reports.push(missing_newline(line, place));
                    line
                }
            };
            self.line(text, place, &mut blocks);
        }
        if let Some(diagnostic) = blocks.unclosed(Span { end: place.start, ..place }) {
            self.reports.push(diagnostic);
        }
    }

    fn line(&mut self, text: &str, place: Span, blocks: &mut Blocks) {
        let mut words = match lexer::words(text, place, &self.variables) {
            Ok(words) => words,
            Err(diagnostic) => return self.reports.push(diagnostic),
        };
        self.end_at_empty_word(&mut words);
        let Some(first) = words.first() else { return };
        let is_directive = first.starts_with('.');
        if is_directive && blocks.handle(&words, &self.variables, &mut self.reports) || !blocks.is_live() {
            return;
        }
        if is_directive {
            return directive::message(&words, &mut self.reports);
        }
        let negation = match &*first.text {
            "no" => Negation::No,
            "default" => Negation::Default,
            _ => Negation::Plain,
        };
        let result = match (negation, words.get(usize::from(negation != Negation::Plain)..)) {
            (Negation::Plain, _) => self.statement(Line::new(&words, negation)),
            (Negation::No | Negation::Default, Some(rest @ [_, ..])) => {
                let line = Line::new(rest, negation);
                if is_negatable(line.keyword()) { self.statement(line) } else { Err(not_negatable(first.span)) }
            }
            (Negation::No | Negation::Default, _) => Err(not_negatable(first.span)),
        };
        self.reports.keep(result);
    }

    /// An empty word (`""`, or a variable without a value) ends the line, as in HAProxy.
    fn end_at_empty_word(&mut self, words: &mut Vec<Word<'_>>) {
        let Some(empty) = words.iter().position(|word| word.text.is_empty()) else { return };
        if empty + 1 < words.len() && empty > 0 {
            let message = format!(
                "argument number {empty} is empty and marks the end of the argument list; all subsequent arguments \
                 will be ignored."
            );
            self.reports.push(Diagnostic::warning(Lead::Tight, words[empty].span, message));
        }
        words.truncate(empty);
    }

    fn statement(&mut self, line: Line<'_>) -> Result<(), Diagnostic> {
        match line.keyword() {
            "global" => self.open_global(line),
            "defaults" => self.open_defaults(line),
            "frontend" => self.open_proxy(Role::Frontend, line),
            "backend" => self.open_proxy(Role::Backend, line),
            "listen" => self.open_proxy(Role::Listen, line),
            "http-errors" => self.open_errors(line),
            "userlist" => self.open_userlist(line),
            name if SECTIONS.contains(&name) => {
                self.section = Section::Skipped;
                self.reports.refuse(line.span_from(0), name);
                Ok(())
            }
            _ => self.keyword(line),
        }
    }

    /// A line inside a section.
    fn keyword(&mut self, line: Line<'_>) -> Result<(), Diagnostic> {
        let (variables, reports) = (&self.variables, &mut self.reports);
        let home = match self.section {
            Section::Skipped => return Ok(()),
            Section::None => return Err(out_of_section(line, reports)),
            Section::Global => {
                let result = global::line(line, &mut self.tree.global, &mut self.variables, reports);
                let names = keywords::global::TABLE.iter().map(|row| row.0);
                return result.unwrap_or_else(|| Err(unknown(line, "global", names, reports)));
            }
            Section::Userlist => {
                let list = self.tree.userlists.last_mut().expect("opening the section adds one");
                return userlist::line(line, list, reports);
            }
            Section::HttpErrors => {
                let errors = self.tree.http_errors.last_mut().expect("opening the section adds one");
                return error_page::of_section(line, errors);
            }
            Section::Defaults => {
                let defaults = self.defaults.last_mut().expect("opening a defaults section adds one");
                Home::Defaults {
                    is_named: defaults.name.is_some(),
                    settings: &mut defaults.settings,
                    rules: &mut defaults.rules,
                    acls: &mut defaults.acls,
                }
            }
            Section::Proxy => {
                let proxy = self.tree.proxies.last_mut().expect("opening a proxy section adds one");
                Home::Proxy(proxy, &mut self.acls)
            }
        };
        let section = home.keyword();
        let names = keywords::proxy::TABLE.iter().map(|row| row.0);
        proxy::line(line, home, variables, reports).unwrap_or_else(|| Err(unknown(line, section, names, reports)))
    }

    /// `userlist NAME`
    fn open_userlist(&mut self, line: Line<'_>) -> Result<(), Diagnostic> {
        let name = line.word(1);
        self.section = Section::Skipped;
        if name.is_empty() {
            return Err(line.alert(1, "'userlist' expects <name> as arguments."));
        }
        line.ends_at(2, "userlist")?;
        if self.tree.userlists.iter().any(|known| *known.name.value == *name) {
            let message = format!("ignoring duplicated userlist '{name}'.");
            self.reports.push(Diagnostic::warning(Lead::Spaced, line.span(1), message));
            return Ok(());
        }
        let name = Spanned::new(name.to_string(), line.span(1));
        self.tree.userlists.push(Userlist { name, users: Vec::new(), groups: Vec::new() });
        self.section = Section::Userlist;
        Ok(())
    }

    /// `http-errors NAME`
    fn open_errors(&mut self, line: Line<'_>) -> Result<(), Diagnostic> {
        let name = line.word(1);
        if name.is_empty() {
            self.section = Section::Skipped;
            return Err(line.alert(1, "http-errors section requires a name argument."));
        }
        let errors = HttpErrors { name: Spanned::new(name.to_string(), line.span(1)), pages: Vec::new() };
        self.tree.http_errors.push(errors);
        self.section = Section::HttpErrors;
        line.ends_at(2, "http-errors")
    }

    fn open_global(&mut self, line: Line<'_>) -> Result<(), Diagnostic> {
        self.section = Section::Global;
        line.ends_at(1, "global")
    }

    /// `defaults [NAME] [from OTHER]`.
    fn open_defaults(&mut self, line: Line<'_>) -> Result<(), Diagnostic> {
        let name_at = if line.word(1) == "from" { 0 } else { 1 };
        let name = Some(line.word(name_at)).filter(|name| name_at > 0 && !name.is_empty());
        let (settings, result) = match line.word(name_at + 1) {
            "from" => match self.inherited(line, name_at + 2, "defaults", name.unwrap_or_default()) {
                Ok(index) => {
                    let ancestor = &self.defaults[index];
                    let result = match ancestor.has_rules() {
                        true => Err(self.rules_before_rules(line, ancestor)),
                        false => line.ends_at(name_at + 3, "defaults"),
                    };
                    (ancestor.settings.inherited(), result)
                }
                Err(diagnostic) => (Settings::default(), Err(diagnostic)),
            },
            _ => (Settings::default(), line.ends_at(name_at + 1, "defaults")),
        };
        self.defaults.push(Defaults::new(line.span(0), name.map(str::to_string), settings));
        self.section = Section::Defaults;
        result
    }

    /// `frontend|backend|listen NAME [from DEFAULTS]`. Mistakes in the line still open the section, so that its lines
    /// are read and references to its name hold.
    fn open_proxy(&mut self, role: Role, line: Line<'_>) -> Result<(), Diagnostic> {
        let name = line.word(1);
        if name.is_empty() {
            self.section = Section::Skipped;
            return Err(line.alert(1, format!("'{}' expects an <id> argument", role.keyword())));
        }
        let (ancestor, mut result) = match line.word(2) {
            "from" if line.count() > 3 => match self.inherited(line, 3, role.noun(), name) {
                Ok(index) => (Some(index), line.ends_at(4, role.keyword())),
                Err(diagnostic) => (None, Err(diagnostic)),
            },
            "" => (self.defaults.len().checked_sub(1), Ok(())),
            _ if role.has_front() => {
                (None, Err(line.alert(2, "please use the 'bind' keyword for listening addresses.")))
            }
            _ => (None, line.ends_at(2, role.keyword())),
        };
        let span = line.span(1);
        let settings = ancestor.map(|index| self.defaults[index].settings.inherited()).unwrap_or_default();
        let mut proxy = Proxy::new(role, Spanned::new(name.to_string(), span), settings);
        if let Some(ancestor) = ancestor.and_then(|index| self.defaults.get_mut(index)) {
            let place = place_of(ancestor.span, self.sources);
            result = result.and(ancestor.give_rules(&mut proxy, line, &place.to_string()));
        }
        self.tree.proxies.push(proxy);
        self.section = Section::Proxy;
        self.acls.clear();
        if let Some(character) = name.chars().find(|character| !is_name_character(*character)) {
            let keyword = role.keyword();
            let message = format!("character '{character}' is not permitted in '{keyword}' name '{name}'.");
            return Err(line.alert(1, message));
        }
        match self.proxies.get(name) {
            // Names are unique over all sections, so that a name in a log line or on the admin socket means one thing.
            Some((first, first_span)) => {
                let (noun, other, place) = (role.noun(), first.noun(), place_of(*first_span, self.sources));
                let message = format!("{noun} '{name}' has the same name as {other} '{name}' declared at {place}.");
                let hint = "a name is unique over all frontend, backend and listen sections";
                return Err(Diagnostic::alert(Lead::Capital, span, message).hint(hint));
            }
            None => self.proxies.insert(name.to_string(), (role, span)),
        };
        result
    }

    fn rules_before_rules(&self, line: Line<'_>, ancestor: &Defaults) -> Diagnostic {
        let place = place_of(ancestor.span, self.sources);
        let message = format!(
            "a defaults section cannot inherit from a defaults section defining TCP/HTTP rules (defaults section at \
             {place})."
        );
        Diagnostic::alert(Lead::Tight, line.span(0), message)
    }

    /// The index of the one `defaults` section of the name in word `at`.
    fn inherited(&mut self, line: Line<'_>, at: usize, noun: &str, heir: &str) -> Result<usize, Diagnostic> {
        let name = line.word(at);
        let named = |(_, defaults): &(usize, &Defaults)| defaults.name.as_ref().is_some_and(|own| own == name);
        let mut found = self.defaults.iter().enumerate().filter(named);
        match (found.next(), found.next()) {
            (Some((index, _)), None) => Ok(index),
            (Some((_, first)), Some((_, second))) => {
                let place = |defaults: &Defaults| place_of(defaults.span, self.sources);
                let message = format!(
                    "ambiguous defaults section name '{name}' referenced by {noun} '{heir}' exists at least at {} and \
                     {}.",
                    place(first),
                    place(second)
                );
                Err(line.alert(at, message))
            }
            (None, _) => {
                let names = self.defaults.iter().filter_map(|defaults| defaults.name.as_ref());
                let guess = self.reports.guesser.name(name, names.map(String::as_str));
                let message = format!("defaults section '{name}' not found for {noun} '{heir}'.");
                Err(line.alert(at, message).hint_if(guess))
            }
        }
    }
}

fn missing_newline(line: &str, place: Span) -> Diagnostic {
    let message = format!("Missing LF on last line, file might have been truncated at position {}.", line.len() + 1);
    Diagnostic::alert(Lead::Tight, Span { start: place.end, ..place }, message).hint("end the last line with a newline")
}

/// HAProxy knows `no` and `default` before these only.
fn is_negatable(keyword: &str) -> bool {
    matches!(
        keyword,
        "option"
            | "log"
            | "busy-polling"
            | "set-dumpable"
            | "strict-limits"
            | "insecure-fork-wanted"
            | "numa-cpu-mapping"
    )
}

fn not_negatable(span: Span) -> Diagnostic {
    let message = "negation/default currently supported only for options, log, busy-polling, set-dumpable, \
                   strict-limits, insecure-fork-wanted and numa-cpu-mapping.";
    Diagnostic::alert(Lead::Tight, span, message)
}

fn out_of_section(line: Line<'_>, reports: &mut Reports) -> Diagnostic {
    let name = line.keyword();
    let guess = reports.guesser.name(name, SECTIONS.iter().copied());
    Diagnostic::alert(Lead::Tight, line.span(0), format!("unknown keyword '{name}' out of section.")).hint(
        guess.unwrap_or_else(|| {
            "a line belongs to a section: 'global', 'defaults', 'frontend', 'backend' or 'listen'".to_string()
        }),
    )
}

fn unknown(
    line: Line<'_>,
    section: &str,
    names: impl Iterator<Item = &'static str>,
    reports: &mut Reports,
) -> Diagnostic {
    let name = line.keyword();
    let message =
        match reports.guesser.keyword(name, names.chain(["listen", "frontend", "backend", "defaults", "global"])) {
            Some(guess) => format!("unknown keyword '{name}' in '{section}' section; did you mean '{guess}' maybe ?"),
            None => format!("unknown keyword '{name}' in '{section}' section"),
        };
    line.alert(0, message)
}
