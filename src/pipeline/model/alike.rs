//! What two views of one session show alike: the same transfers and offers by what was asked for and when, the same data
//! connections.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::finding::TransferId;
use crate::flow::{Connection, ConnectionId, TRANSLATED};
use crate::frame::Stamp;
use crate::transfer::Same;
use crate::transfer::attempt::Attempt;
use crate::transfer::concluded::Concluded;
use crate::transfer::offers::OfferNumber;
use crate::transfer::session::Session;

/// Commands of one moment that are compared with one of the other view, before and behind it.
const NEAR: usize = 64;

/// The same transfer or offer in both views, by its place in each.
pub(in crate::pipeline) type Places = [Option<usize>; 2];

/// A command of a view: what it is known by there, when it came, and its verb.
struct Word<'a, K> {
    key: K,
    at: Stamp,
    verb: &'a str,
}

/// The commands of two views that are the same: of those with one verb the nearest in time, each being the other's nearest.
/// Both are in order of time.
fn same_words<K: Copy>(own: &[Word<'_, K>], other: &[Word<'_, K>]) -> Vec<(K, K)> {
    let nearest = |word: &Word<'_, K>, all: &[Word<'_, K>]| {
        let middle = all.partition_point(|other| other.at < word.at);
        let first = middle.saturating_sub(NEAR);
        let around = all.iter().enumerate().skip(first).take(middle - first + NEAR);
        let apart = |other: &Word<'_, K>| other.at.since(word.at).abs();
        let alike = around.filter(|(_, other)| other.verb == word.verb && apart(other) < TRANSLATED);
        alike.min_by(|(_, one), (_, other)| apart(one).cmp(&apart(other))).map(|(place, _)| place)
    };
    let mutual = own.iter().enumerate().filter_map(|(place, word)| {
        let there = other.get(nearest(word, other)?)?;
        (nearest(there, own) == Some(place)).then_some((word.key, there.key))
    });
    mutual.collect()
}

/// What both views conclude, the same side by side, in order of time.
pub(in crate::pipeline) fn side_by_side(own: &[Concluded<'_>], other: &[Concluded<'_>]) -> Vec<Places> {
    let mut there: HashMap<usize, usize, RandomState> = same_words(&words(own), &words(other)).into_iter().collect();
    let alone = |all: &[Concluded<'_>]| -> Vec<(usize, ConnectionId)> {
        let unasked = all.iter().enumerate().filter(|(_, one)| verb(one).is_none());
        unasked.filter_map(|(place, one)| Some((place, one.attempts.first()?.connection.id))).collect()
    };
    let of_connection: HashMap<ConnectionId, usize, RandomState> =
        alone(other).into_iter().map(|(place, id)| (id, place)).collect();
    for (place, _) in alone(own) {
        let twin =
            own.get(place).and_then(|one| one.attempts.first()).and_then(|attempt| attempt.connection.elsewhere());
        there.extend(twin.and_then(|twin| of_connection.get(&twin)).map(|other| (place, *other)));
    }
    let taken: HashSet<usize, RandomState> = there.values().copied().collect();
    let shown = own.iter().enumerate().map(|(place, one)| (one.at(), [Some(place), there.get(&place).copied()]));
    let only_other = other.iter().enumerate().filter(|(place, _)| !taken.contains(place));
    let mut places: Vec<(Option<Stamp>, Places)> =
        shown.chain(only_other.map(|(place, one)| (one.at(), [None, Some(place)]))).collect();
    places.sort_by_key(|(at, _)| *at);
    places.into_iter().map(|(_, places)| places).collect()
}

fn words<'a>(all: &'a [Concluded<'a>]) -> Vec<Word<'a, usize>> {
    let words = all.iter().enumerate();
    words.filter_map(|(key, one)| Some(Word { key, at: one.at()?, verb: verb(one)? })).collect()
}

/// The verb of what was asked for.
fn verb<'a>(one: &Concluded<'a>) -> Option<&'a str> {
    let command = one.transfer.map(|transfer| &transfer.command).or(one.offer.map(|offer| &offer.command))?;
    Some(&command.name)
}

impl Same {
    /// Of the offers and transfers of a session, as another view of it numbers them.
    pub(super) fn of(session: &Session, viewer: &Session) -> Self {
        fn offers(session: &Session) -> Vec<Word<'_, OfferNumber>> {
            let offers = session.offers.numbered();
            offers.map(|(key, offer)| Word { key, at: offer.at(), verb: &offer.command.name }).collect()
        }
        fn transfers(session: &Session) -> Vec<Word<'_, TransferId>> {
            let transfers = session.transfers.iter();
            transfers.map(|one| Word { key: one.id, at: one.at(), verb: &one.command.name }).collect()
        }
        Self {
            offers: same_words(&offers(session), &offers(viewer)).into_iter().collect(),
            transfers: same_words(&transfers(session), &transfers(viewer)).into_iter().collect(),
        }
    }
}

/// Whether both may be one transfer or offer: the same was asked for at the same moment.
pub(in crate::pipeline) fn is_same(one: &Concluded<'_>, other: &Concluded<'_>) -> bool {
    let soon = one.at().zip(other.at()).is_some_and(|(one, other)| one.since(other).abs() < TRANSLATED);
    soon && verb(one).is_some() && verb(one) == verb(other)
}

/// The data connections of the other view that this one does not show too.
pub(in crate::pipeline) fn only_there<'a>(own: &[Attempt<'_>], other: &[Attempt<'a>]) -> Vec<Attempt<'a>> {
    let here = own.iter().map(|attempt| attempt.connection);
    let here: HashSet<ConnectionId> = here.flat_map(|one| [Some(one.id), one.elsewhere()]).flatten().collect();
    let is_here = |one: &Connection| here.contains(&one.id) || one.elsewhere().is_some_and(|id| here.contains(&id));
    other.iter().filter(|there| !is_here(there.connection)).copied().collect()
}
