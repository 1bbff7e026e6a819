//! Turns the FINs, their acknowledgements and the RSTs of a connection into how it closed and who holds TIME-WAIT.
//!
//! Decides by acknowledgement numbers and not by the order of arrival, so that it holds wherever the capture was
//! taken. Knows nothing of how long TIME-WAIT lasts: that is the holder's operating system's affair.

use super::{Close, Connection, End, FinSeen, Half, Holder, RstSeen};
use crate::frame::{Interval, Stamp};

/// Bytes missing this shortly before the first FIN may hide an earlier FIN or RST: losses of a capture come in bursts.
const AROUND: Interval = Interval::seconds(1);

impl Connection {
    /// How far this incarnation has been closed, from what was seen of it up to now.
    pub fn close(&self) -> Close {
        self.close_by(|_| true)
    }

    /// How far this incarnation had been closed when `at` was captured: what a SYN found there, whatever the answer to
    /// that SYN did to it afterwards.
    pub fn close_before(&self, at: Stamp) -> Close {
        self.close_by(|fact| fact < at)
    }

    /// The close as far as the frames that are `in_time` show it.
    fn close_by(&self, in_time: impl Fn(Stamp) -> bool) -> Close {
        if let Some(rst) = self.rsts.iter().find(|rst| in_time(rst.at) && self.ends(rst)) {
            return Close::Reset { by: rst.from, at: rst.at };
        }
        let known = |half: &Half| {
            let fin = half.fin.filter(|fin| in_time(fin.at))?;
            Some(FinSeen { acked: fin.acked.filter(|acked| in_time(*acked)), ..fin })
        };
        let Some((first, second)) = in_order(known(&self.from_origin), known(&self.from_target)) else {
            return Close::Open;
        };
        let since = first.1.at;
        let gapless = self.is_gapless_from(since);
        match (first, second) {
            ((end, _), None) => Close::Half { missing: end.peer(), since, gapless },
            ((_, FinSeen { acked: Some(one), .. }), Some((_, FinSeen { acked: Some(other), .. }))) => {
                // A FIN that is sent again and acknowledged again starts the timer anew (RFC 9293 3.10.7.4).
                let restarts = [self.from_origin.last_ack_of_fin, self.from_target.last_ack_of_fin, self.rearmed];
                let since = restarts.into_iter().flatten().filter(|at| in_time(*at)).fold(one.max(other), Stamp::max);
                let holder = holder(first, second);
                let assassinated = self.rsts.iter().find(|rst| in_time(rst.at) && assassinates(rst, holder));
                Close::TimeWait { holder, since, assassinated: assassinated.map(|rst| rst.at), gapless }
            }
            ((one, _), Some((other, second))) => {
                // A FIN that is not acknowledged is sent again; one that is not was, in a segment not captured.
                let missing = if second.acked.is_none() { other } else { one };
                let gapless = gapless && self.half(missing).fin_repeated;
                Close::Half { missing, since, gapless }
            }
        }
    }

    /// Whether both FINs have been acknowledged, whatever became of the connection before or afterwards.
    pub fn both_fins_acked(&self) -> bool {
        [&self.from_origin, &self.from_target].iter().all(|half| half.fin.is_some_and(|fin| fin.acked.is_some()))
    }

    /// Whether nothing more is to come: reset, or both FINs acknowledged.
    pub fn is_closed(&self) -> bool {
        self.both_fins_acked() || self.rsts.iter().any(|rst| self.ends(rst))
    }

    /// Who holds TIME-WAIT, if both FINs have been acknowledged.
    pub(super) fn holder(&self) -> Option<Holder> {
        let (one, other) = in_order(self.from_origin.fin, self.from_target.fin)?;
        self.both_fins_acked().then_some(holder(one, other))
    }

    /// Whether this RST ended the connection. One that only refused a SYN which was accepted later did not (some
    /// stacks repeat a refused SYN).
    fn ends(&self, rst: &RstSeen) -> bool {
        rst.acceptable && !rst.after_close && self.established.is_none_or(|established| rst.at >= established)
    }

