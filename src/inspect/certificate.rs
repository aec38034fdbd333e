//! X.509 certificates, wherever a text holds them in PEM form: what they say, beside their bytes.

use std::ops::Range;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    parse_x509_certificate,
    pem::parse_x509_pem,
    time::ASN1Time,
};

use super::base64_text;
use crate::normalize::Value;

/// What a certificate says of itself; nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is, as `CN=web, O=shop`; may be empty.
    pub subject: String,
    /// The other names of whose it is, as `DNS:a.example`, `URI:spiffe://…`, `IP:10.0.0.1`, `email:…`, in its order.
    pub sans: Vec<String>,
    /// Who made it.
    pub issuer: String,
    /// Its serial number, in lower hexadecimal digits.
    pub serial: String,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it ends to be valid.
    pub not_after: Timestamp,
    /// The SHA-256 digest of its DER form, in lower hexadecimal digits.
    pub sha256: String,
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates in `text`, and where their PEM blocks stand. What cannot be read as a certificate is none.
pub fn in_text(text: &str) -> Vec<(Range<usize>, Certificate)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(begin) = text[from..].find(BEGIN).map(|at| from + at) {
        let Some(end) = text[begin..].find(END).map(|at| begin + at + END.len()) else {
            break;
        };
        // A block that was cut runs into the next one.
        let begin = text[begin..end].rfind(BEGIN).map_or(begin, |at| begin + at);
        found.extend(read(&text[begin..end]).map(|certificate| (begin..end, certificate)));
        from = end;
    }
    found
}

/// The certificates in all texts in `value`, in base64 too, in their order.
pub fn in_value(value: &Value) -> Vec<Certificate> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<Certificate>) {
    match value {
        Value::String(text) => {
            let decoded = base64_text::decode(text);
            let blocks = in_text(decoded.as_deref().unwrap_or(text));
            found.extend(blocks.into_iter().map(|(_, certificate)| certificate));
        }
        Value::List(list) => list.items.iter().for_each(|item| collect(item, found)),
        Value::Object(object) => {
            let members = object.members.iter();
            members.for_each(|(_, member)| collect(member, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads one PEM block.
fn read(block: &str) -> Option<Certificate> {
    let (_, pem) = parse_x509_pem(block.as_bytes()).ok()?;
    let (rest, certificate) = parse_x509_certificate(&pem.contents).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let time = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let sans = certificate.extensions().iter();
    let sans = sans.filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    let serial = certificate.raw_serial();
    let sign = serial.iter().take_while(|byte| **byte == 0).count();
    Some(Certificate {
        subject: certificate.subject().to_string(),
        sans: sans.flatten().map(san).collect(),
        issuer: certificate.issuer().to_string(),
        serial: hex(&serial[sign.min(serial.len().saturating_sub(1))..]),
        not_before: time(certificate.validity().not_before)?,
        not_after: time(certificate.validity().not_after)?,
        sha256: hex(&Sha256::digest(&pem.contents)),
    })
}

/// A name with its kind before it, as openssl writes it.
fn san(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("DNS:{name}"),
        GeneralName::URI(name) => format!("URI:{name}"),
        GeneralName::RFC822Name(name) => format!("email:{name}"),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
            match v4.or(v6) {
                Ok(address) => format!("IP:{address}"),
                Err(_) => format!("IP:{}", hex(bytes)),
            }
        }
        GeneralName::DirectoryName(name) => format!("DirName:{name}"),
        GeneralName::RegisteredID(id) => format!("RID:{id}"),
        other => other.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
