//! The command line: HAProxy's, with its one-dash long options and its lists of files and pids.

use std::ffi::OsString;
use std::iter::Peekable;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// `-f …`
    Run(Box<Options>),
    /// `-c -f …`
    Check(Box<Options>),
    /// `-cc EXPR`: whether a condition of `.if` holds.
    Condition(String),
    /// `-v`
    Version,
    /// `-vv`
    VersionLong,
    /// `-vq`, `-vqs`: the bare version; `-vqb`: the branch.
    VersionBare(Bare),
    /// `demo`: Tidegate in front of two origins of its own.
    Demo { once: bool },
    /// Neither files nor a question: HAProxy's usage, exit code 1.
    Usage,
    /// An option that is HAProxy's and not served.
    Unsupported(String),
    /// An option with an argument that is none.
    Invalid(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bare {
    Version,
    Branch,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Files and directories, in order.
    pub(crate) files: Vec<PathBuf>,
    /// `-q`: nothing on stdout and stderr but errors of the command line.
    pub(crate) is_quiet: bool,
    /// `-V`: says that the file is valid.
    pub(crate) is_verbose: bool,
    /// `-dW`: warnings are errors.
    pub(crate) is_zero_warning: bool,
    /// `-dD`: shows the lines of `.diag`.
    pub(crate) is_diagnosing: bool,
    /// `-dS`: no splicing, whatever the file says.
    pub(crate) is_splice_off: bool,
    pub(crate) ground: Ground,
    /// `-W`, `-Ws`: ends, and writes its pid, as HAProxy's master does.
    pub(crate) is_master: bool,
    /// `-S`: where it answers as HAProxy's master does.
    pub(crate) master_socket: Option<String>,
    /// `-sf`, `-st`: who serves now, and what they are told once this process does.
    pub(crate) predecessors: Vec<(Parting, i32)>,
    /// `-C`: where relative paths begin.
    pub(crate) directory: Option<PathBuf>,
    /// `-p`; wins over `pidfile`.
    pub(crate) pidfile: Option<PathBuf>,
    /// `-n`; wins over `maxconn`.
    pub(crate) maxconn: Option<u32>,
    /// `-N`: what a frontend admits whose section says nothing.
    pub(crate) frontend_maxconn: Option<u32>,
    /// `-4`: names have addresses of IPv4 only.
    pub(crate) is_v4_only: bool,
    /// `-L`; wins over `localpeer`.
    pub(crate) local_peer: Option<String>,
    /// `-x`: the admin socket of a process that hands over its listening sockets.
    pub(crate) sockets_from: Option<PathBuf>,
    /// What was asked for and has no meaning here, with the reason.
    pub(crate) without_effect: Vec<(String, &'static str)>,
}

/// How a predecessor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// When its last connection has ended.
    Finish,
    /// At once.
    Terminate,
}

/// Where the process is to live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ground {
    /// As the file says.
    #[default]
    ByFile,
    /// `-D`
    Back,
    /// `-db`, `-d`: whatever else is said.
    Front,
}

const DEBUGGING: &str = "it looks into HAProxy's own works";
const POLLERS: &str = "it chooses among HAProxy's pollers, which are not here";
const NO_TLS: &str = "there is no TLS to change";

/// HAProxy's options that have no meaning here, and why. Those that end in `…` take the rest of their word as an argument.
const WITHOUT_EFFECT: [(&str, &str); 13] = [
    ("-dC…", DEBUGGING),
    ("-dG", "names are resolved by the system's resolver"),
    ("-dI", DEBUGGING),
    ("-dK…", DEBUGGING),
    ("-dL", DEBUGGING),
    ("-dM…", DEBUGGING),
    ("-dR", "shards share addresses through SO_REUSEPORT, and a second instance is refused without it"),
    ("-dT", DEBUGGING),
    ("-dV", NO_TLS),
    ("-dZ", "it tunes HAProxy's event loop, which is not here"),
    ("-dc", DEBUGGING),
    ("-de", POLLERS),
    ("-dp", POLLERS),
];

/// HAProxy's other options; served by later versions.
const UNSUPPORTED: [&str; 1] = ["-dr"];

/// Reads the arguments behind the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Command {
    let mut arguments = arguments.into_iter().peekable();
    if arguments.peek().is_some_and(|first| first == "demo") {
        return Command::Demo { once: arguments.nth(1).is_some_and(|second| second == "--once") };
    }
    match read(&mut arguments) {
        Ok((options, _)) if options.files.is_empty() => Command::Usage,
        Ok((options, true)) => Command::Check(Box::new(options)),
        Ok((options, false)) => Command::Run(Box::new(options)),
        Err(command) => command,
    }
}

