//! Reports that MariaDB 10.11 sent, and bytes that nobody sends.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_bytes_have_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(reports(&bytes).count() <= bytes.len() + 1);
    }
}
