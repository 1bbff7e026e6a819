//! Pairs replies with the commands they answer, in order (RFC 959 5.4): at most one 1xx, then one final reply each.
//!
//! Order decides, never the text. The code decides only where order cannot be right, because servers are seen that
//! leave a command without its reply: a code that cannot answer the oldest command, and can answer a later one,
//! answers the later one. The greeting answers nothing. Behind lost bytes a code that fits no command answers nothing.

use std::collections::VecDeque;

use super::{CommandNo, Verb};
use crate::frame::Stamp;

/// Commands that may wait for their replies. Clients pipeline some dozens; a capture of one direction has no replies.
pub const PENDING_COMMANDS: usize = 128;

/// A command without its final reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCommand {
    /// The command.
    pub no: CommandNo,
    /// What it asks for.
    pub verb: Verb,
    /// The frame that completed it.
    pub at: Stamp,
    /// Whether a 1xx reply has come.
    pub preliminary: bool,
    /// NOOP and STAT: may be answered while a transfer runs.
    during_transfer: bool,
    due: Due,
}

/// Whether the final reply must still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// It must.
    Yes,
    /// An ABOR whose transfer has been answered since: some servers leave it at that.
    Spare,
    /// It may be among lost bytes.
    Doubtful,
}

impl OpenCommand {
    /// Whether a server may work on it while a transfer runs.
    fn may_interrupt(&self) -> bool {
        self.during_transfer || self.verb == Verb::Abor
    }
}

/// The commands of a session that wait for replies.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    queue: VecDeque<OpenCommand>,
    greeted: bool,
    in_doubt: bool,
}

impl Pairing {
    /// For a session whose beginning is not known.
    pub(super) fn picked_up() -> Self {
        Self { greeted: true, in_doubt: true, ..Self::default() }
    }

    /// The commands without their final replies, oldest first.
    pub(super) fn outstanding(&self) -> impl Iterator<Item = &OpenCommand> {
        self.queue.iter()
    }

    /// The client sent a command. A client that does not pipeline has had its replies by then, lost ones too.
    pub(super) fn command(&mut self, no: CommandNo, verb: Verb, name: &str, at: Stamp) {
        let during_transfer = matches!(name, "NOOP" | "STAT");
        let command = OpenCommand { no, verb, at, preliminary: false, during_transfer, due: Due::Yes };
        if !command.may_interrupt() {
            self.queue.retain(|pending| pending.due != Due::Doubtful);
        }
        if self.queue.len() == PENDING_COMMANDS {
            self.queue.pop_front();
            self.in_doubt = true;
        }
        self.queue.push_back(command);
    }

    /// The server completed a reply: which command does it answer?
    pub(super) fn reply(&mut self, code: u16) -> Option<(CommandNo, Verb)> {
        if !self.greeted {
            self.greeted = code / 100 != 1;
            return None;
        }
        if code == 421 {
            // It may come at any time (RFC 959 5.4): it answers a transfer or the one command that waits. Of several
            // none was refused, for the server left some without their replies.
            let alone = self.queue.len() == 1;
            let ended = self.queue.iter().find(|pending| alone || pending.verb.is_transfer());
            let ended = ended.map(|pending| (pending.no, pending.verb));
            self.queue.clear();
            return ended;
        }
        let index = self.answered(code)?;
        if code / 100 == 1 {
            self.queue.drain(..index);
            let pending = self.queue.front_mut()?;
            pending.preliminary = true;
            return Some((pending.no, pending.verb));
        }
        let pending = self.queue.remove(index)?;
        self.drop_older(index, pending.may_interrupt());
        if pending.verb.is_transfer()
            && let Some(abort) = self.queue.iter_mut().find(|later| later.verb == Verb::Abor)
        {
            abort.due = Due::Spare;
        }
        self.in_doubt &= !self.queue.is_empty();
        Some((pending.no, pending.verb))
    }

    /// Replies may have been lost, and with them the greeting.
    pub(super) fn lost_replies(&mut self) {
        self.greeted = true;
        self.in_doubt = true;
        self.queue.iter_mut().for_each(|pending| pending.due = Due::Doubtful);
    }

    /// Commands may have been lost.
    pub(super) fn lost_commands(&mut self) {
        self.in_doubt = true;
    }

