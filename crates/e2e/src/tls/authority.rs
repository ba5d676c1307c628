//! An authority that nobody knows but one scenario, with what it has signed, revoked and said of that in files.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;

use super::{ClientSetup, Key};

/// An authority, and a directory with what it has signed.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
    certificate: CertificateDer<'static>,
    /// What it has signed: the number of each is its place.
    signed: Mutex<Vec<PathBuf>>,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// One that nobody else knows.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no host");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named("Authority");
        let certificate = params.self_signed(&key).expect("a certificate");
        let directory = TempDir::new().expect("a temporary directory");
        fs::write(directory.path().join("ca.pem"), certificate.pem()).expect("room for a certificate");
        fs::write(directory.path().join("ca.key"), key.serialize_pem()).expect("room for a key");
        let certificate = certificate.der().clone();
        Self { issuer: Issuer::new(params, key), directory, certificate, signed: Mutex::default() }
    }

    /// Where a file of it is, or is to be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its own certificate, for `ca-file`.
    pub fn ca_file(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    /// Makes `file`, with a certificate for these hosts and its key, and says where it is.
    pub fn host(&self, file: &str, hosts: &[&str], kind: Key) -> String {
        let hosts: Vec<String> = hosts.iter().map(|host| host.to_string()).collect();
        let mut params = CertificateParams::new(hosts.clone()).expect("names of hosts");
        params.distinguished_name = named(hosts.first().map_or("nobody", String::as_str));
        self.sign(file, params, kind)
    }

    /// The same, for a client of this name.
    pub fn person(&self, file: &str, name: &str) -> String {
        let mut params = CertificateParams::new(Vec::new()).expect("no host");
        params.distinguished_name = named(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(file, params, Key::Ecdsa)
    }

    /// What a client that trusts it needs to know.
    pub fn trusting(&self) -> ClientSetup {
        ClientSetup::trusting(self.certificate.clone())
    }

    /// What a server in the test's own process speaks, with a certificate for these hosts. `wants_clients`: it wants to know who they are.
    pub fn server(&self, hosts: &[&str], wants_clients: bool, protocols: &[&str]) -> Arc<ServerConfig> {
        let file = self.host(&format!("server-{}.pem", hosts.join("-")), hosts, Key::Ecdsa);
        let certificate = CertificateDer::from_pem_file(&file).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(&file).expect("a key");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().expect("known");
        let builder = if wants_clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("an authority"))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![certificate], key).expect("the key is that of the certificate");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.ticketer = aws_lc_rs::Ticketer::new().expect("random numbers");
        Arc::new(config)
    }

    /// Makes `file`, which says until that year that these certificates are not valid any more.
    pub fn revoke(&self, file: &str, certificates: &[&str], until: i32) -> String {
        let revoked = |path: &&str| RevokedCertParams {
            serial_number: self.number(path),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: certificates.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).and_then(|list| list.pem()).expect("a list");
        let path = self.path(file);
        fs::write(&path, list).expect("room for a list");
        path.display().to_string()
    }

    /// Puts beside a certificate what this authority says of it when it is asked (`openssl-ocsp(1)`): that it is good.
    pub fn staple(&self, certificate: &str) {
        let number: String = self.number(certificate).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let index = self.path("index.txt");
        fs::write(&index, format!("V\t491231000000Z\t\t{number}\tunknown\t/CN=anybody\n")).expect("room for a line");
        let (request, ca) = (self.path("request.der"), self.path("ca.pem"));
        let openssl = |arguments: &[&dyn AsRef<OsStr>]| {
            let output = Command::new("openssl").arg("ocsp").args(arguments).output().expect("openssl runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        openssl(&[&"-issuer", &ca, &"-cert", &certificate, &"-reqout", &request]);
        let response = format!("{certificate}.ocsp");
        let signer: [&dyn AsRef<OsStr>; 8] =
            [&"-rsigner", &ca, &"-rkey", &self.path("ca.key"), &"-CA", &ca, &"-index", &index];
        openssl(&[&signer[..], &[&"-reqin", &request, &"-respout", &response, &"-ndays", &"7"]].concat());
        fs::copy(&ca, format!("{certificate}.issuer")).expect("room for a certificate");
    }

    /// The number of a certificate that it has signed.
    fn number(&self, certificate: &str) -> SerialNumber {
        let signed = self.signed.lock().expect("tests do not panic under the lock");
        let place = signed.iter().position(|path| path.as_os_str() == certificate).expect("it has signed it");
        numbered(place)
    }

    fn sign(&self, file: &str, mut params: CertificateParams, kind: Key) -> String {
        let path = self.path(file);
        {
            let mut signed = self.signed.lock().expect("tests do not panic under the lock");
            params.serial_number = Some(numbered(signed.len()));
            signed.push(path.clone());
        }
        let key = kind.pair();
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        fs::write(&path, [certificate.pem(), key.serialize_pem()].concat()).expect("room for a certificate");
        path.display().to_string()
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::OrganizationName, "Example");
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// A number of two bytes, whichever place: no other form of it is shorter or longer.
fn numbered(place: usize) -> SerialNumber {
    let number = 0x1000 + u16::try_from(place).expect("a test signs a few");
    SerialNumber::from_slice(&number.to_be_bytes())
}
