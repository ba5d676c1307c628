//! A browser that tests look through: Debian's Chromium without a window, driven by WebDriver (W3C, Level 2).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::needs;
use crate::ports::Reservation;
use crate::process;
use crate::wait::{self, SOON};

/// The name of an element's reference in WebDriver's JSON (§12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One window. Dropping it ends the browser and removes its profile.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
    _port: Reservation,
}

impl Browser {
    /// Starts one; `None`, reported, where the packages are missing.
    pub fn start(test: &str) -> Option<Browser> {
        if !needs::is_there(test, "chromium", "chromium") || !needs::is_there(test, "chromium-driver", "chromedriver") {
            return None;
        }
        let (port, profile) = (Reservation::loopback(), TempDir::new().expect("a temporary directory"));
        let address = port.address();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={}", address.port()))
            // Whatever the browser leaves behind goes with its profile.
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        wait::until("the driver to listen", SOON, || TcpStream::connect(address).is_ok());
        let mut browser = Browser { driver, address, session: String::new(), _profile: profile, _port: port };
        // The sandbox needs a user of its own, and tests may run as root.
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
        let options = json!({ "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let session = browser.call("POST", "/session", &wanted);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        Some(browser)
    }

    /// Makes the window so large.
    pub fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", &json!({ "width": width, "height": height }));
    }

    /// Loads a page and waits for it.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Clicks on the element that a CSS selector finds.
    pub fn click(&self, selector: &str) {
        self.post(&format!("/element/{}/click", self.find(selector)), &json!({}));
    }

    /// Types into the element that a CSS selector finds.
    pub fn type_into(&self, selector: &str, text: &str) {
        self.post(&format!("/element/{}/value", self.find(selector)), &json!({ "text": text }));
    }

    /// What a script of this expression answers.
    pub fn ask(&self, expression: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": format!("return {expression};"), "args": [] }))
    }

    /// What the window shows, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let text = self.call("GET", &format!("/session/{}/screenshot", self.session), &Value::Null);
        decoded(text.as_str().expect("a picture"))
    }

    fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {selector}")).to_owned()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}{path}", self.session), body)
    }

    /// One command over HTTP, on a connection of its own.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(self.address).expect("the driver listens");
        stream.set_read_timeout(Some(6 * SOON)).expect("a timeout");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        let length = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all([head, length, body].concat().as_bytes()).expect("the driver reads");
        let mut answer: Value = serde_json::from_slice(&content(&mut BufReader::new(stream))).expect("JSON");
        let value = answer["value"].take();
        assert!(value.get("error").is_none(), "{method} {path}: {value}");
        value
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        process::end(&mut self.driver, SOON);
    }
}

/// The content of a response: the driver says how long it is, and keeps the connection.
fn content(stream: &mut impl BufRead) -> Vec<u8> {
    let mut size = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("the driver answers");
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                size = value.trim().parse().expect("a size")
            }
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            // The status line.
            None => {}
        }
    }
    let mut content = vec![0; size];
    stream.read_exact(&mut content).expect("the whole answer");
    content
}

/// RFC 4648 section 4.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().map_while(digit).collect();
    let bytes = digits.chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - group.len()));
        bits.to_be_bytes().into_iter().skip(1).take(group.len() - 1)
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    /// RFC 4648 section 10.
    #[test]
    fn base64() {
        assert_eq!(decoded("Zm9vYmFy"), b"foobar");
        assert_eq!(decoded("Zm9vYg=="), b"foob");
        assert_eq!(decoded("Zm9vYmE="), b"fooba");
    }
}
