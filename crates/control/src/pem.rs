//! Files of certificates and keys (`configuration.txt: crt, ca-file, crl-file`).
//!
//! A name is a file, a directory of files, or what several files begin with (`name.rsa`, `name.ecdsa`); a key may stand in the file or
//! beside it (`name.key`).

use driver::Errno;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tls::{Bundle, BundleError, CertificateDer, CertificateRevocationListDer};

/// Files for one name, one for each kind of key.
const VARIANTS: [&str; 3] = ["rsa", "ecdsa", "dsa"];

/// What stands beside certificates in a directory.
const BESIDE: [&str; 4] = ["key", "ocsp", "issuer", "sctl"];

/// How files of a directory of authorities end.
const AUTHORITIES: [&str; 3] = ["pem", "crt", "cer"];

/// Where Debian has the authorities that it trusts.
const SYSTEM: &str = "/etc/ssl/certs";

const NOTHING: &str = "no certificate or crl found";

/// What stands in a file, and beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    text: Vec<u8>,
    /// `.key`
    key: Option<Vec<u8>>,
    /// `.ocsp`
    staple: Option<Vec<u8>>,
    /// `.issuer`, of a certificate with a staple.
    issuer: Option<Vec<u8>>,
}

impl Parts {
    pub(crate) fn read(path: &Path) -> Result<Parts, Fault> {
        let text = fs::read(path).map_err(|err| Fault::Unfound(path.to_path_buf(), Errno::of(&err)))?;
        let is_some = |bytes: &Vec<u8>| !bytes.is_empty();
        let staple = fs::read(beside(path, "ocsp")).ok().filter(is_some);
        let issuer = staple.as_ref().and_then(|_| fs::read(beside(path, "issuer")).ok());
        Ok(Parts { text, key: fs::read(beside(path, "key")).ok(), staple, issuer })
    }

    /// What they are together.
    pub(crate) fn bundle(&self, path: &str) -> Result<Bundle, Fault> {
        let path = || PathBuf::from(path);
        Bundle::read(&self.text, self.key.as_deref(), self.staple.clone()).map_err(|error| match error {
            BundleError::NoCertificate => Fault::Unreadable(path()),
            BundleError::NoKey => Fault::Keyless(path()),
            BundleError::UnknownKey => Fault::UnknownKey(path()),
            BundleError::Mismatch => Fault::Mismatch(path()),
        })
    }

    /// The same with what an operator says: a certificate, with its key or without. What was beside the file does not belong to it any
    /// more, but for a key, which he may keep.
    pub(crate) fn with(&self, path: &str, text: &[u8]) -> Result<Parts, Fault> {
        let is_certificate = tls::certificates(text).is_some_and(|chain| !chain.is_empty());
        if !is_certificate {
            return Err(Fault::Unreadable(PathBuf::from(path)));
        }
        Ok(Parts { text: text.to_vec(), key: self.key.clone(), staple: None, issuer: None })
    }

    /// Who has signed it, if a file beside it says so.
    pub(crate) fn issuer(&self) -> Option<CertificateDer<'static>> {
        tls::certificates(self.issuer.as_ref()?)?.into_iter().next()
    }

    /// Something else is said of it now.
    pub(crate) fn staple(&mut self, response: &[u8]) {
        self.staple = Some(response.to_vec());
    }
}

/// A bundle from a file.
pub(crate) struct Found {
    pub(crate) path: String,
    pub(crate) parts: Parts,
    pub(crate) bundle: Bundle,
    /// It is the same for another kind of key as the one before.
    pub(crate) is_variant: bool,
}

/// Why a name brings no certificates, in HAProxy's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Unfound(PathBuf, Errno),
    Unreadable(PathBuf),
    Keyless(PathBuf),
    UnknownKey(PathBuf),
    Mismatch(PathBuf),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Unfound(path, errno) => {
                write!(f, "unable to stat SSL certificate from file '{}' : {errno}.", path.display())
            }
            Fault::Unreadable(path) => write!(f, "unable to load certificate from file '{}'.", path.display()),
            Fault::Keyless(path) => write!(f, "No Private Key found in '{}.key'.", path.display()),
            Fault::UnknownKey(path) => write!(f, "unable to load private key from file '{}'.", path.display()),
            Fault::Mismatch(path) => {
                write!(f, "inconsistencies between private key and certificate loaded '{}'.", path.display())
            }
        }
    }
}