    /// The place of the command that a reply with this code answers.
    fn answered(&self, code: u16) -> Option<usize> {
        let failed = matches!(code / 100, 4 | 5);
        let last = self.queue.len().checked_sub(1)?;
        // A few servers answer the endpoint command so, but where a transfer waits, or may, it is the transfer's.
        let transfers_alone =
            code == 425 && (self.in_doubt || self.queue.iter().any(|pending| pending.verb.is_transfer()));
        let fits = |index: usize, pending: &OpenCommand| {
            can_answer(pending.verb, code)
                && !(pending.due == Due::Spare && failed && index < last)
                && (!transfers_alone || pending.verb.is_transfer())
        };
        let fitting = (0..).zip(&self.queue).find(|(index, pending)| fits(*index, pending)).map(|(index, _)| index);
        let oldest = self.queue.front()?.verb;
        let of_another_kind = matches!(code, 227..=229) && oldest.is_endpoint() && !oldest.is_active_endpoint();
        fitting.or_else(|| (!self.in_doubt && (!is_telling(code) || of_another_kind)).then_some(0))
    }

    /// Commands older than one that has its final reply got none, except a transfer that runs on meanwhile.
    fn drop_older(&mut self, count: usize, transfer_runs_on: bool) {
        let mut index = 0;
        self.queue.retain(|pending| {
            index += 1;
            index > count || (transfer_runs_on && pending.verb.is_transfer())
        });
    }
}

/// Codes that say of themselves what they answer; where no such command waits they answer one that was not seen, except
/// that a confused server answers EPSV by 227.
fn is_telling(code: u16) -> bool {
    matches!(code, 110 | 125 | 150 | 221 | 226 | 227 | 228 | 229 | 426)
}

