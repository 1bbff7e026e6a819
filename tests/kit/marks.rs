//! Marks of a script in an expectation: `frames = ["reply", 12]`.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The expectation with every mark replaced by its frame number.
pub fn resolve(text: &str, marks: &BTreeMap<String, u64>) -> Result<String, String> {
    let mut table: Table = text.parse().map_err(|e| format!("{e}"))?;
    let expected = table.get_mut("expect").and_then(Value::as_array_mut);
    for entry in expected.into_iter().flatten().filter_map(Value::as_table_mut) {
        for key in ["frames", "some_of"] {
            for frame in entry.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(mark) = frame.as_str() {
                    let number = *marks.get(mark).ok_or(format!("no packet is marked {mark}"))?;
                    *frame = Value::Integer(i64::try_from(number).map_err(|e| e.to_string())?);
                }
            }
        }
    }
    Ok(ftpwhy::check::head_comment(text) + &table.to_string())
}

/// The reverse for a rewritten expectation: numbers that a mark stands for become the mark.
pub fn restore(text: &str, marks: &BTreeMap<String, u64>) -> String {
    let named = |number: &str| {
        let mark = marks.iter().find(|(_, frame)| frame.to_string() == number);
        mark.map_or(number.to_owned(), |(mark, _)| format!("\"{mark}\""))
    };
    let line = |line: &str| match line.split_once(" = [").zip(line.strip_suffix(']')) {
        Some(((key @ ("frames" | "some_of"), _), rest)) => {
            let numbers = rest.split_once('[').map_or("", |(_, numbers)| numbers);
            format!("{key} = [{}]\n", numbers.split(", ").map(named).collect::<Vec<_>>().join(", "))
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}
