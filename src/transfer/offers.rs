//! The offers of a session, by number. A number stays good when the offers before it have been let go, as a capture
//! that never ends needs it.

use super::Offer;

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

    /// The number of the newest one for which `is` holds.
    pub fn newest(&self, is: impl Fn(&Offer) -> bool) -> Option<usize> {
        self.numbered().rev().find(|(_, offer)| is(offer)).map(|(number, _)| number)
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
