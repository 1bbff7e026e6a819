//! What becomes of an interface that is captured on: renamed, switched off and on, removed and made again.

use super::devices::Link;
use crate::frame::Timestamp;
use crate::source::Gap;

/// How an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    NoCarrier,
    Down,
    /// It is not there.
    Away,
    /// It is there again, and its frames are not read as those before.
    Another,
}

impl State {
    fn of(link: &Link) -> Self {
        match (link.up, link.running) {
            (false, _) => Self::Down,
            (true, false) => Self::NoCarrier,
            (true, true) => Self::Up,
        }
    }

    /// Whether packets can be captured.
    fn is_captured(self) -> bool {
        matches!(self, Self::Up | Self::NoCarrier)
    }
}

/// What one look at the interfaces gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Sentences for the user.
    pub(super) notices: Vec<String>,
    /// For which nothing was captured, since the last look.
    pub(super) gap: Option<Gap>,
    /// The number of the interface that the capture is to be bound to anew.
    pub(super) bind: Option<usize>,
}

/// One interface, followed by its number, and by its names when it is gone.
#[derive(Clone, Debug)]
pub(super) struct Presence {
    /// As the user named it.
    named: String,
    /// As it is called.
    called: String,
    bound: usize,
    kind: u16,
    state: State,
    /// When last looked at.
    looked: Timestamp,
}

impl Presence {
    /// Of an interface on which capturing has just begun.
    pub(super) fn of(link: &Link, now: Timestamp) -> Self {
        Self {
            named: link.name.clone(),
            called: link.name.clone(),
            bound: link.index,
            kind: link.kind,
            state: State::of(link),
            looked: now,
        }
    }

    /// Whether there is nothing to read.
    pub(super) fn is_away(&self) -> bool {
        matches!(self.state, State::Away | State::Another)
    }

    /// Looks at what interfaces there are. `is_bound`: whether the capture is bound to one that was not removed since.
    pub(super) fn look(&mut self, links: &[Link], is_bound: bool, now: Timestamp) -> Look {
        let mut look = Look::default();
        let before = self.state;
        let same = links.iter().find(|link| link.index == self.bound);
        let found = same.or_else(|| self.by_name(links));
        self.state = match found {
            None => State::Away,
            Some(link) if link.kind != self.kind => State::Another,
            Some(link) => {
                if same.is_none() || !is_bound {
                    look.bind = Some(link.index);
                    self.bound = link.index;
                }
                if link.name != self.called {
                    look.notices.push(format!("{} is now called {}", self.called, link.name));
                    self.called.clone_from(&link.name);
                }
                State::of(link)
            }
        };
        look.notices.extend(self.notice(before, look.bind.is_some()));
        let was_captured = before.is_captured() && look.bind.is_none();
        if !was_captured || !self.state.is_captured() {
            look.gap = Some(Gap { from: self.looked, until: now, packets: 0, away: true });
        }
        self.looked = now;
        look
    }

