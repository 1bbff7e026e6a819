//! Counts with their nouns.

/// `1 packet`, `2 packets`
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
