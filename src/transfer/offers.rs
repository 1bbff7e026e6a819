//! The offers of a session, by number. A number stays good when the offers before it have been let go, as a capture
//! that never ends needs it.

use super::Offer;
use crate::ftp::CommandNo;

/// The place of an offer among all that its session ever made, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferNumber(pub usize);

impl OfferNumber {
    /// How many offers lie between an earlier one and this one, if it is earlier.
    pub fn since(self, earlier: Self) -> Option<usize> {
        self.0.checked_sub(earlier.0)
    }
}

/// Offers in the order of their commands, numbered from 0.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// How many have been let go.
    before: usize,
    kept: Vec<Offer>,
}

impl Offers {
    /// Adds one; its number.
    pub fn push(&mut self, offer: Offer) -> OfferNumber {
        self.kept.push(offer);
        OfferNumber(self.before + self.kept.len() - 1)
    }

    /// The offer with this number, if it is still kept.
    pub fn get(&self, number: OfferNumber) -> Option<&Offer> {
        self.kept.get(self.place(number)?)
    }

    /// Likewise, to be changed.
    pub fn get_mut(&mut self, number: OfferNumber) -> Option<&mut Offer> {
        let place = self.place(number)?;
        self.kept.get_mut(place)
    }

    /// Those that are kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Offer> {
        self.kept.iter()
    }

    /// Those that are kept, with their numbers.
    pub fn numbered(&self) -> impl DoubleEndedIterator<Item = (OfferNumber, &Offer)> {
        self.kept.iter().enumerate().map(|(place, offer)| (OfferNumber(self.before + place), offer))
    }

    /// The one that was asked for by the command with this number, and its own number.
    pub fn of_command(&mut self, no: CommandNo) -> Option<(OfferNumber, &mut Offer)> {
        let place = self.place_of(no)?;
        Some((OfferNumber(self.before + place), self.kept.get_mut(place)?))
    }

    /// The number of the one that was asked for by the command with this number.
    pub fn number_of(&self, no: CommandNo) -> Option<OfferNumber> {
        Some(OfferNumber(self.before + self.place_of(no)?))
    }

    /// Commands come in the order of their numbers.
    fn place_of(&self, no: CommandNo) -> Option<usize> {
        self.kept.binary_search_by_key(&no, |offer| offer.command.no).ok()
    }

    /// The newest one, to be changed.
    pub fn last_mut(&mut self) -> Option<&mut Offer> {
        self.kept.last_mut()
    }

    /// The number of the newest one.
    pub fn last_number(&self) -> Option<OfferNumber> {
        (self.before + self.kept.len()).checked_sub(1).map(OfferNumber)
    }

    /// The number of the oldest one that is kept.
    pub fn first_number(&self) -> OfferNumber {
        OfferNumber(self.before)
    }

    /// The place among those that are kept; it may be behind the last one.
    pub fn place(&self, number: OfferNumber) -> Option<usize> {
        number.since(self.first_number())
    }

    /// Takes no more room than it needs.
    pub fn shrink(&mut self) {
        self.kept.shrink_to_fit();
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Lets those with a lower number go, and gives them back.
    pub fn cut(&mut self, number: OfferNumber) -> Vec<Offer> {
        let places = self.place(number).unwrap_or(0).min(self.kept.len());
        self.before += places;
        self.kept.drain(..places).collect()
    }
}

impl<'a> IntoIterator for &'a Offers {
    type Item = &'a Offer;
    type IntoIter = std::slice::Iter<'a, Offer>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
