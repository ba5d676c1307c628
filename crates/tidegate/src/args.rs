//! The command line: HAProxy's, with its one-dash long options and its lists of files.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// `-f …`
    Run(Options),
    /// `-c -f …`
    Check(Options),
    /// `-cc EXPR`: whether a condition of `.if` holds.
    Condition(String),
    /// `-v`
    Version,
    /// `-vv`
    VersionLong,
    /// `demo`: Tidegate in front of two origins of its own.
    Demo { once: bool },
    /// Neither files nor a question: HAProxy's usage, exit code 1.
    Usage,
    /// An option that is HAProxy's and not served.
    Unsupported(String),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Files and directories, in order.
    pub(crate) files: Vec<PathBuf>,
    /// `-q`: nothing on stdout and stderr but errors of the command line.
    pub(crate) quiet: bool,
    /// `-V`: says that the file is valid.
    pub(crate) verbose: bool,
    /// `-dW`: warnings are errors.
    pub(crate) zero_warning: bool,
}

/// Options that HAProxy has and that change nothing here: debug output, poison, foreground.
const WITHOUT_MEANING: [&str; 10] = ["-d", "-db", "-dM", "-dI", "-dp", "-de", "-ds", "-dD", "-dG", "-dS"];

/// HAProxy's other options; served by later versions.
const UNSUPPORTED: [&str; 26] = [
    "-n", "-D", "-W", "-Ws", "-S", "-p", "-N", "-m", "-L", "-C", "-x", "-sf", "-st", "-4", "-dr", "-dV", "-dR", "-dZ",
    "-dT", "-dK", "-dL", "-dC", "-dt", "-dc", "-df", "-vq",
];

/// Reads the arguments behind the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Command {
    let mut arguments = arguments.into_iter().peekable();
    let mut options = Options::default();
    let mut is_check = false;
    if arguments.peek().is_some_and(|first| first == "demo") {
        return Command::Demo { once: arguments.nth(1).is_some_and(|second| second == "--once") };
    }
    while let Some(argument) = arguments.next() {
        let Some(word) = argument.to_str() else { return Command::Usage };
        match word {
            "-f" => match arguments.next() {
                Some(path) => options.files.push(path.into()),
                None => return Command::Usage,
            },
            "--" => options.files.extend(arguments.by_ref().map(PathBuf::from)),
            "-cc" => match arguments.next().and_then(|expression| expression.into_string().ok()) {
                Some(expression) => return Command::Condition(expression),
                None => return Command::Usage,
            },
            "-c" => is_check = true,
            "-q" => options.quiet = true,
            "-V" => options.verbose = true,
            "-dW" => options.zero_warning = true,
            "-v" => return Command::Version,
            "-vv" => return Command::VersionLong,
            word if WITHOUT_MEANING.contains(&word) => (),
            word if UNSUPPORTED.contains(&word) => return Command::Unsupported(word.to_owned()),
            _ => return Command::Usage,
        }
    }
    match (options.files.is_empty(), is_check) {
        (true, _) => Command::Usage,
        (false, true) => Command::Check(options),
        (false, false) => Command::Run(options),
    }
}

/// The usage, as it follows the version.
pub(crate) fn usage(program: &str) -> String {
    format!(
        "Usage : {program} [-f <cfgfile|cfgdir>]* [ -vdV ] [ -c ] [ -- <cfgfile>* ]\n\
         \x20       -v displays version ; -vv shows known build options.\n\
         \x20       -d, -db run in foreground, which is what happens anyway.\n\
         \x20       -c check mode : only check config files and exit\n\
         \x20       -V enters verbose mode ; -q quiet mode : doesn't display messages\n\
         \x20       -dW fails if any warning is emitted\n\
         \x20       demo runs Tidegate in front of two origins of its own\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Command) {
        assert_eq!(parse(line.split_whitespace().map(OsString::from)), expected, "{line}");
    }

    fn files(names: &[&str]) -> Options {
        Options { files: names.iter().map(PathBuf::from).collect(), ..Options::default() }
    }

    #[test]
    fn lines_of_operators_and_harnesses() {
        check("-f a.cfg", Command::Run(files(&["a.cfg"])));
        check("-f a.cfg -f conf.d -db", Command::Run(files(&["a.cfg", "conf.d"])));
        check("-d -dM -dI -dW -f a", Command::Run(Options { zero_warning: true, ..files(&["a"]) }));
        check("-c -V -f a -- b c", Command::Check(Options { verbose: true, ..files(&["a", "b", "c"]) }));
        check("-c -q -f a", Command::Check(Options { quiet: true, ..files(&["a"]) }));
        check("-cc version_atleast(2.4)", Command::Condition("version_atleast(2.4)".into()));
        check("-v", Command::Version);
        check("-vv", Command::VersionLong);
        check("demo --once", Command::Demo { once: true });
        check("demo", Command::Demo { once: false });
    }

    #[test]
    fn what_is_no_command_shows_the_usage() {
        for line in ["", "-c", "-f", "-f a --bogus", "a.cfg"] {
            check(line, Command::Usage);
        }
    }

    #[test]
    fn what_is_not_served_is_named() {
        check("-f a -D", Command::Unsupported("-D".into()));
        check("-Ws -f a", Command::Unsupported("-Ws".into()));
    }
}
