//! How far the login is: what an unknown line may be depends on it.

use super::super::Verb;
use super::super::recognise::is_foreign_verb;
use super::answer::Said;

/// What may be expected of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Stage {
    /// A login, and nothing has been said yet.
    #[default]
    Silent,
    /// A login.
    Out,
    /// A password: a user was named, or the server asked.
    Asked,
    /// Anything but that.
    In,
}

/// How far the login is.
#[derive(Debug, Default)]
pub(in super::super) struct Login {
    stage: Stage,
    /// Whether the user is one whose password is by convention an e-mail address.
    anonymous: bool,
}

impl Login {
    /// Of a dialogue whose beginning was not captured: it may be over.
    pub(in super::super) fn picked_up() -> Self {
        Self { stage: Stage::In, anonymous: false }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether what PASS says is no secret: an address, or a word that everybody gives.
    pub(in super::super) fn is_convention(&self, said: &Said) -> bool {
        self.anonymous && (said.bytes().contains(&b'@') || is_anonymous(said.bytes()))
    }

    /// The client sent a command.
    pub(in super::super) fn command(&mut self, verb: Option<Verb>, name: &[u8], argument: &[u8]) {
        match verb {
            Some(Verb::User) => {
                self.stage = Stage::Asked;
                self.anonymous = is_anonymous(argument);
            }
            Some(Verb::Rein) => *self = Self::default(),
            Some(verb) if verb.is_transfer() || verb.is_endpoint() => self.stage = Stage::In,
            // Another protocol has no login of ours.
            None if is_foreign_verb(name) => self.stage = Stage::In,
            None if self.stage == Stage::Asked => {}
            Some(_) | None if self.stage == Stage::In => {}
            Some(_) | None => self.stage = Stage::Out,
        }
    }

    /// The server replied.
    pub(in super::super) fn reply(&mut self, code: u16) {
        match code {
            230 | 232 => self.stage = Stage::In,
            331 | 332 | 334 | 336 => self.stage = Stage::Asked,
            530 => self.stage = Stage::Out,
            _ => {}
        }
    }
}

/// Whether a reply may be one to a login, or to a line that was not understood.
pub(in super::super) fn answers_login(code: u16) -> bool {
    matches!(code, 230 | 232 | 332 | 430 | 500..=503 | 530)
}

/// The names that servers take for a visitor (RFC 1635), behind a proxy too: `anonymous@host`.
pub(super) fn is_anonymous(user: &[u8]) -> bool {
    let end = user.iter().position(|byte| *byte == b'@').unwrap_or(user.len());
    let name = user.get(..end).unwrap_or_default();
    [&b"anonymous"[..], b"ftp", b"guest"].iter().any(|known| known.eq_ignore_ascii_case(name))
}