/// The options, and whether they are only to be checked; or what else is to be done.
fn read(arguments: &mut Peekable<impl Iterator<Item = OsString>>) -> Result<(Options, bool), Command> {
    let mut options = Options::default();
    let mut is_check = false;
    while let Some(argument) = arguments.next() {
        let Some(word) = argument.to_str() else { return Err(Command::Usage) };
        match word {
            "-f" => options.files.push(value(arguments)?.into()),
            "--" => options.files.extend(arguments.by_ref().map(PathBuf::from)),
            "-cc" => return Err(Command::Condition(text(arguments)?)),
            "-c" => is_check = true,
            "-q" => options.is_quiet = true,
            "-V" => options.is_verbose = true,
            "-D" if options.ground == Ground::ByFile => options.ground = Ground::Back,
            "-D" => (),
            "-d" | "-db" => options.ground = Ground::Front,
            "-W" | "-Ws" => options.is_master = true,
            "-S" => options.master_socket = Some(text(arguments)?),
            "-sf" => options.predecessors = pids(arguments, word, Parting::Finish)?,
            "-st" => options.predecessors = pids(arguments, word, Parting::Terminate)?,
            "-dW" => options.is_zero_warning = true,
            "-dD" => options.is_diagnosing = true,
            "-dS" => options.is_splice_off = true,
            "-C" => options.directory = Some(value(arguments)?.into()),
            "-x" => options.sockets_from = Some(value(arguments)?.into()),
            "-p" => options.pidfile = Some(value(arguments)?.into()),
            "-L" => options.local_peer = Some(text(arguments)?),
            "-n" => options.maxconn = Some(maxconn(word, &text(arguments)?)?),
            "-N" => options.frontend_maxconn = Some(maxconn(word, &text(arguments)?)?),
            "-4" => options.is_v4_only = true,
            "-m" => {
                text(arguments)?;
                let why = "memory is bounded by maxconn; 'MemoryMax=' of systemd bounds it from outside";
                options.without_effect.push((word.into(), why));
            }
            "-v" => return Err(Command::Version),
            "-vv" => return Err(Command::VersionLong),
            "-vq" | "-vqs" => return Err(Command::VersionBare(Bare::Version)),
            "-vqb" => return Err(Command::VersionBare(Bare::Branch)),
            word if UNSUPPORTED.contains(&word) => return Err(Command::Unsupported(word.into())),
            word => match without_effect(word) {
                Some(why) => options.without_effect.push((word.into(), why)),
                None => return Err(Command::Usage),
            },
        }
    }
    Ok((options, is_check))
}

fn value(arguments: &mut impl Iterator<Item = OsString>) -> Result<OsString, Command> {
    arguments.next().ok_or(Command::Usage)
}

fn text(arguments: &mut impl Iterator<Item = OsString>) -> Result<String, Command> {
    value(arguments)?.into_string().map_err(|_| Command::Usage)
}

/// All words up to the next option, which may be none; each may hold several pids.
fn pids(
    arguments: &mut Peekable<impl Iterator<Item = OsString>>,
    option: &str,
    parting: Parting,
) -> Result<Vec<(Parting, i32)>, Command> {
    let mut pids = Vec::new();
    while let Some(argument) = arguments.next_if(|argument| !argument.as_encoded_bytes().starts_with(b"-")) {
        let text = argument.to_string_lossy();
        for word in text.split_ascii_whitespace() {
            let pid = word.parse().ok().filter(|&pid: &i32| pid > 0);
            let complaint =
                || Command::Invalid(format!("{option} option: some bytes unconsumed in PID list {{{word}}}"));
            pids.push((parting, pid.ok_or_else(complaint)?));
        }
    }
    Ok(pids)
}

/// 0 is no limit of its own, as in HAProxy.
fn maxconn(option: &str, word: &str) -> Result<u32, Command> {
    let complaint = || format!("option '{option}' expects a number of connections (got '{word}').");
    word.parse().map_err(|_| Command::Invalid(complaint()))
}

/// Why an option has no effect; none if it is not known.
fn without_effect(word: &str) -> Option<&'static str> {
    // `-dt` and `-dt=…` trace; as a prefix it would swallow everything that begins so.
    if word == "-dt" || word.starts_with("-dt=") {
        return Some(DEBUGGING);
    }
    let is_it = |name: &str| match name.strip_suffix('…') {
        Some(prefix) => word.starts_with(prefix),
        None => word == name,
    };
    WITHOUT_EFFECT.into_iter().find(|(name, _)| is_it(name)).map(|(_, why)| why)
}

