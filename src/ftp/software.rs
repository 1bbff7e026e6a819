//! stub
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Iis,
}
#[derive(Clone, Debug)]
pub struct Software {
    pub family: Family,
}
impl std::fmt::Display for Software {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
    }
}