    fn is_gapless_from(&self, fin: Stamp) -> bool {
        if self.payload_hidden {
            return self.from_origin.segments > 0 && self.from_target.segments > 0;
        }
        let around = |half: &Half| half.gaps().iter().any(|gap| gap.at.is_since(fin, AROUND));
        [&self.from_origin, &self.from_target].into_iter().all(|half| half.segments > 0 && !around(half))
    }
}

/// A FIN and who sent it.
type Fin = (End, FinSeen);

/// The FINs seen, the earlier frame first.
fn in_order(origin: Option<FinSeen>, target: Option<FinSeen>) -> Option<(Fin, Option<Fin>)> {
    let origin = origin.map(|fin| (End::Origin, fin));
    let target = target.map(|fin| (End::Target, fin));
    match (origin, target) {
        (Some(origin), Some(target)) if target.1.at < origin.1.at => Some((target, Some(origin))),
        (Some(origin), target) => Some((origin, target)),
        (None, Some(target)) => Some((target, None)),
        (None, None) => None,
    }
}

/// Who holds TIME-WAIT when both FINs were acknowledged. `one` was captured first; where it acknowledges the other
/// (which then is a repeat whose first copy is missing), its sender was the second to close.
fn holder(one: Fin, other: Option<Fin>) -> Holder {
    match other {
        Some(other) if one.1.ack.is_after(other.1.seq) => Holder::One(other.0),
        Some(other) if !other.1.ack.is_after(one.1.seq) => Holder::Both,
        _ => Holder::One(one.0),
    }
}

/// Whether this RST ended the TIME-WAIT of `holder` on stacks that let it (RFC 1337; Linux does).
fn assassinates(rst: &RstSeen, holder: Holder) -> bool {
    rst.after_close && rst.acceptable && holder.includes(rst.from.peer())
}

#[cfg(test)]
mod tests {
    use super::super::script::{play, stamp};
    use super::super::{Close, End, Holder};

    /// The handshake and data of 9.1: the server's data connection, next numbers 1007 and 9001.
    const OPEN: &str = "
        =0.003s S:20 > C:5001 S seq=1000
        =0.004s C:5001 > S:20 SA seq=9000 ack=1001
        =0.005s S:20 > C:5001 A seq=1001 ack=9001
        =0.006s S:20 > C:5001 A seq=1001 ack=9001 len=6";

    fn close_of(rest: &str) -> Close {
        play(&format!("{OPEN}\n{rest}")).only().close()
    }

    fn time_wait(holder: Holder, since: (u64, f64)) -> Close {
        Close::TimeWait { holder, since: stamp(since.0, since.1), assassinated: None, gapless: true }
    }

    #[test]
    fn an_open_connection_is_open() {
        assert_eq!(close_of(""), Close::Open);
    }

