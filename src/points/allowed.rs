//! Which inputs may be unreadable: patterns of their names, as `--allow-unreadable` takes them.

use std::path::Path;

use glob::{MatchOptions, Pattern};

/// A glob: `*` stands for any characters of a name, `?` for one, `[ab]` for one of these, `**` for any directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Pattern);

impl Glob {
    /// Reads a glob. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Pattern::new(plain(text)).map(Self).map_err(|error| error.to_string())
    }

    /// Whether an input is meant, as it was named or found; a glob without a slash means a file of that name anywhere.
    pub fn matches(&self, path: &Path) -> bool {
        let whole = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let is_name = !self.0.as_str().contains('/');
        let name = path.file_name().filter(|_| is_name).map_or(path, Path::new);
        // A pattern holds no more than text.
        self.0.matches_with(plain(&name.to_string_lossy()), whole)
    }
}

/// The same place without a detour.
fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use std::path::Path;

    #[test]
    fn a_glob_is_compared_with_the_name_or_with_the_whole_path() {
        for (glob, path, expected) in [
            ("*.pcap", "d/e/x.pcap", true),
            ("x.pcap", "d/x.pcap", true),
            ("x?[12].pcap", "x_2.pcap", true),
            ("*.pcap", "x.pcap.gz", false),
            ("d/*.pcap", "d/x.pcap", true),
            ("d/*.pcap", "d/e/x.pcap", false),
            ("**/x.pcap", "d/e/x.pcap", true),
            ("./d/x.pcap", "d/x.pcap", true),
            ("d/x.pcap", "./d/x.pcap", true),
            ("-", "-", true),
            ("*", "d/.hidden.pcap", true),
        ] {
            assert_eq!(Glob::parse(glob).unwrap().matches(Path::new(path)), expected, "{glob} on {path}");
        }
    }

    #[test]
    fn a_wrong_glob_is_refused() {
        assert!(Glob::parse("x[1").is_err());
        assert!(Glob::parse("a***").is_err());
    }
}
