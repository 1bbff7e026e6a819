//! stub
use super::software::Family;
use super::{Reply, Verb};
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    LocalAddress,
    DataConnectionFailed,
    Unspecific,
    NoEndpoint,
    LowPort,
    BadPassivePeer,
    TlsSessionReuse,
    TlsRequired,
    TlsFailed,
}
impl Condition {
    pub fn is_about_data(self) -> bool {
        false
    }
    pub fn may_be_local(self) -> bool {
        true
    }
    pub fn is_about_connecting(self) -> bool {
        true
    }
}
pub struct Meaning {
    pub condition: Condition,
}
static NE: Meaning = Meaning { condition: Condition::NoEndpoint };
pub fn meaning(_: Verb, r: &Reply, _: Option<Family>) -> Option<&'static Meaning> {
    if r.text.contains("Use PORT") || r.text.contains("No data conn") { Some(&NE) } else { None }
}
