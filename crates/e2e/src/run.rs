//! From scenarios to tests: one per subject, and those that measure have the machine for themselves.

use std::env;
use std::fs::File;

use nix::fcntl::{Flock, FlockArg};

use crate::needs::Subject;

/// Whether a scenario may run beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// It asserts an order of events, not a duration.
    Shared,
    /// It measures CPU, memory or short times, or it brings thousands of connections.
    Alone,
}

/// Runs `scenario` on `subject`, when that is there.
pub fn run(test: &str, subject: Subject, machine: Machine, scenario: fn(Subject)) {
    if subject.is_there(test) {
        let _turn = turn(machine);
        scenario(subject);
    }
}

/// Waits for this test's turn on the machine; it lasts until the value is dropped.
///
/// Test runners start processes or threads; a lock on a file excludes both. It is kept by the kernel, so a test that dies
/// gives it back.
pub fn turn(machine: Machine) -> Flock<File> {
    let path = env::temp_dir().join("tidegate-e2e.lock");
    let file = File::options().create(true).append(true).open(path).expect("a lock file in the temporary directory");
    let arg = match machine {
        Machine::Shared => FlockArg::LockShared,
        Machine::Alone => FlockArg::LockExclusive,
    };
    Flock::lock(file, arg).unwrap_or_else(|(_, error)| panic!("lock: {error}"))
}

/// Makes the tests `haproxy::NAME` and `tidegate::NAME` of each scenario, a `fn(Subject)`.
///
/// ```ignore
/// scenarios! { shared: [first_server_first], alone: [five_thousand_idle] }
/// ```
#[macro_export]
macro_rules! scenarios {
    (shared: [$($shared:ident),* $(,)?], alone: [$($alone:ident),* $(,)?] $(,)?) => {
        mod haproxy {
            $($crate::scenarios!(@one Haproxy, Shared, $shared);)*
            $($crate::scenarios!(@one Haproxy, Alone, $alone);)*
        }
        mod tidegate {
            $($crate::scenarios!(@one Tidegate, Shared, $shared);)*
            $($crate::scenarios!(@one Tidegate, Alone, $alone);)*
        }
    };
    (@one $subject:ident, $machine:ident, $name:ident) => {
        #[test]
        fn $name() {
            let test = concat!(module_path!(), "::", stringify!($name));
            $crate::run::run(test, $crate::Subject::$subject, $crate::run::Machine::$machine, super::$name);
        }
    };
}