/// Whether a reply with this code can answer such a command at all (RFC 959 5.4, 1639, 2228, 2428).
fn can_answer(verb: Verb, code: u16) -> bool {
    let transfer = verb.is_transfer();
    match code {
        110 | 125 | 150 | 426 => transfer,
        215 => matches!(verb, Verb::Syst | Verb::Other),
        221 => verb == Verb::Quit,
        225 | 226 => transfer || matches!(verb, Verb::Abor | Verb::Other),
        227 => verb == Verb::Pasv,
        228 => verb == Verb::Lpsv,
        229 => verb == Verb::Epsv,
        230 | 331 | 332 => matches!(verb, Verb::User | Verb::Pass | Verb::Acct | Verb::Auth),
        234 => verb == Verb::Auth,
        250 => transfer || verb == Verb::Other,
        425 => transfer || verb.is_endpoint(),
        // EPSV ALL is answered by 200.
        200..=399 => !transfer && !matches!(verb, Verb::Pasv | Verb::Lpsv | Verb::Abor | Verb::Quit),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{PENDING_COMMANDS, Pairing};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::ftp::{CommandNo, Verb, verb};

    const AT: Stamp = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));

    /// Plays words: a verb is a command (numbered from 0), a number a reply, `<` lost replies, `>` lost commands.
    /// Tells for each reply which command it answered, -1 for none.
    fn play(mut pairing: Pairing, dialogue: &str) -> (Vec<i64>, Vec<u32>) {
        let mut count = 0;
        let mut answers = Vec::new();
        for word in dialogue.split(' ') {
            match (word, word.parse()) {
                (_, Ok(code)) => answers.push(pairing.reply(code).map_or(-1, |(no, _)| no.0.into())),
                ("<", _) => pairing.lost_replies(),
                (">", _) => pairing.lost_commands(),
                (name, _) => {
                    pairing.command(CommandNo(count), verb::known(name.as_bytes()).unwrap_or(Verb::Other), name, AT);
                    count += 1;
                }
            }
        }
        (answers, pairing.outstanding().map(|pending| pending.no.0).collect())
    }

    fn answers(dialogue: &str) -> Vec<i64> {
        play(Pairing::default(), dialogue).0
    }

    #[test]
    fn in_order_each_one_preliminary_and_one_final() {
        assert_eq!(answers("220 USER 331 PASS 230 RETR 150 226 QUIT 221"), [-1, 0, 1, 2, 2, 3]);
        assert_eq!(answers("220 TYPE PORT RETR PORT RETR 200 200 150 226 200 425"), [-1, 0, 1, 2, 2, 3, 4]);
        assert_eq!(answers("220 RETR 150 150 226"), [-1, 0, 0, 0]);
    }

    #[test]
    fn greetings_answer_nothing() {
        assert_eq!(answers("USER 120 220 331"), [-1, -1, 0]);
        assert_eq!(answers("USER 530"), [-1]);
        assert_eq!(answers("421"), [-1]);
        assert_eq!(answers("220 REIN 120 220"), [-1, 0, 0]);
    }

    #[test]
    fn a_421_ends_the_queue_and_refuses_none_of_several() {
        assert_eq!(play(Pairing::default(), "220 421"), (vec![-1, -1], vec![]));
        assert_eq!(play(Pairing::default(), "220 RETR 150 NOOP 421 500"), (vec![-1, 0, 0, -1], vec![]));
        assert_eq!(answers("220 PORT 421 PORT 200"), [-1, 0, 1], "some servers go on after it");
        assert_eq!(
            play(Pairing::default(), "220 NOOP NOOP PORT 200 200 NOOP 421 500"),
            (vec![-1, 0, 1, -1, -1], vec![])
        );
    }

    #[test]
    fn an_aborted_transfer_gets_its_reply_before_abor() {
        assert_eq!(answers("220 RETR 150 ABOR 426 226"), [-1, 0, 0, 1]);
        assert_eq!(answers("220 RETR 150 ABOR 425 226 PORT 200"), [-1, 0, 0, 1, 2]);
        assert_eq!(answers("220 RETR ABOR 451 225"), [-1, 0, 1]);
        assert_eq!(answers("220 ABOR 225 TYPE 200"), [-1, 0, 1]);
    }

    #[test]
    fn a_single_reply_after_abor_is_the_transfers() {
        assert_eq!(answers("220 RETR 150 ABOR 226 PORT 200 RETR 425"), [-1, 0, 0, 2, 3]);
        assert_eq!(answers("220 RETR 150 ABOR 426 PORT 500"), [-1, 0, 0, 2]);
        assert_eq!(answers("220 RETR 150 ABOR 426 500"), [-1, 0, 0, 1]);
    }

    #[test]
    fn a_transfer_without_final_reply_does_not_shift_the_others() {
        assert_eq!(play(Pairing::default(), "220 RETR 150 150 QUIT 221"), (vec![-1, 0, 0, 1], vec![]));
        assert_eq!(answers("220 RETR 150 PORT 200 RETR 150 226"), [-1, 0, 1, 2, 2]);
        assert_eq!(answers("220 SYST QUIT 221"), [-1, 1]);
    }

    #[test]
    fn noop_and_stat_may_be_answered_during_a_transfer() {
        assert_eq!(answers("220 RETR 150 NOOP 200 STAT 211 226"), [-1, 0, 1, 2, 0]);
        assert_eq!(answers("220 RETR 150 NOOP 226 200"), [-1, 0, 0, 1]);
    }

    #[test]
    fn odd_codes_answer_the_oldest_unless_they_name_another() {
        assert_eq!(answers("220 RETR 230 RETR 200"), [-1, 0, 1]);
        assert_eq!(answers("220 PORT 226 200"), [-1, -1, 0]);
        assert_eq!(answers("220 EPSV 220"), [-1, 0]);
        assert_eq!(answers("220 PORT 425"), [-1, 0], "a server that connects at once");
        assert_eq!(answers("220 NOOP PORT 200 LIST 425"), [-1, 0, 2], "a command without reply refuses no PORT");
        assert_eq!(answers("220 PORT > 425"), [-1, -1], "a transfer command may be among the lost ones");
    }

    #[test]
    fn a_passive_command_may_be_answered_by_a_reply_of_another_kind() {
        assert_eq!(answers("220 EPSV 227 PASV 229"), [-1, 0, 1]);
        assert_eq!(answers("220 EPSV PASV 227"), [-1, 1], "its own kind comes first");
        assert_eq!(answers("220 PORT 227 TYPE 229"), [-1, -1, -1]);
        assert_eq!(answers("220 EPSV > 227"), [-1, -1], "a PASV may be among the lost ones");
    }

    #[test]
    fn behind_a_loss_nothing_is_guessed() {
        let picked_up = |dialogue| play(Pairing::picked_up(), dialogue).0;
        assert_eq!(picked_up("226 PASV 227"), [-1, 0]);
        assert_eq!(picked_up("PASV 200 227"), [-1, 0]);
        assert_eq!(answers("220 TYPE > 200 227 LIST 150 226"), [-1, 0, -1, 1, 1]);
        assert_eq!(answers("220 PORT < LIST 425"), [-1, 1], "the reply to PORT was lost");
        assert_eq!(answers("220 RETR 150 < 226 TYPE 200"), [-1, 0, 0, 1]);
        assert_eq!(answers("220 RETR 150 < ABOR 426 226"), [-1, 0, 0, 1]);
        assert_eq!(answers("< USER 331"), [0], "the greeting was lost");
    }

    #[test]
    fn the_queue_is_bounded() {
        let words = "NOOP ".repeat(PENDING_COMMANDS + 5);
        let (_, outstanding) = play(Pairing::default(), words.trim_end());
        assert_eq!((outstanding.len(), outstanding[0]), (PENDING_COMMANDS, 5));
    }
}
