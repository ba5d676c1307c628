//! What `server` lines say of the PROXY header beside its version: `proxy-v2-options`, `set-proxy-v2-tlv-fmt` (configuration.txt §5.2).

use crate::fetch::Speaker;
use crate::format::{self, Blanks};
use crate::lexer::Word;
use crate::reports::Reports;
use crate::tree::{ProxyOption, ProxyTlv};

/// The keyword whose type stands in brackets behind it.
pub(crate) const TLV: &str = "set-proxy-v2-tlv-fmt";

/// `proxy-v2-options WORD[,WORD…]`
///
/// # Errors
/// HAProxy's complaint.
pub(crate) fn options(list: &str, options: &mut Vec<ProxyOption>) -> Result<(), String> {
    for word in list.split(',') {
        options.push(match word {
            "authority" => ProxyOption::Authority,
            "cert-cn" => ProxyOption::CertCn,
            "cert-key" => ProxyOption::CertKey,
            "cert-sig" => ProxyOption::CertSig,
            "crc32c" => ProxyOption::Crc32c,
            "ssl" => ProxyOption::Ssl,
            "ssl-cipher" => ProxyOption::SslCipher,
            "unique-id" => ProxyOption::UniqueId,
            _ => return Err(format!("'proxy-v2-options' : proxy v2 option not implemented : '{word}'.")),
        });
    }
    Ok(())
}

/// `set-proxy-v2-tlv-fmt(TYPE) FORMAT`, whose keyword is `name` with its brackets. `None`: something in the format is refused.
///
/// # Errors
/// Which of both words is wrong, and HAProxy's complaint.
pub(crate) fn tlv(
    name: &str,
    value: Option<&Word<'_>>,
    reports: &mut Reports,
) -> Result<Option<ProxyTlv>, (usize, String)> {
    let kind = kind(name).map_err(|why| (0, format!("'{name}' : {why}.")))?;
    let Some(value) = value else { return Err((1, format!("'{name}' expects a format as argument.."))) };
    let read = format::of_word(value, Speaker::Client, Blanks::Kept, TLV, reports);
    let value = read.map_err(|(message, _)| (1, format!("'{name}' : {}.", message.trim_end_matches('.'))))?;
    Ok(value.map(|value| ProxyTlv { kind, value }))
}

/// The type, decimal, or hexadecimal behind `0x`; 0 without brackets, as HAProxy has it.
fn kind(name: &str) -> Result<u8, &'static str> {
    let Some(argument) = name[TLV.len()..].strip_prefix('(') else { return Ok(0) };
    let (digits, radix) = match argument.strip_prefix("0x").or_else(|| argument.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (argument, 10),
    };
    let end = digits.find(|character: char| !character.is_digit(radix)).unwrap_or(digits.len());
    let number = u64::from_str_radix(&digits[..end], radix).map_err(|_| "could not convert TLV ID")?;
    if &digits[end..] != ")" {
        return Err("expects set-proxy-v2-tlv(<TLV ID>)");
    }
    u8::try_from(number).map_err(|_| "the maximum allowed TLV ID is 255")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HAProxy 3.4's `srv_parse_set_proxy_v2_tlv_fmt`.
    #[test]
    fn types() {
        for (name, expected) in [
            ("set-proxy-v2-tlv-fmt(0xE1)", Ok(0xe1)),
            ("set-proxy-v2-tlv-fmt(225)", Ok(225)),
            ("set-proxy-v2-tlv-fmt", Ok(0)),
            ("set-proxy-v2-tlv-fmt()", Err("could not convert TLV ID")),
            ("set-proxy-v2-tlv-fmt(x)", Err("could not convert TLV ID")),
            ("set-proxy-v2-tlv-fmt(0x20", Err("expects set-proxy-v2-tlv(<TLV ID>)")),
            ("set-proxy-v2-tlv-fmt(256)", Err("the maximum allowed TLV ID is 255")),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }
}
