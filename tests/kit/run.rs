//! Runs the program on a capture and reads its JSON.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What the program says of one input.
#[derive(Debug)]
pub struct Answer {
    /// Null when the input could not be read.
    pub document: Value,
    pub status: i32,
    pub stderr: String,
}

/// `ftpwhy --format json FILE`.
pub fn analyse(program: &Path, capture: &Path) -> Result<Answer, String> {
    let mut command = Command::new(program);
    command.args(["--isolated", "--format", "json"]).arg(capture);
    let output = command.output().map_err(|e| e.to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let status = output.status.code().ok_or_else(|| format!("killed: {stderr}"))?;
    if status == 2 {
        return Ok(Answer { document: Value::Null, status, stderr });
    }
    let document =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("status {status}, no JSON ({e}): {stderr}"))?;
    Ok(Answer { document, status, stderr })
}

/// What `ftpwhy schema` prints, ready to validate documents.
pub fn schema(program: &Path) -> jsonschema::Validator {
    let output = Command::new(program).arg("schema").output().expect("the program runs");
    let schema: Value = serde_json::from_slice(&output.stdout).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a JSON Schema")
}
