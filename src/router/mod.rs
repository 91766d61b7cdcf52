//! Which backend a session goes to.
//!
//! Pure: what is known about the backends goes in, the order in which to try them comes out.

use crate::backend::health::Verdict;

/// The order in which to try backends, given what is known of each in order of preference: those that are up or that
/// nobody has tried, then, as a last resort, those that were down when last tried.
pub fn order(verdicts: &[Verdict]) -> Vec<usize> {
    let down = |index: &usize| matches!(verdicts.get(*index), Some(Verdict::Down { .. }));
    let (last, first): (Vec<usize>, Vec<usize>) = (0..verdicts.len()).partition(down);
    [first, last].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_that_is_down_is_tried_last_but_is_tried() {
        let down = || Verdict::Down { reason: "refused".into() };
        assert_eq!(order(&[down(), Verdict::Up, Verdict::Unknown, down()]), [1, 2, 0, 3]);
        assert_eq!(order(&[down()]), [0]);
    }
}
