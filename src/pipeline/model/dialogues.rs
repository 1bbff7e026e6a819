//! The lines of the sessions that are under way, as reports draw them.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::ftp::{Event, Speaker};
use crate::record::trace::{DialogueEvent, DialogueLine, DialogueSide, Trace};
use crate::transfer::sessions::SessionIndex;

/// Lines kept of one session: more than anybody reads; at some 150 bytes each.
const LINES: usize = 20_000;

/// The dialogues of the sessions that are under way.
#[derive(Default)]
pub(super) struct Dialogues {
    by_session: HashMap<SessionIndex, Trace, RandomState>,
}

impl Dialogues {
    /// Notes what was said in a session.
    pub(super) fn note(&mut self, index: SessionIndex, event: &Event) {
        let Some(line) = line(event) else { return };
        let trace = self.by_session.entry(index).or_default();
        if trace.lines.len() < LINES {
            trace.lines.push(line);
        } else {
            trace.lines_left_out += 1;
        }
    }

    /// The dialogue of a session so far.
    pub(super) fn of(&self, index: SessionIndex) -> Trace {
        self.by_session.get(&index).cloned().unwrap_or_default()
    }

    /// The session has been told.
    pub(super) fn forget(&mut self, index: SessionIndex) {
        self.by_session.remove(&index);
    }
}

/// An event as a line of the dialogue; the records of an encrypted one are none.
fn line(event: &Event) -> Option<DialogueLine> {
    let (at, by, said) = match event {
        Event::Command(command) => (command.at(), Some(Speaker::Client), DialogueEvent::Command(command.line())),
        Event::Reply(reply) => {
            let said = DialogueEvent::Reply { code: reply.code, text: reply.marked(), more: reply.more_marked() };
            (reply.at(), Some(Speaker::Server), said)
        }
        Event::Interrupt { at } => (*at, Some(Speaker::Client), DialogueEvent::Interrupt),
        Event::Protected { at, by } => (*at, None, DialogueEvent::Protected(by)),
        Event::Cleared { at } => (*at, None, DialogueEvent::Cleared),
        Event::Lost { speaker, len, at } => (*at, Some(*speaker), DialogueEvent::Lost(*len)),
        Event::LongLine { speaker, at } => (*at, Some(*speaker), DialogueEvent::Cut),
        Event::Record { .. } => return None,
    };
    let by = by.map(|speaker| match speaker {
        Speaker::Client => DialogueSide::Client,
        Speaker::Server => DialogueSide::Server,
    });
    Some(DialogueLine { at, by, said })
}
