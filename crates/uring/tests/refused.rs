//! A kernel that refuses: the probe names the cause, from what it finds in the running system.

use nix::libc;
use uring::{Refused, probe};

/// What container engines do: a filter that lets `io_uring_setup` fail.
fn forbid_rings(errno: i32) {
    const NUMBER_OFFSET: u32 = 0;
    let rule = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut rules = [
        rule(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, NUMBER_OFFSET),
        rule(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_io_uring_setup as u32),
        rule(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        rule(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: rules.len() as u16, filter: rules.as_mut_ptr() };
    nix::sys::prctl::set_no_new_privs().expect("always allowed");
    // SAFETY: the kernel reads `program` and the rules that it points to during the call.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// A filter holds for the thread that installs it.
#[test]
fn a_seccomp_filter_is_recognised() {
    for errno in [libc::EPERM, libc::ENOSYS] {
        let refused = std::thread::spawn(move || {
            forbid_rings(errno);
            probe()
        });
        let refused = refused.join().expect("no panic").expect_err("forbidden");
        assert_eq!(refused, Refused::Seccomp { errno: driver::Errno(errno) });
        assert!(refused.to_string().contains("seccomp"), "{refused}");
    }
}