    #[test]
    fn whose_fin_is_acknowledged_by_the_other_fin_holds_it() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.009s C:5001 > S:20 F seq=9001 ack=1008
             =0.010s S:20 > C:5001 A seq=1008 ack=9002",
        );
        assert_eq!(close, time_wait(Holder::One(End::Origin), (7, 0.010)));
    }

    #[test]
    fn the_acceptor_holds_it_when_it_closes_first() {
        let close = close_of(
            "=0.009s C:5001 > S:20 F seq=9001 ack=1007
             =0.010s S:20 > C:5001 A seq=1007 ack=9002
             =0.020s S:20 > C:5001 F seq=1007 ack=9002
             =0.021s C:5001 > S:20 A seq=9002 ack=1008",
        );
        assert_eq!(close, time_wait(Holder::One(End::Target), (8, 0.021)));
    }

    #[test]
    fn numbers_decide_and_not_arrival() {
        let close = close_of(
            "=0.009s C:5001 > S:20 F seq=9001 ack=1008
             =0.0095s S:20 > C:5001 F seq=1007 ack=9001
             =0.010s S:20 > C:5001 A seq=1008 ack=9002",
        );
        assert_eq!(close, time_wait(Holder::One(End::Origin), (7, 0.010)));
    }

    #[test]
    fn crossing_fins_make_both_holders() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.009s C:5001 > S:20 F seq=9001 ack=1007
             =0.010s S:20 > C:5001 A seq=1008 ack=9002
             =0.011s C:5001 > S:20 A seq=9002 ack=1008",
        );
        assert_eq!(close, time_wait(Holder::Both, (8, 0.011)));
    }

    #[test]
    fn one_fin_is_no_time_wait() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.010s C:5001 > S:20 A seq=9001 ack=1008",
        );
        assert_eq!(close, Close::Half { missing: End::Target, since: stamp(5, 0.009), gapless: true });
    }

    #[test]
    fn a_fin_that_nobody_acknowledges_is_no_time_wait() {
        let fins = "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.010s C:5001 > S:20 F seq=9001 ack=1008";
        let half = |gapless| Close::Half { missing: End::Target, since: stamp(5, 0.009), gapless };
        assert_eq!(close_of(fins), half(false), "the last ACK may not have been captured");
        let again = format!("{fins}\n=0.210s C:5001 > S:20 F seq=9001 ack=1008");
        assert_eq!(close_of(&again), half(true));
    }

    #[test]
    fn a_fin_lost_by_the_capture_is_marked() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.010s C:5001 > S:20 A seq=9001 ack=1008
             =0.011s S:20 > C:5001 A seq=1008 ack=9002",
        );
        assert_eq!(close, Close::Half { missing: End::Target, since: stamp(5, 0.009), gapless: false });
    }

    #[test]
    fn a_reset_leaves_no_time_wait() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.010s C:5001 > S:20 RA seq=9001 ack=1008",
        );
        assert_eq!(close, Close::Reset { by: End::Target, at: stamp(6, 0.010) });
        let own = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.010s S:20 > C:5001 R seq=1008",
        );
        assert_eq!(own, Close::Reset { by: End::Origin, at: stamp(6, 0.010) });
    }

    #[test]
    fn a_reset_with_other_numbers_changes_nothing() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.009s C:5001 > S:20 F seq=9001 ack=1008
             =0.010s S:20 > C:5001 A seq=1008 ack=9002
             =0.011s C:5001 > S:20 R seq=9500",
        );
        assert_eq!(close, time_wait(Holder::One(End::Origin), (7, 0.010)));
        assert_eq!(close_of("=0.009s C:5001 > S:20 R seq=9500"), Close::Open);
    }

    #[test]
    fn an_exact_reset_behind_the_close_assassinates() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.009s C:5001 > S:20 F seq=9001 ack=1008
             =0.010s S:20 > C:5001 A seq=1008 ack=9002
             =1.000s C:5001 > S:20 R seq=9002",
        );
        let Close::TimeWait { assassinated, since, .. } = close else { panic!("{close:?}") };
        assert_eq!((assassinated, since), (Some(stamp(8, 1.0)), stamp(7, 0.010)));
    }

    #[test]
    fn a_reset_by_the_holder_assassinates_nobody() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.009s C:5001 > S:20 F seq=9001 ack=1008
             =0.010s S:20 > C:5001 A seq=1008 ack=9002
             =1.000s S:20 > C:5001 R seq=1008",
        );
        assert_eq!(close, time_wait(Holder::One(End::Origin), (7, 0.010)));
    }

    #[test]
    fn a_repeated_fin_restarts_the_timer_and_keeps_the_holder() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.009s C:5001 > S:20 F seq=9001 ack=1008
             =0.010s S:20 > C:5001 A seq=1008 ack=9002
             =0.300s C:5001 > S:20 F seq=9001 ack=1008",
        );
        assert_eq!(close, time_wait(Holder::One(End::Origin), (8, 0.3)));
    }

    #[test]
    fn any_acknowledgement_of_the_peer_restarts_the_timer() {
        let closed = "=0.009s S:20 > C:5001 F seq=1007 ack=9001
             =0.009s C:5001 > S:20 F seq=9001 ack=1008
             =0.010s S:20 > C:5001 A seq=1008 ack=9002";
        let peer = close_of(&format!("{closed}\n=5.0s C:5001 > S:20 A seq=9001 ack=1007"));
        assert_eq!(peer, time_wait(Holder::One(End::Origin), (8, 5.0)));
    }

    #[test]
    fn a_fin_with_data_counts_behind_them() {
        let close = close_of(
            "=0.009s S:20 > C:5001 F seq=1007 ack=9001 len=10
             =0.009s C:5001 > S:20 F seq=9001 ack=1018
             =0.010s S:20 > C:5001 A seq=1018 ack=9002",
        );
        assert_eq!(close, time_wait(Holder::One(End::Origin), (7, 0.010)));
    }

    #[test]
    fn the_first_fin_captured_may_be_a_repeat() {
        // The server's first FIN and the client's first are missing; both repeats acknowledge the other.
        let close = close_of(
            "=0.300s S:20 > C:5001 F seq=1007 ack=9002
             =0.310s C:5001 > S:20 F seq=9001 ack=1008
             =0.311s S:20 > C:5001 A seq=1008 ack=9002",
        );
        let Close::TimeWait { holder, gapless, .. } = close else { panic!("{close:?}") };
        assert_eq!((holder, gapless), (Holder::One(End::Target), true));
    }

    #[test]
    fn midstream_closes_are_read_all_the_same() {
        let played = play(
            "=1.0s C:5001 > S:20 F seq=9001 ack=1007
             =1.1s S:20 > C:5001 F seq=1007 ack=9002
             =1.2s C:5001 > S:20 A seq=9002 ack=1008",
        );
        assert!(played.only().midstream);
        assert_eq!(played.only().close(), time_wait(Holder::One(End::Origin), (3, 1.2)));
    }

    #[test]
    fn one_direction_alone_is_not_gapless() {
        let played = play(
            "=1.0s C:5001 > S:20 F seq=9001 ack=1007
             =1.2s C:5001 > S:20 A seq=9002 ack=1008",
        );
        assert_eq!(played.only().close(), Close::Half { missing: End::Target, since: stamp(1, 1.0), gapless: false });
    }

    #[test]
    fn a_refused_syn_that_is_accepted_later_was_not_reset() {
        let refused = "=0.0s S:20 > C:5001 S seq=1000
             =0.1s C:5001 > S:20 RA seq=0 ack=1001";
        assert_eq!(play(refused).only().close(), Close::Reset { by: End::Target, at: stamp(2, 0.1) });
        let accepted = play(&format!(
            "{refused}
             =0.6s S:20 > C:5001 S seq=1000
             =0.7s C:5001 > S:20 SA seq=9000 ack=1001
             =0.8s S:20 > C:5001 A seq=1001 ack=9001"
        ));
        assert_eq!(accepted.only().close(), Close::Open);
        assert_eq!(accepted.only().syn_count, 2);
    }

    #[test]
    fn a_reset_must_acknowledge_the_syn() {
        let wrong = play("=0.0s S:20 > C:5001 S seq=1000\n=0.1s C:5001 > S:20 RA seq=0 ack=5");
        assert_eq!(wrong.only().close(), Close::Open);
        assert!(!wrong.only().rsts[0].acceptable);
    }

    #[test]
    fn sequence_numbers_may_wrap_inside_the_close() {
        let played = play(
            "=0.0s S:20 > C:5001 S seq=4294967290
             =0.1s C:5001 > S:20 SA seq=4294967295 ack=4294967291
             =0.2s S:20 > C:5001 A seq=4294967291 ack=0 len=10
             =0.3s S:20 > C:5001 F seq=5 ack=0
             =0.4s C:5001 > S:20 F seq=0 ack=6
             =0.5s S:20 > C:5001 A seq=6 ack=1",
        );
        assert_eq!(played.only().close(), time_wait(Holder::One(End::Origin), (6, 0.5)));
        assert_eq!(played.only().from_origin.bytes, 10);
    }
}
