//! Look-up of a word in a fixed list, in any case.
//!
//! Every word of every statement is looked up, and most are in no list: that has to be found out in a few nanoseconds. So words
//! are compared as numbers, eight letters at a time.

/// Where the words of a list are, by their keys. Built at compile time.
pub(super) struct Index<const WORDS: usize, const SLOTS: usize> {
    words: [&'static str; WORDS],
    keys: [Key; WORDS],
    slots: [u16; SLOTS],
}

/// No word, in a slot.
const EMPTY: u16 = u16::MAX;

impl<const WORDS: usize, const SLOTS: usize> Index<WORDS, SLOTS> {
    /// The index of `words`; at most half of the slots are used.
    pub(super) const fn of(words: [&'static str; WORDS]) -> Self {
        assert!(WORDS * 2 <= SLOTS && SLOTS.is_power_of_two() && WORDS < EMPTY as usize);
        let mut index = Self { words, keys: [Key::of(b""); WORDS], slots: [EMPTY; SLOTS] };
        let mut number: u16 = 0;
        while (number as usize) < WORDS {
            let word = words[number as usize].as_bytes();
            let key = Key::of(word);
            let mut slot = key.slot(word.len()) % SLOTS;
            while index.slots[slot] != EMPTY {
                slot = (slot + 1) % SLOTS;
            }
            index.slots[slot] = number;
            index.keys[number as usize] = key;
            number += 1;
        }
        index
    }

    /// The position of `word` in the list.
    pub(super) fn find(&self, word: &[u8]) -> Option<usize> {
        let key = Key::of(word);
        let mut slot = key.slot(word.len());
        loop {
            // Half of the slots are empty, so this ends; and none of their numbers is a key's.
            let number = usize::from(*self.slots.get(slot % SLOTS)?);
            if *self.keys.get(number)? == key && self.is_at(number, word) {
                return Some(number);
            }
            slot += 1;
        }
    }

    /// Whether `word`, whose key is right, is the one with that number.
    fn is_at(&self, number: usize, word: &[u8]) -> bool {
        self.words.get(number).is_some_and(|known| {
            known.len() == word.len()
                && (word.len() <= KEY_LEN || known.as_bytes().eq_ignore_ascii_case(word))
        })
    }
}

/// Length up to which words of one length are equal if their keys are.
const KEY_LEN: usize = 16;

/// The first and the last letters of a word, in lower case; they overlap unless there are sixteen.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(u64, u64);

impl Key {
    const fn of(word: &[u8]) -> Self {
        let (first, last) = if let (Some(first), Some(last)) = (word.first_chunk(), word.last_chunk()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (word.first_chunk(), word.last_chunk()) {
            (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64)
        } else if let (Some(first), Some(last)) = (word.first_chunk(), word.last_chunk()) {
            (u16::from_le_bytes(*first) as u64, u16::from_le_bytes(*last) as u64)
        } else if let [only] = word {
            (*only as u64, 0)
        } else {
            (0, 0)
        };
        Self(lower(first), lower(last))
    }

    /// Where to look first for a word of that length.
    const fn slot(self, len: usize) -> usize {
        let mixed = (self.0 ^ self.1.rotate_left(29) ^ len as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 48) as usize
    }
}

/// Eight bytes with their ASCII letters in lower case.
const fn lower(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = bytes & (0x7F * EACH);
    let from_a = low + (0x80 - b'A' as u64) * EACH;
    let beyond_z = low + (0x7F - b'Z' as u64) * EACH;
    let upper = (from_a ^ beyond_z) & !bytes & (0x80 * EACH);
    bytes | (upper >> 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 8] = [
        "a",
        "ab",
        "abc",
        "select",
        "set",
        "sql_calc_found_rows",
        "master_ssl_verify",
        "wsrep_sync_wait_upto_gtid",
    ];
    const INDEX: Index<8, 16> = Index::of(WORDS);

    #[test]
    fn words_are_found_in_any_case() {
        for (number, word) in WORDS.iter().enumerate() {
            assert_eq!(INDEX.find(word.as_bytes()), Some(number));
            assert_eq!(INDEX.find(word.to_ascii_uppercase().as_bytes()), Some(number));
        }
    }

    #[test]
    fn other_words_are_not() {
        let long = "a".repeat(100);
        for word in [
            "",
            "b",
            "aa",
            "selects",
            "elect",
            "\u{e9}",
            "\0",
            "sql_calc_found__rows",
            "sql_calc_xound_rows",
            &long,
        ] {
            assert_eq!(INDEX.find(word.as_bytes()), None, "{word}");
        }
        assert_eq!(INDEX.find(b"s\x05t"), None, "a control character is no letter");
    }

    proptest! {
        #[test]
        fn keys_are_equal_when_words_are(
            one in proptest::collection::vec(proptest::sample::select(b"aAbBzZ_@[`{09\x00\x80\xC1".to_vec()), 0..=KEY_LEN),
            at in 0..KEY_LEN,
            byte: u8,
        ) {
            let mut other = one.to_ascii_uppercase();
            if let Some(changed) = other.get_mut(at) {
                *changed = byte;
            }
            prop_assert_eq!(Key::of(&one) == Key::of(&other), one.eq_ignore_ascii_case(&other));
        }
    }
}