/// The usage, as it follows the version.
pub(crate) fn usage(program: &str) -> String {
    format!(
        "Usage : {program} [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -p <pidfile> ]\n\
         \x20       [ -C <dir> ] [ -L <name> ] [ -c ] [ -sf|-st <pid>* ] [-- <cfgfile>*]\n\
         \x20       -v displays version ; -vv shows known build options.\n\
         \x20       -vq/-vqs/-vqb only displays the version, the short version, the branch.\n\
         \x20       -d, -db only disable background mode.\n\
         \x20       -V enters verbose mode (disables quiet mode)\n\
         \x20       -D goes daemon ; -C changes to <dir> before loading files.\n\
         \x20       -W master-worker mode: one process that ends as a master does.\n\
         \x20       -Ws master-worker mode with systemd notify support.\n\
         \x20       -S <bind>[,<bind options>...] new master CLI\n\
         \x20       -q quiet mode : don't display messages\n\
         \x20       -c check mode : only check config files and exit\n\
         \x20       -cc check condition : evaluate a condition and exit\n\
         \x20       -n sets the maximum total # of connections (uses ulimit -n)\n\
         \x20       -N sets the default, per-proxy maximum # of connections\n\
         \x20       -4 force the DNS resolver to consider and return IPv4 responses only\n\
         \x20       -L set local peer name (default to hostname)\n\
         \x20       -p writes pids of all children to this file\n\
         \x20       -sf/-st [pid ]* finishes/terminates old pids.\n\
         \x20       -x <unix_socket> get listening sockets from a unix socket\n\
         \x20       -dS disables splice usage (broken on old kernels)\n\
         \x20       -dW fails if any warning is emitted\n\
         \x20       -dD diagnostic mode : warn about suspicious configuration statements\n\
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

    fn run(options: Options) -> Command {
        Command::Run(Box::new(options))
    }

    fn front(names: &[&str]) -> Options {
        Options { ground: Ground::Front, ..files(names) }
    }

    #[test]
    fn lines_of_operators_and_harnesses() {
        check("-f a.cfg", run(files(&["a.cfg"])));
        check("-f a.cfg -f conf.d -db", run(front(&["a.cfg", "conf.d"])));
        let debugging = [("-dM".into(), DEBUGGING), ("-dI".into(), DEBUGGING)];
        let harness = Options {
            is_zero_warning: true,
            local_peer: Some("A".into()),
            without_effect: debugging.into(),
            ..front(&["a"])
        };
        check("-d -dM -dI -dW -L A -f a", run(harness));
        let verbose = Options { is_verbose: true, ..files(&["a", "b", "c"]) };
        check("-c -V -f a -- b c", Command::Check(Box::new(verbose)));
        check("-c -q -f a", Command::Check(Box::new(Options { is_quiet: true, ..files(&["a"]) })));
        check("-cc version_atleast(2.4)", Command::Condition("version_atleast(2.4)".into()));
        check("-v", Command::Version);
        check("-vv", Command::VersionLong);
        check("-vqb", Command::VersionBare(Bare::Branch));
        check("demo --once", Command::Demo { once: true });
        check("demo", Command::Demo { once: false });
        let daemon = Options {
            ground: Ground::Back,
            pidfile: Some("/run/p".into()),
            directory: Some("/etc".into()),
            maxconn: Some(100),
            ..files(&["a"])
        };
        check("-D -p /run/p -C /etc -n 100 -f a", run(daemon));
    }

    #[test]
    fn the_foreground_wins() {
        check("-D -db -f a", run(front(&["a"])));
        check("-db -D -f a", run(front(&["a"])));
    }

    #[test]
    fn predecessors() {
        let finish = |pids: &[i32]| pids.iter().map(|&pid| (Parting::Finish, pid)).collect::<Vec<_>>();
        let options = |pids: &[i32]| Options { predecessors: finish(pids), ..files(&["a"]) };
        check("-f a -sf 12 13", run(options(&[12, 13])));
        check("-sf 12 -f a", run(options(&[12])));
        check("-f a -sf", run(options(&[])));
        check("-Ws -f a", run(Options { is_master: true, ..files(&["a"]) }));
        check("-st 7 -f a", run(Options { predecessors: vec![(Parting::Terminate, 7)], ..files(&["a"]) }));
        check("-f a -sf abc", Command::Invalid("-sf option: some bytes unconsumed in PID list {abc}".into()));
    }

    #[test]
    fn what_is_no_command_shows_the_usage() {
        for line in ["", "-c", "-f", "-f a --bogus", "a.cfg", "-f a -n", "-f a -dtx"] {
            check(line, Command::Usage);
        }
    }

    #[test]
    fn what_is_not_served_is_named() {
        check("-f a -dr", Command::Unsupported("-dr".into()));
        check("-f a -N 10 -4", run(Options { frontend_maxconn: Some(10), is_v4_only: true, ..files(&["a"]) }));
        check("-f a -n x", Command::Invalid("option '-n' expects a number of connections (got 'x').".into()));
    }

    #[test]
    fn words_with_an_argument_of_their_own() {
        for word in ["-dM", "-dM0x50,help", "-dKall", "-dC", "-dC12345", "-dt", "-dt=h1:file", "-dG"] {
            assert!(without_effect(word).is_some(), "{word}");
        }
        assert_eq!(without_effect("-dGx"), None);
    }
}
