//! The document: JSON text to a [`Host`] and back, and its schema.

use std::fmt;

use schemars::generate::SchemaSettings;

use super::{Host, VERSION};

/// Why a text is no document of facts.
#[derive(Debug)]
pub enum Refused {
    /// It is no JSON, or lacks something: what, and where.
    Malformed(serde_json::Error),
    /// It is of another version.
    Version(u32),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "not written by ftpwhy facts: {error}"),
            Self::Version(version) => write!(f, "facts of version {version}; only version {VERSION} is supported"),
        }
    }
}

/// Reads a document. Its readings come in order of time.
pub fn parse(text: &[u8]) -> Result<Host, Refused> {
    let mut host: Host = serde_json::from_slice(text).map_err(Refused::Malformed)?;
    if host.facts != VERSION {
        return Err(Refused::Version(host.facts));
    }
    host.readings.sort_by_key(|reading| reading.at);
    Ok(host)
}

/// The document as text.
pub fn to_json(host: &Host) -> String {
    // Only maps with other keys than text, and failing writers, give errors.
    serde_json::to_string_pretty(host).unwrap_or_default()
}

/// The JSON Schema (draft 2020-12) of the document, as text.
pub fn schema() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Host>();
    format!("{:#}", schema.to_value())
}

/// Times as RFC 3339.
pub(super) mod wall {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::frame::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(in crate::facts) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        let time = jiff::Timestamp::from_nanosecond(at.0.into()).map_err(serde::ser::Error::custom)?;
        time.to_string().serialize(serializer)
    }

    pub(in crate::facts) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        let nanoseconds = i64::try_from(time.as_nanosecond());
        nanoseconds.map(Timestamp).map_err(|_| D::Error::custom("a time out of range"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::host;
    use super::*;

    #[test]
    fn a_document_is_read_as_it_was_written_in_order_of_time_and_obeys_its_schema() {
        let written = host("10.9.0.20", &[20, 10]);
        let text = to_json(&written);
        let read = parse(text.as_bytes()).expect("readable");
        assert_eq!(read, host("10.9.0.20", &[10, 20]));
        let schema = serde_json::from_str(&schema()).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!(validator.is_valid(&value));
        assert!(!validator.is_valid(&serde_json::json!({"facts": 1})));
    }

    #[test]
    fn what_is_no_document_is_refused_with_a_reason() {
        let said = |text: &str| parse(text.as_bytes()).expect_err("refused").to_string();
        assert!(said("{}").contains("not written by ftpwhy facts: missing field"), "{}", said("{}"));
        let text = to_json(&host("10.9.0.20", &[10]));
        assert!(said(&text.replace("\"facts\": 1", "\"facts\": 9")).contains("version 9"));
        assert!(said(&text.replace("1970-01-01T00:00:10Z", "soon")).contains("not written"), "a time");
        assert!(parse(&[0xff, 0xfe]).is_err());
    }
}
