//! Who may be whom: names, passwords and groups (`configuration.txt: userlist`), and what a request says of its client
//! (RFC 7617).

use http1::Fields;
use sha_crypt::{PasswordVerifier, ShaCrypt};

use crate::sample::base64_decoded;

/// One `userlist`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Userlist {
    pub users: Vec<User>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: Box<str>,
    pub password: Password,
    pub groups: Vec<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    Plain(Box<str>),
    /// `crypt(5)`: SHA-256 or SHA-512. To check it takes as long as whoever made it wanted.
    Hash(Box<str>),
}

impl Userlist {
    /// The user whose name and password a request brings.
    pub(crate) fn user(&self, fields: &Fields, bytes: &[u8]) -> Option<&User> {
        let credentials = credentials(fields, bytes)?;
        let colon = credentials.iter().position(|&byte| byte == b':')?;
        let (name, password) = (&credentials[..colon], &credentials[colon + 1..]);
        let user = self.users.iter().find(|user| user.name.as_bytes() == name)?;
        user.password.is(password).then_some(user)
    }
}

impl Password {
    fn is(&self, said: &[u8]) -> bool {
        match self {
            Password::Plain(password) => is_same(password.as_bytes(), said),
            Password::Hash(hash) => ShaCrypt::default().verify_password(said, &**hash).is_ok(),
        }
    }
}

/// How long it takes says nothing of where they differ.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && difference == 0
}

/// `name:password`
pub(crate) fn credentials(fields: &Fields, bytes: &[u8]) -> Option<Vec<u8>> {
    let field = fields.values(bytes, b"authorization").next()?;
    let (scheme, rest) = field.split_at_checked(b"Basic ".len())?;
    scheme.eq_ignore_ascii_case(b"Basic ").then(|| base64_decoded(rest.trim_ascii()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `crypt(3)` of glibc 2.36 makes of `hello`.
    #[test]
    fn hashes() {
        for hash in [
            "$5$abc$W6SISEcmf6GfVdGFK0lGBXz2NPDhGZ.FBBMOz418YA7",
            "$6$saltstring$FAGYDyoYriJZZozrqxKlj3e8sB/i7oiBKr0IsSILeeFjOstTzTN7VBrJXtFNTHuRzUnhy.z43X6Jd3KbHZ.me/",
            "$5$rounds=1000$xyz$0NyyTfEOVnlsmLua6ItSGpQBiYJxyXtdB8bywCHl4Q9",
        ] {
            let password = Password::Hash(hash.into());
            assert!(password.is(b"hello"), "{hash}");
            assert!(!password.is(b"hellO") && !password.is(b""), "{hash}");
        }
        assert!(!Password::Hash("$5$nonsense".into()).is(b""));
    }

    /// RFC 7617 §2 has the user.
    #[test]
    fn what_a_request_says() {
        let check = |field: &str, expected: Option<&str>| {
            let bytes = format!("GET / HTTP/1.1\r\nHost: x\r\n{field}\r\n");
            let mut request = http1::Request::new(http1::Limits::default());
            request.read(bytes.as_bytes());
            let said = credentials(request.fields(), bytes.as_bytes());
            let said = said.map(|said| String::from_utf8_lossy(&said).into_owned());
            assert_eq!(said.as_deref(), expected, "{field}");
        };
        let aladdin = Some("Aladdin:open sesame");
        check("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n", aladdin);
        check("authorization: bASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n", aladdin);
        check("Authorization: Basic !!!\r\n", None);
        check("Authorization: Bearer QWxh\r\n", None);
        check("Authorization: Bas\r\n", None);
        check("", None);
    }
}
