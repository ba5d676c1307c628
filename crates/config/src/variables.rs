//! Environment variables as the file sets them for its own lines: `setenv`, `presetenv`, `unsetenv`, `resetenv`
//! (configuration.txt §3.1).

use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::keywords::global::Change;
use crate::line::Line;
use std::collections::HashMap;

/// The environment, and what the file has said of it so far.
pub(crate) struct Variables<'e> {
    outer: &'e dyn Environment,
    said: SaidVariables,
}

/// What a file has said of the environment.
#[derive(Clone, Debug, Default)]
pub struct SaidVariables {
    /// What was said last of each variable; `None`: it is unset.
    said: HashMap<String, Option<String>>,
    /// `resetenv`: of variables that nothing was said of since, none is left.
    is_reset: bool,
}

impl SaidVariables {
    /// A variable in an environment that the file changes so.
    pub fn var(&self, name: &str, outer: &dyn Environment) -> Option<String> {
        match self.said.get(name) {
            Some(said) => said.clone(),
            None if self.is_reset => None,
            None => outer.var(name),
        }
    }
}

impl<'e> Variables<'e> {
    pub(crate) fn new(outer: &'e dyn Environment) -> Variables<'e> {
        Variables { outer, said: SaidVariables::default() }
    }

    pub(crate) fn into_said(self) -> SaidVariables {
        self.said
    }

    fn reset_all_but<'n>(&mut self, kept: impl Iterator<Item = &'n str>) {
        let kept = kept.map(|name| (name.to_string(), self.var(name))).collect();
        self.said = SaidVariables { said: kept, is_reset: true };
    }
}

impl Environment for Variables<'_> {
    fn var(&self, name: &str) -> Option<String> {
        self.said.var(name, self.outer)
    }
}

pub(crate) fn line(change: Change, line: Line<'_>, variables: &mut Variables<'_>) -> Result<(), Diagnostic> {
    let names = (1..line.count()).map(|index| line.word(index));
    match change {
        Change::Set => {
            let (name, value) = assignment(line)?;
            variables.said.said.insert(name.to_string(), Some(value.to_string()));
        }
        Change::Preset => {
            let (name, value) = assignment(line)?;
            if variables.var(name).is_none() {
                variables.said.said.insert(name.to_string(), Some(value.to_string()));
            }
        }
        Change::Unset if line.count() < 2 => {
            return Err(fail(line, "'unsetenv' expects at least one variable name."));
        }
        Change::Unset => variables.said.said.extend(names.map(|name| (name.to_string(), None))),
        Change::Reset => variables.reset_all_but(names),
    }
    Ok(())
}

/// A name and a value. What follows them has no effect in HAProxy; here it is a slip worth hearing of.
fn assignment(line: Line<'_>) -> Result<(&str, &str), Diagnostic> {
    let (keyword, name, value) = (line.keyword(), line.word(1), line.word(2));
    if value.is_empty() {
        return Err(fail(line, format!("'{keyword}' expects a name and a value.")));
    }
    if name.contains('=') {
        return Err(fail(line, format!("'{keyword}' failed on variable '{name}' : Invalid argument.")));
    }
    line.ends_at(3, keyword)?;
    Ok((name, value))
}

fn fail(line: Line<'_>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::alert(Lead::Tight, line.span(1), message)
}
