//! Where reports go: the values of `-o`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{OsStringValueParser, TypedValueParser};

/// A value of `-o`: `FORMAT=FILE`, or a file for the main report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target<F> {
    pub(super) format: Option<F>,
    pub(super) path: PathBuf,
}

impl<F> Target<F> {
    pub(super) fn is_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// Reads a value of `-o`. What looks like a format but is none is refused, for it would become the name of a file.
pub(super) fn target<F: ValueEnum + Clone + Send + Sync + 'static>() -> impl TypedValueParser<Value = Target<F>> {
    OsStringValueParser::new().try_map(|text| read_target(text))
}

fn read_target<F: ValueEnum>(text: OsString) -> Result<Target<F>, String> {
    let Some((name, path)) = split(&text) else { return Ok(Target { format: None, path: text.into() }) };
    match F::from_str(name, false) {
        _ if path.is_empty() => Err(format!("no file name after {name}=")),
        Ok(format) => Ok(Target { format: Some(format), path: path.into() }),
        Err(_) => {
            let names: Vec<String> = F::value_variants()
                .iter()
                .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
                .collect();
            let guess = super::spelling::nearest(name, names.iter().map(String::as_str));
            let guess = guess.map_or_else(String::new, |guess| format!(", did you mean {guess}?"));
            Err(format!("there is no format {name}{guess} (for a file of that name write ./{name}=…)"))
        }
    }
}

/// Format and file of `FORMAT=FILE`; `None` where what is before the sign cannot be meant as a format.
fn split(text: &OsStr) -> Option<(&str, &OsStr)> {
    let bytes = text.as_encoded_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=')?;
    let name = std::str::from_utf8(bytes.get(..at)?).ok()?;
    let path = text.to_str().and_then(|text| text.get(at + 1..)).map(OsStr::new);
    let path = path.or_else(|| unix_tail(text, at + 1))?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some((name, path))
}

/// The rest of a name that is not UTF-8.
#[cfg(unix)]
fn unix_tail(text: &OsStr, from: usize) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;
    text.as_bytes().get(from..).map(OsStr::from_bytes)
}

#[cfg(not(unix))]
fn unix_tail(_: &OsStr, _: usize) -> Option<&OsStr> {
    None
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::ValueEnum;

    use super::{Target, read_target};

    #[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
    enum Name {
        Sarif,
        Junit,
    }

    #[test]
    fn a_target_is_a_format_and_a_file() {
        let read = |text: &str| read_target::<Name>(text.into());
        let file = |path: &str| Ok(Target { format: None, path: PathBuf::from(path) });
        assert_eq!(read("sarif=a=b"), Ok(Target { format: Some(Name::Sarif), path: "a=b".into() }));
        assert_eq!(read("report.txt"), file("report.txt"));
        assert_eq!(read("./sarif=x"), file("./sarif=x"));
        assert_eq!(read("a.b=x"), file("a.b=x"));
        assert!(read("saref=x").expect_err("refused").contains("did you mean sarif?"));
        assert!(read("junit=").is_err());
    }
}
