//! Executions as clients send them, and cut short.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_bytes_can_be_parsed(bytes in proptest::collection::vec(any::<u8>(), 0..64), parameters in 0..40_u16) {
        let _ = (id(&bytes), Execute::parse(&bytes, parameters), BulkExecute::parse(&bytes, parameters));
    }
}
