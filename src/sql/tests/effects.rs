//! What a text does, flag by flag.

mod held;
mod residue;
mod routines;
mod settings;

use super::told;
use crate::sql::effects::Effects;

fn have(flag: Effects, texts: &[&str]) {
    for text in texts {
        let effects = told(text).effects;
        assert!(effects.contains(flag), "{text}: {effects:?}");
    }
}

fn lack(flag: Effects, texts: &[&str]) {
    for text in texts {
        let effects = told(text).effects;
        assert!(!effects.intersects(flag), "{text}: {effects:?}");
    }
}
