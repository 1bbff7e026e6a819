//! Runs the program on a capture and reads its JSON.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::expect::Observed;

/// What the program says of one input.
#[derive(Debug)]
pub struct Answer {
    pub observed: Vec<Observed>,
    /// `VERB outcome` of every transfer, by session.
    pub transfers: Vec<String>,
    pub document: Value,
    pub status: i32,
    pub stderr: String,
}

/// `ftpwhy --format json FILE`.
pub fn analyse(program: &Path, capture: &Path) -> Result<Answer, String> {
    let output = Command::new(program).args(["--format", "json"]).arg(capture).output().map_err(|e| e.to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let status = output.status.code().ok_or_else(|| format!("killed: {stderr}"))?;
    if status == 2 {
        return Ok(Answer { observed: Vec::new(), transfers: Vec::new(), document: Value::Null, status, stderr });
    }
    let document: Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("status {status}, no JSON ({e}): {stderr}"))?;
    let findings = document["findings"].as_array().ok_or("no findings in the JSON")?;
    let observed = findings.iter().map(observation).collect::<Option<_>>().ok_or("a finding lacks a field")?;
    let transfers = document["sessions"]
        .as_array()
        .ok_or("no sessions in the JSON")?
        .iter()
        .flat_map(|session| session["transfers"].as_array().into_iter().flatten())
        .map(|transfer| {
            let command = transfer["command"].as_str().unwrap_or_default();
            let verb = command.split(' ').next().unwrap_or_default();
            format!("{verb} {}", transfer["outcome"].as_str().unwrap_or_default())
        })
        .collect();
    Ok(Answer { observed, transfers, document, status, stderr })
}

fn observation(finding: &Value) -> Option<Observed> {
    let text = |key: &str| finding[key].as_str().map(str::to_owned);
    let mut frames: Vec<u64> = finding["evidence"]
        .as_array()?
        .iter()
        .flat_map(|evidence| {
            let seen = evidence["frames"].as_array().into_iter().flatten().filter_map(Value::as_u64);
            let missing = ["after", "until"].into_iter().filter_map(|key| evidence[key].as_u64());
            seen.chain(missing).collect::<Vec<_>>()
        })
        .collect();
    frames.sort_unstable();
    frames.dedup();
    Some(Observed {
        diagnosis: text("diagnosis")?,
        role: text("role")?,
        severity: text("severity")?,
        confidence: text("confidence")?,
        session: finding["session"].as_u64(),
        transfer: finding["transfer"].as_u64(),
        frames,
    })
}

/// What `ftpwhy schema` prints, ready to validate documents.
pub fn schema(program: &Path) -> jsonschema::Validator {
    let output = Command::new(program).arg("schema").output().expect("the program runs");
    let schema: Value = serde_json::from_slice(&output.stdout).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a JSON Schema")
}