/// All bundles that a name stands for, in the order of their files' names.
pub(crate) fn bundles(base: Option<&str>, name: &str) -> Result<Vec<Found>, Fault> {
    let path = located(base, name);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => of_directory(&path),
        Ok(_) => Ok(vec![of_file(&path)?]),
        Err(err) => of_variants(&path, &err),
    }
}

/// All certificates of a file, or of the files of a directory. `@system-ca`: those that the system trusts.
pub(crate) fn authorities(base: Option<&str>, name: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let path = match name {
        "@system-ca" => std::env::var_os("SSL_CERT_DIR").map_or_else(|| PathBuf::from(SYSTEM), PathBuf::from),
        name => located(base, name),
    };
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => authorities_of(&path),
        Ok(_) | Err(_) => list(&path, tls::certificates),
    }
}

/// What cannot be read in a directory is left out, as by HAProxy: there may be anything.
fn authorities_of(directory: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).map_err(|err| Errno::of(&err).to_string())? {
        let path = entry.map_err(|err| Errno::of(&err).to_string())?.path();
        let is_meant = path.extension().is_some_and(|extension| AUTHORITIES.iter().any(|known| extension == *known));
        if is_meant {
            all.extend(list(&path, tls::certificates).unwrap_or_default());
        }
    }
    if all.is_empty() { Err(NOTHING.to_string()) } else { Ok(all) }
}

/// All revocation lists of a file.
pub(crate) fn revocations(
    base: Option<&str>,
    name: &str,
) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    list(&located(base, name), tls::revocations)
}

fn list<T>(path: &Path, read: fn(&[u8]) -> Option<Vec<T>>) -> Result<Vec<T>, String> {
    let text = fs::read(path).map_err(|err| Errno::of(&err).to_string())?;
    let found = read(&text).filter(|found| !found.is_empty());
    found.ok_or_else(|| NOTHING.to_string())
}

/// The file that a name stands for, as operators know it.
pub(crate) fn path(base: Option<&str>, name: &str) -> String {
    if name.starts_with('@') { name.to_owned() } else { located(base, name).to_string_lossy().into_owned() }
}

/// Whether a name is that of a directory.
pub(crate) fn directory(base: Option<&str>, name: &str) -> Option<String> {
    let path = located(base, name);
    path.is_dir().then(|| path.to_string_lossy().into_owned())
}

fn located(base: Option<&str>, name: &str) -> PathBuf {
    match base {
        // A whole path replaces what it is joined to.
        Some(base) => Path::new(base).join(name),
        None => PathBuf::from(name),
    }
}

fn of_directory(directory: &Path) -> Result<Vec<Found>, Fault> {
    let unfound = |err: io::Error| Fault::Unfound(directory.to_path_buf(), Errno::of(&err));
    let mut found: Vec<Found> = Vec::new();
    let mut stem_before = None;
    for path in files_of(directory).map_err(unfound)? {
        let is_one_of_several =
            path.extension().is_some_and(|extension| VARIANTS.iter().any(|kind| extension == *kind));
        let stem = is_one_of_several.then(|| path.with_extension(""));
        let is_variant = stem.is_some() && stem == stem_before;
        found.push(Found { is_variant, ..of_file(&path)? });
        stem_before = stem;
    }
    Ok(found)
}

/// The certificates of a directory, in the order of their names.
pub(crate) fn files_of(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_beside = path.extension().is_some_and(|extension| BESIDE.iter().any(|beside| extension == *beside));
        if !is_hidden && !is_beside && fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// `name.rsa`, `name.ecdsa`, as far as they are there.
fn of_variants(path: &Path, err: &io::Error) -> Result<Vec<Found>, Fault> {
    let mut found = Vec::new();
    for kind in VARIANTS {
        let file = beside(path, kind);
        if fs::metadata(&file).is_ok() {
            found.push(Found { is_variant: !found.is_empty(), ..of_file(&file)? });
        }
    }
    if found.is_empty() { Err(Fault::Unfound(path.to_path_buf(), Errno::of(err))) } else { Ok(found) }
}

fn of_file(path: &Path) -> Result<Found, Fault> {
    let parts = Parts::read(path)?;
    let path = path.to_string_lossy().into_owned();
    let bundle = parts.bundle(&path)?;
    Ok(Found { path, parts, bundle, is_variant: false })
}

/// `path` with `.extension` behind whatever it ends with.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}
