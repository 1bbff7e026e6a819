//! The diagnoses: one file each, a small pure function of a concluded case.
