//! stub
use crate::source::OpenError;
use std::path::PathBuf;
pub enum Grouping {
    Auto,
    Merge,
    PerFile,
}
pub struct Group {
    pub files: Vec<PathBuf>,
}
pub fn plan(i: &[PathBuf], _g: Grouping) -> (Vec<Group>, Vec<OpenError>) {
    (vec![Group { files: i.to_vec() }], vec![])
}
pub fn sentences(_g: &[Group]) -> Vec<String> {
    vec![]
}
