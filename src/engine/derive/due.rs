//! Which derived points are to be worked out: a set of places, of which the first is taken out again and again while others may still come in.
//! A bit for each place, and a bit for each word of those, so that putting in and taking out cost some instructions each, with every reading,
//! and looking for the next does not go through all places of a big site.

const BITS: usize = u64::BITS as usize;

/// A set of places below a number that is given at the start.
#[derive(Debug)]
pub(super) struct Due {
    words: Vec<u64>,
    /// Which of the words are not zero.
    used: Vec<u64>,
    len: usize,
}

impl Due {
    /// An empty set, for `places` places.
    pub(super) fn new(places: usize) -> Self {
        let words = places.div_ceil(BITS);
        Self { words: vec![0; words], used: vec![0; words.div_ceil(BITS)], len: 0 }
    }

    /// How many are in.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, place: u32) {
        let (word, bit) = (place as usize / BITS, place as usize % BITS);
        let before = self.words[word];
        self.words[word] |= 1 << bit;
        self.used[word / BITS] |= 1 << (word % BITS);
        self.len += usize::from(before >> bit & 1 == 0);
    }

    /// Takes out the first.
    pub(super) fn pop_first(&mut self) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let group = self.used.iter().position(|used| *used != 0)?;
        let word = group * BITS + self.used[group].trailing_zeros() as usize;
        let bit = self.words[word].trailing_zeros() as usize;
        self.words[word] &= self.words[word] - 1;
        if self.words[word] == 0 {
            self.used[group] &= self.used[group] - 1;
        }
        self.len -= 1;
        Some((word * BITS + bit) as u32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Some is put in, none taken out.
        #[test]
        fn it_is_a_set_of_which_the_first_is_taken(
            places in 1_u32..10_000,
            steps in proptest::collection::vec(proptest::option::of(any::<u32>()), 1..200),
        ) {
            let (mut due, mut model) = (Due::new(places as usize), BTreeSet::new());
            for step in steps {
                if let Some(place) = step {
                    due.insert(place % places);
                    model.insert(place % places);
                } else {
                    prop_assert_eq!(due.pop_first(), model.pop_first());
                }
                prop_assert_eq!(due.len(), model.len());
            }
            while let Some(place) = model.pop_first() {
                prop_assert_eq!(due.pop_first(), Some(place));
            }
            prop_assert_eq!(due.pop_first(), None);
        }
    }
}
