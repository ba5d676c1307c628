//! The expressions of `.if`, `.elif` and `-cc` (configuration.txt §2.6, "Conditional blocks").
//!
//! ```text
//!   or   = and *( "||" and )          term = "!" term | "(" or ")" | integer | predicate "(" arguments ")"
//!   and  = term *( "&&" term )        an empty expression is false
//! ```

use crate::environment::Environment;

/// The version whose behaviour Tidegate follows; `version_atleast()` and `version_before()` compare with it.
pub const COMPATIBLE_VERSION: &str = "3.4.0";

/// What `feature(NAME)` answers true for.
pub const FEATURES: &[&str] = &["GETADDRINFO", "THREAD"];

/// What `enabled(NAME)` answers true for.
const ENABLED: &[&str] = &["GETADDRINFO", "REUSEPORT"];

/// Parentheses and negations inside each other; deeper ones are refused rather than recursed into.
const DEPTH_MAX: usize = 64;

/// Why an expression has no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConditionError {
    pub message: String,
    /// Where in the expression, counted in bytes from 1.
    pub position: usize,
}

/// The value of an expression.
pub fn evaluate(expression: &str, environment: &dyn Environment) -> Result<bool, ConditionError> {
    let mut evaluator = Evaluator { expression, environment, at: 0, depth: 0 };
    evaluator.skip_blanks();
    if evaluator.rest().is_empty() {
        return Ok(false);
    }
    let value = evaluator.or()?;
    match evaluator.rest().chars().next() {
        None => Ok(value),
        Some(character) => {
            let message =
                format!("unexpected character '{character}' at the end of conditional expression '{expression}'");
            Err(evaluator.error(evaluator.at, message))
        }
    }
}

struct Evaluator<'a> {
    expression: &'a str,
    environment: &'a dyn Environment,
    at: usize,
    depth: usize,
}

impl<'a> Evaluator<'a> {
    fn or(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.and()?;
        while let Some(operator) = self.operator("||") {
            value |= self.operand(operator, Evaluator::and)?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.term()?;
        while let Some(operator) = self.operator("&&") {
            value &= self.operand(operator, Evaluator::term)?;
        }
        Ok(value)
    }

    /// What stands behind an operator. Both sides are read, also when the first decides: errors must not hide.
    fn operand(
        &mut self,
        operator: usize,
        read: impl Fn(&mut Self) -> Result<bool, ConditionError>,
    ) -> Result<bool, ConditionError> {
        if self.rest().is_empty() { Err(self.unparsable(operator)) } else { read(self) }
    }

    fn term(&mut self) -> Result<bool, ConditionError> {
        let start = self.at;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.unparsable(start));
        }
        let value = match self.rest().bytes().next() {
            Some(b'!') => {
                self.advance(1);
                if self.rest().is_empty() {
                    return Err(self.unparsable(start));
                }
                !self.term()?
            }
            Some(b'(') => self.parenthesis(start)?,
            Some(b'0'..=b'9' | b'+' | b'-') => self.integer(start)?,
            Some(_) => self.predicate(start)?,
            None => return Err(self.unparsable(start)),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn parenthesis(&mut self, start: usize) -> Result<bool, ConditionError> {
        self.advance(1);
        let value = self.or()?;
        if !self.rest().starts_with(')') {
            let message = format!("expected ')' after conditional expression '{}'", &self.expression[start..]);
            return Err(self.error(start, message));
        }
        self.advance(1);
        Ok(value)
    }

    /// True unless zero. Only its digits matter, so it may be as long as it likes.
    fn integer(&mut self, start: usize) -> Result<bool, ConditionError> {
        let sign = usize::from(self.rest().starts_with(['+', '-']));
        let digits = self.rest()[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(self.unparsable(start));
        }
        let value = self.rest()[sign..sign + digits].bytes().any(|digit| digit != b'0');
        self.advance(sign + digits);
        Ok(value)
    }

    fn predicate(&mut self, start: usize) -> Result<bool, ConditionError> {
        let name_length = self.rest().bytes().take_while(|byte| byte.is_ascii_lowercase() || *byte == b'_').count();
        let name = &self.rest()[..name_length];
        let Some(predicate) = Predicate::named(name).filter(|_| self.rest()[name_length..].starts_with('(')) else {
            return Err(self.unparsable(start));
        };
        let arguments_at = self.at + name_length + 1;
        let Some(length) = self.expression[arguments_at..].find(')') else {
            let message = format!("expected ')' in argument 1 of predicate '{name}' used in conditional expression");
            return Err(self.error(self.expression.len(), message));
        };
        let closing = arguments_at + length;
        let arguments: Vec<&str> = self.expression[arguments_at..closing].split(',').collect();
        let wanted = predicate.arity();
        if arguments.len() < wanted {
            let message = format!(
                "missing arguments (got {}/{wanted}), type 'string' expected in argument {} of predicate '{name}' \
                 used in conditional expression",
                arguments.len(),
                arguments.len(),
            );
            return Err(self.error(closing, message));
        }
        if arguments.len() > wanted {
            let surplus =
                arguments_at + arguments[..wanted].iter().map(|argument| argument.len() + 1).sum::<usize>() - 1;
            let message = format!(
                "expected ')' before '{}' in argument 1 of predicate '{name}' used in conditional expression",
                &self.expression[surplus..],
            );
            return Err(self.error(surplus, message));
        }
        self.at = closing;
        self.advance(1);
        Ok(predicate.holds(&arguments, self.environment))
    }

    /// Moves past `symbol` and answers where it stood.
    fn operator(&mut self, symbol: &str) -> Option<usize> {
        let at = self.at;
        self.rest().starts_with(symbol).then(|| {
            self.advance(symbol.len());
            at
        })
    }

    fn advance(&mut self, length: usize) {
        self.at += length;
        self.skip_blanks();
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    }

    fn rest(&self) -> &'a str {
        &self.expression[self.at..]
    }

