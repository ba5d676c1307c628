//! The file that says which process serves (`pidfile`, `-p`): one pid and a newline, mode 0644, left behind at the end.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A pid file that is open and empty: it can be written when its directory is out of reach.
#[derive(Debug)]
pub struct PidFile {
    file: File,
}

impl PidFile {
    /// Makes the file anew. A predecessor's file goes: who reads it would signal a process that has nothing to do with us.
    pub fn create(path: &Path) -> io::Result<PidFile> {
        match std::fs::remove_file(path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            Ok(()) | Err(_) => (),
        }
        let file = File::options().write(true).create_new(true).mode(0o644).open(path)?;
        Ok(PidFile { file })
    }

    /// Says that it is this process.
    pub fn write(mut self) -> io::Result<()> {
        self.file.write_all(format!("{}\n", std::process::id()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pid_and_a_newline() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pid");
        std::fs::write(&path, "1\n22\n333\n").expect("a file");
        let file = PidFile::create(&path).expect("a directory of our own");
        assert_eq!(std::fs::read_to_string(&path).expect("made anew"), "");
        file.write().expect("room for a line");
        assert_eq!(std::fs::read_to_string(&path).expect("written"), format!("{}\n", std::process::id()));
        assert!(PidFile::create(&directory.path().join("missing/pid")).is_err());
    }
}
