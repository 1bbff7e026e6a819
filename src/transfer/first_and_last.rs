//! A list that stays within its bound and keeps both its ends: what came in the middle goes.

use std::collections::VecDeque;

/// The first and the last of many, half of each.
#[derive(Clone, Debug)]
pub struct FirstAndLast<T> {
    half: usize,
    first: Vec<T>,
    last: VecDeque<T>,
}

impl<T> FirstAndLast<T> {
    /// An empty one that keeps `most`.
    pub fn keeping(most: usize) -> Self {
        Self { half: most / 2, first: Vec::new(), last: VecDeque::new() }
    }

    /// Adds one. In a full list it takes the place of the oldest of the last ones.
    pub fn push(&mut self, one: T) {
        if self.first.len() < self.half {
            return self.first.push(one);
        }
        if self.last.len() >= self.half {
            self.last.pop_front();
        }
        self.last.push_back(one);
    }

    /// Those that are kept, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.first.iter().chain(&self.last)
    }

    /// Takes no more room than it needs.
    pub fn shrink(&mut self) {
        self.first.shrink_to_fit();
        self.last.shrink_to_fit();
    }

    /// The one with this key, where keys ascend.
    pub fn find_by_key<K: Ord>(&mut self, key: &K, of: impl Fn(&T) -> K) -> Option<&mut T> {
        if let Ok(place) = self.first.binary_search_by_key(key, &of) {
            return self.first.get_mut(place);
        }
        let place = self.last.binary_search_by_key(key, &of).ok()?;
        self.last.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::FirstAndLast;

    #[test]
    fn the_middle_goes() {
        let mut list = FirstAndLast::keeping(4);
        (0..3).for_each(|one| list.push(one));
        assert!(list.iter().eq(&[0, 1, 2]));
        (3..9).for_each(|one| list.push(one));
        assert!(list.iter().eq(&[0, 1, 7, 8]));
        assert!(list.iter().rev().eq(&[8, 7, 1, 0]));
        let mut found = |key: u32| list.find_by_key(&key, |one| *one).copied();
        assert_eq!([1, 2, 7, 9].map(&mut found), [Some(1), None, Some(7), None]);
    }
}
