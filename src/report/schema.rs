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
    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    fn parsed() -> Value {
        serde_json::from_str(&schema()).expect("the schema is JSON")
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