    fn unparsable(&self, at: usize) -> ConditionError {
        self.error(at, format!("unparsable conditional expression '{}'", &self.expression[at..]))
    }

    fn error(&self, at: usize, message: String) -> ConditionError {
        ConditionError { message, position: at + 1 }
    }
}

#[derive(Clone, Copy)]
enum Predicate {
    Defined,
    Feature,
    Enabled,
    Equal,
    NotEqual,
    Contains,
    VersionAtLeast,
    VersionBefore,
    /// The three questions about OpenSSL: there is none, so they are all answered no.
    OfOpenSsl,
}

impl Predicate {
    fn named(name: &str) -> Option<Predicate> {
        Some(match name {
            "defined" => Predicate::Defined,
            "feature" => Predicate::Feature,
            "enabled" => Predicate::Enabled,
            "streq" => Predicate::Equal,
            "strneq" => Predicate::NotEqual,
            "strstr" => Predicate::Contains,
            "version_atleast" => Predicate::VersionAtLeast,
            "version_before" => Predicate::VersionBefore,
            "ssllib_name_startswith" | "openssl_version_atleast" | "openssl_version_before" => Predicate::OfOpenSsl,
            _ => return None,
        })
    }

    fn arity(self) -> usize {
        match self {
            Predicate::Equal | Predicate::NotEqual | Predicate::Contains => 2,
            Predicate::Defined
            | Predicate::Feature
            | Predicate::Enabled
            | Predicate::VersionAtLeast
            | Predicate::VersionBefore
            | Predicate::OfOpenSsl => 1,
        }
    }

    fn holds(self, arguments: &[&str], environment: &dyn Environment) -> bool {
        let first = arguments.first().copied().unwrap_or_default();
        let second = arguments.get(1).copied().unwrap_or_default();
        match self {
            Predicate::Defined => environment.var(first).is_some(),
            Predicate::Feature => FEATURES.contains(&first),
            Predicate::Enabled => ENABLED.contains(&first),
            Predicate::Equal => first == second,
            Predicate::NotEqual => first != second,
            Predicate::Contains => first.contains(second),
            Predicate::VersionAtLeast => version(COMPATIBLE_VERSION) >= version(first),
            Predicate::VersionBefore => version(COMPATIBLE_VERSION) < version(first),
            Predicate::OfOpenSsl => false,
        }
    }
}

