//! Texts that many findings share, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

/// Texts by their numbers.
#[derive(Debug, Default)]
pub(super) struct Texts {
    all: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, usize>,
}

impl Texts {
    /// The number of a text, which is kept from now on.
    pub(super) fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        let number = self.all.len();
        self.all.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn of(&self, number: usize) -> Option<&str> {
        self.all.get(number).map(|text| &**text)
    }
}
