//! What a script says and expects that is made anew each time: texts and numbers with samples in them.
//!
//! A script knows formulas by number only. What stands behind one, and how things stand, is known to whoever runs the check.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

/// One of a check's formulas: a place in the list of whoever made the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Formula(pub usize);

/// A text of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    Fixed(Arc<[u8]>),
    Made(Formula),
}

/// Whoever knows what a check's formulas mean, from its beginning to its end. `heard` is what the server said since the last send.
pub trait Formulas: Debug {
    /// A text; samples that are not there are nothing in it.
    fn text(&mut self, formula: Formula, heard: &[u8]) -> Vec<u8>;

    /// A number, if it is there.
    fn number(&mut self, formula: Formula, heard: &[u8]) -> Option<i64>;

    /// Does what the formula says: keeps a variable, or forgets it.
    fn carry_out(&mut self, formula: Formula, heard: &[u8]);
}

/// For scripts that have none.
#[derive(Debug)]
pub(crate) struct NoFormulas;

impl Formulas for NoFormulas {
    fn text(&mut self, _: Formula, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn number(&mut self, _: Formula, _: &[u8]) -> Option<i64> {
        None
    }

    fn carry_out(&mut self, _: Formula, _: &[u8]) {}
}

impl Text {
    /// The text as it is now.
    pub(crate) fn now<'t>(&'t self, formulas: &mut dyn Formulas, heard: &[u8]) -> Cow<'t, [u8]> {
        match self {
            Text::Fixed(text) => Cow::Borrowed(text),
            Text::Made(formula) => Cow::Owned(formulas.text(*formula, heard)),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::Fixed(text.as_bytes().into())
    }
}