/// `3.4.0`, `3.4` or `3.4-dev5` in an order: a development version comes before its release. Missing parts are 0.
fn version(text: &str) -> (u64, u64, bool, u64) {
    let mut digits = text.split(|character: char| !character.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut next = || digits.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let (major, minor, number) = (next(), next(), next());
    (major, minor, !text.contains("-dev"), number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(expression: &str) -> Result<bool, (String, usize)> {
        let environment = |name: &str| (name == "HOME").then(|| "/root".to_string());
        evaluate(expression, &environment).map_err(|error| (error.message, error.position))
    }

    #[test]
    fn values() {
        let table = [
            ("", false),
            ("   ", false),
            ("0", false),
            ("1", true),
            ("-1", true),
            ("00", false),
            ("!0", true),
            ("!!1", true),
            ("! ! 1", true),
            ("1 && 0", false),
            ("0 || 1", true),
            ("1 || 0 && 0", true),
            ("(1 || 0) && 0", false),
            ("!(0)", true),
            ("streq(a,a)", true),
            ("streq(a b,a b)", true),
            ("strneq(a,a)", false),
            ("strstr(abc,b)", true),
            ("strstr(abc,x)", false),
            ("defined(HOME)", true),
            ("defined(NOPE)", false),
            ("defined()", false),
            ("feature(THREAD)", true),
            ("feature(NOPE)", false),
            ("enabled(REUSEPORT)", true),
            ("enabled(POLL)", false),
            ("version_atleast(2.4)", true),
            ("version_atleast(3.4-dev8)", true),
            ("version_atleast(3.4.0)", true),
            ("version_atleast(3.4.1)", false),
            ("version_atleast(3.5-dev1)", false),
            ("version_before(3.5)", true),
            ("version_before(3.4)", false),
            ("openssl_version_atleast(3.0)", false),
        ];
        for (expression, expected) in table {
            assert_eq!(value(expression), Ok(expected), "{expression}");
        }
    }

    /// Texts and positions as HAProxy 2.6.12 printed them.
    #[test]
    fn errors() {
        let table = [
            ("foo", "unparsable conditional expression 'foo'", 1),
            ("foo(1)", "unparsable conditional expression 'foo(1)'", 1),
            ("1 2", "unexpected character '2' at the end of conditional expression '1 2'", 3),
            ("2x", "unexpected character 'x' at the end of conditional expression '2x'", 2),
            ("1 & 1", "unexpected character '&' at the end of conditional expression '1 & 1'", 3),
            ("(1", "expected ')' after conditional expression '(1'", 1),
            ("1 && ", "unparsable conditional expression '&& '", 3),
            ("1 || foo", "unparsable conditional expression 'foo'", 6),
            ("0 && foo", "unparsable conditional expression 'foo'", 6),
            ("!", "unparsable conditional expression '!'", 1),
            (
                "defined(A,B)",
                "expected ')' before ',B)' in argument 1 of predicate 'defined' used in conditional expression",
                10,
            ),
            (
                "streq(a)",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in \
                 conditional expression",
                8,
            ),
            (
                "streq(a,b,c)",
                "expected ')' before ',c)' in argument 1 of predicate 'streq' used in conditional expression",
                10,
            ),
        ];
        for (expression, message, position) in table {
            assert_eq!(value(expression), Err((message.to_string(), position)), "{expression}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(value(&"(".repeat(100_000)).is_err());
        assert!(value(&"!".repeat(100_000)).is_err());
        assert_eq!(value(&format!("{}1{}", "(".repeat(60), ")".repeat(60))), Ok(true));
    }

    proptest! {
        #[test]
        fn any_text_has_a_value_or_an_error(expression in "[ 01!&|()a-z_,é]{0,60}") {
            if let Err((_, position)) = value(&expression) {
                prop_assert!(position >= 1 && position <= expression.len() + 1);
            }
        }
    }
}
