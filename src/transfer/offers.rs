//! The offers of a session, by number. A number stays good when the offers before it have been let go, as a capture
//! that never ends needs it.

use super::Offer;
use crate::ftp::CommandNo;

/// Offers in the order of their commands, numbered from 0.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// How many have been let go.
    before: usize,
    kept: Vec<Offer>,
}

impl Offers {
    /// Adds one; its number.
    pub fn push(&mut self, offer: Offer) -> usize {
        self.kept.push(offer);
        self.before + self.kept.len() - 1
    }

    /// The offer with this number, if it is still kept.
    pub fn get(&self, number: usize) -> Option<&Offer> {
        self.kept.get(number.checked_sub(self.before)?)
    }

    /// Likewise, to be changed.
    pub fn get_mut(&mut self, number: usize) -> Option<&mut Offer> {
        self.kept.get_mut(number.checked_sub(self.before)?)
    }

    /// Those that are kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Offer> {
        self.kept.iter()
    }

    /// Those that are kept, with their numbers.
    pub fn numbered(&self) -> impl DoubleEndedIterator<Item = (usize, &Offer)> {
        self.kept.iter().enumerate().map(|(place, offer)| (self.before + place, offer))
    }

    /// The one that was asked for by the command with this number, and its own number.
    pub fn of_command(&mut self, no: CommandNo) -> Option<(usize, &mut Offer)> {
        let place = self.place_of(no)?;
        Some((self.before + place, self.kept.get_mut(place)?))
    }

    /// The number of the one that was asked for by the command with this number.
    pub fn number_of(&self, no: CommandNo) -> Option<usize> {
        Some(self.before + self.place_of(no)?)
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
    pub fn last_number(&self) -> Option<usize> {
        (self.before + self.kept.len()).checked_sub(1)
    }

    /// The number of the oldest one that is kept.
    pub fn first_number(&self) -> usize {
        self.before
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
    pub fn cut(&mut self, number: usize) -> Vec<Offer> {
        let places = number.saturating_sub(self.before).min(self.kept.len());
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