    fn by_name<'a>(&self, links: &'a [Link]) -> Option<&'a Link> {
        [&self.named, &self.called].into_iter().find_map(|name| links.iter().find(|link| link.name == *name))
    }

    fn notice(&self, before: State, is_new: bool) -> Option<String> {
        let how = match self.state {
            State::Away if before != State::Away => "was removed; the capture continues when it is back",
            State::Another if before != State::Another => {
                "is back as another kind of interface; start ftpwhy again to capture on it"
            }
            State::Up | State::NoCarrier if is_new => "is back; the capture continues",
            State::Down if is_new => "is back, but down; the capture continues when it comes up",
            state if state == before => return None,
            State::Down => "went down; the capture continues when it comes up",
            State::NoCarrier => "has no carrier",
            State::Up => "is up again",
            State::Away | State::Another => return None,
        };
        Some(format!("{} {how}", self.called))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETHERNET: u16 = 1;
    const PPP: u16 = 512;

    fn link(index: usize, name: &str) -> Link {
        Link { index, name: name.to_owned(), kind: ETHERNET, up: true, running: true }
    }

    fn down(link: Link) -> Link {
        Link { up: false, running: false, ..link }
    }

    /// What the looks at second 1, 2, … give: notices, seconds without packets, and what is bound anew.
    fn looks(states: &[Vec<Link>]) -> Vec<(Vec<String>, f64, Option<usize>)> {
        let second = |number: usize| Timestamp(i64::try_from(number).unwrap() * 1_000_000_000);
        let mut presence = Presence::of(&link(7, "eth0"), second(0));
        let mut all = Vec::new();
        for (number, links) in states.iter().enumerate() {
            let look = presence.look(links, true, second(number + 1));
            all.push((look.notices, look.gap.map_or(0.0, |gap| gap.seconds()), look.bind));
        }
        all
    }

    fn said(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn an_interface_that_stays_is_nothing_to_talk_about() {
        let all = looks(&[vec![link(1, "lo"), link(7, "eth0")], vec![link(7, "eth0")]]);
        assert_eq!(all, [(vec![], 0.0, None), (vec![], 0.0, None)]);
    }

    #[test]
    fn a_renamed_interface_is_captured_on() {
        let all = looks(&[vec![link(7, "lan0"), link(9, "eth0")], vec![link(7, "lan0")]]);
        assert_eq!(all, [(said("eth0 is now called lan0"), 0.0, None), (vec![], 0.0, None)]);
    }

    #[test]
    fn one_that_goes_down_lacks_packets_until_it_is_up() {
        let all = looks(&[vec![down(link(7, "eth0"))], vec![down(link(7, "eth0"))], vec![link(7, "eth0")]]);
        assert_eq!(all[0], (said("eth0 went down; the capture continues when it comes up"), 1.0, None));
        assert_eq!(all[1], (vec![], 1.0, None));
        assert_eq!(all[2], (said("eth0 is up again"), 1.0, None), "it came up between two looks");
    }

    #[test]
    fn one_that_is_made_again_is_bound_anew() {
        let all = looks(&[vec![], vec![], vec![down(link(8, "eth0"))], vec![link(8, "eth0")], vec![link(8, "eth0")]]);
        assert_eq!(all[0], (said("eth0 was removed; the capture continues when it is back"), 1.0, None));
        assert_eq!(all[1], (vec![], 1.0, None));
        assert_eq!(all[2], (said("eth0 is back, but down; the capture continues when it comes up"), 1.0, Some(8)));
        assert_eq!(all[3], (said("eth0 is up again"), 1.0, None));
        assert_eq!(all[4], (vec![], 0.0, None));
    }

    #[test]
    fn one_that_is_made_again_between_two_looks_is_bound_anew() {
        let all = looks(&[vec![link(8, "eth0")], vec![link(8, "eth0")]]);
        assert_eq!(all[0], (said("eth0 is back; the capture continues"), 1.0, Some(8)));
        assert_eq!(all[1], (vec![], 0.0, None));
    }

    #[test]
    fn one_that_comes_back_with_its_number_is_bound_anew() {
        let mut presence = Presence::of(&link(7, "eth0"), Timestamp(0));
        let look = presence.look(&[link(7, "eth0")], false, Timestamp(1));
        assert_eq!((look.bind, look.notices), (Some(7), said("eth0 is back; the capture continues")));
    }

    #[test]
    fn after_a_change_of_name_it_may_come_back_by_either() {
        let renamed = vec![link(7, "lan0")];
        assert_eq!(looks(&[renamed.clone(), vec![], vec![link(8, "lan0")]])[2].2, Some(8));
        assert_eq!(looks(&[renamed, vec![], vec![link(8, "eth0")]])[2].2, Some(8));
    }

    #[test]
    fn another_kind_of_interface_is_not_read_as_the_one_before() {
        let ppp = Link { kind: PPP, ..link(8, "eth0") };
        let all = looks(&[vec![ppp.clone()], vec![ppp], vec![link(9, "eth0")]]);
        let why = "eth0 is back as another kind of interface; start ftpwhy again to capture on it";
        assert_eq!(all[0], (said(why), 1.0, None));
        assert_eq!(all[1], (vec![], 1.0, None));
        assert_eq!(all[2], (said("eth0 is back; the capture continues"), 1.0, Some(9)));
    }
}
