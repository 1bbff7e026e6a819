//! The JSON Schema of both JSON formats, from the types that write them.

use schemars::generate::SchemaSettings;

use super::shape::{Line, Report};

/// The JSON Schema (draft 2020-12) of `--format json`, as text. A line of `--format ndjson` is `#/$defs/Line`.
pub fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let line = generator.subschema_for::<Line>();
    debug_assert_eq!(line.get("$ref").and_then(|reference| reference.as_str()), Some("#/$defs/Line"));
    let schema = generator.into_root_schema_for::<Report>();
    format!("{:#}", schema.to_value())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::schema;
    use crate::finding::{SessionId, TransferId};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::record::{Pending, State};
    use crate::report::testing::{Sample, Shared, expect, narrow};
    use crate::report::{Format, sink};

    fn parsed() -> Value {
        serde_json::from_str(&schema()).expect("the schema is JSON")
    }

    /// A line about pending trouble.
    fn pending(state: State) -> Value {
        let at = Stamp::new(CaptureId(0), FrameNo(7), Timestamp(0));
        let [from, to] = ["10.0.9.21:20", "10.0.0.10:5001"].map(|socket| socket.parse().expect("a socket"));
        let (session, transfer, command) = (SessionId(3), Some(TransferId(2)), Some("RETR".to_owned()));
        let pending = Pending { session, transfer, command, from, to, frames: vec![at], syns: 4, seconds: 7.0, state };
        let out = Shared::default();
        let mut lines = sink(Format::Ndjson, narrow(), Vec::new(), Box::new(out.clone())).expect("begins");
        lines.pending(&pending).expect("written");
        let text = out.text();
        let line: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        assert_eq!(line["message"], "session 3 RETR: 4 SYNs unanswered for 7 s");
        line
    }

    #[test]
    fn it_changes_only_on_purpose() {
        expect("schema.json", &schema());
    }

    #[test]
    fn reports_obey_it() {
        let validator = jsonschema::validator_for(&parsed()).expect("a valid schema");
        for sample in Sample::all() {
            let report = sample.render(Format::Json, &narrow());
            let report: Value = serde_json::from_str(&report).expect("valid JSON");
            assert!(validator.validate(&report).is_ok(), "{:?}", validator.validate(&report));
        }
    }

    #[test]
    fn every_line_obeys_its_definition() {
        let mut schema = parsed();
        let root = schema.as_object_mut().expect("an object");
        root.retain(|key, _| key == "$defs" || key == "$schema");
        root.insert("$ref".into(), json!("#/$defs/Line"));
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        for sample in Sample::all() {
            for line in sample.render(Format::Ndjson, &narrow()).lines() {
                let line: Value = serde_json::from_str(line).expect("valid JSON");
                assert!(validator.validate(&line).is_ok(), "{line} {:?}", validator.validate(&line));
            }
        }
        for state in [
            State::Open,
            State::Ended(crate::diagnosis::data_syn_unanswered::NAME),
            State::Withdrawn("answered".to_owned()),
        ] {
            let line = pending(state);
            assert_eq!(validator.validate(&line).map_err(|error| error.to_string()), Ok(()), "{line}");
        }
        assert!(!validator.is_valid(&json!({"type": "finding"})), "the definition must demand something");
    }

    #[test]
    fn it_demands_what_readers_rely_on() {
        let validator = jsonschema::validator_for(&parsed()).expect("a valid schema");
        let mut report: Value =
            serde_json::from_str(&Sample::collision().render(Format::Json, &narrow())).expect("valid JSON");
        report["findings"][0]["confidence"] = json!("certain");
        assert!(!validator.is_valid(&report));
    }
}
