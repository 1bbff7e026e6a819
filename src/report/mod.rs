//! Renders findings: one file a format.
