//! A font of this system. None is shipped: both kinds of picture need to know how wide a text is.

use std::fs;

use anyhow::Context as _;
use plotters::style::{FontStyle, register_font};

/// The name under which charts ask for it.
pub const FAMILY: &str = "sans-serif";

/// Where Debian and others keep fonts that have all our characters: regular and bold.
const CANDIDATES: [(&str, &str); 4] = [
    (
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    ),
    (
        "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
        "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans-Bold.ttf",
    ),
    ("/usr/share/fonts/TTF/DejaVuSans.ttf", "/usr/share/fonts/TTF/DejaVuSans-Bold.ttf"),
    (
        "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
        "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf",
    ),
];

/// Makes the first font that is there known.
pub fn register() -> anyhow::Result<()> {
    let files =
        CANDIDATES.iter().find_map(|(regular, bold)| Some((fs::read(regular).ok()?, fs::read(bold).ok()?)));
    let (regular, bold) =
        files.context("no font for charts (Debian and Ubuntu: apt-get install fonts-dejavu-core)")?;
    for (style, bytes) in [(FontStyle::Normal, regular), (FontStyle::Bold, bold)] {
        // Once in the life of the program, and for all of it.
        let bytes = Box::leak(bytes.into_boxed_slice());
        register_font(FAMILY, style, bytes).ok().context("the font cannot be read")?;
    }
    Ok(())
}
