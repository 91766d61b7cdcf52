//! Charts of a report: for each load one picture, as SVG and as PNG.
//!
//! Bars are medians, whiskers the smallest and the largest of the rounds. A contestant has the same colour everywhere.

mod colour;
mod draw;
mod font;
mod scale;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use plotters::prelude::{BitMapBackend, IntoDrawingArea as _, SVGBackend};

use crate::chart::draw::Resolution;
use crate::contestant::Contestant;
use crate::report::Spread;

const VECTOR: Resolution = Resolution(1);
/// For screens that have two pixels where others have one.
const BITMAP: Resolution = Resolution(2);

/// One picture.
pub struct Chart {
    /// The load's name.
    pub title: String,
    /// Machine and length of the run, in small print.
    pub footer: String,
    /// Rows, from the top.
    pub contestants: Vec<Contestant>,
    /// Columns, from the left.
    pub panels: Vec<Panel>,
}

/// One quantity of all contestants.
pub struct Panel {
    /// What it is, with its unit.
    pub title: String,
    /// Whether less is better or more.
    pub hint: &'static str,
    /// Decimals that mean something.
    pub decimals: usize,
    /// A value for each contestant that has one.
    pub values: Vec<Option<Spread>>,
}

/// Writes `NAME.svg` and `NAME.png` for each chart.
///
/// # Errors
/// Where a file cannot be written, or this system has no font.
pub fn write(charts: &[Chart], directory: &Path) -> anyhow::Result<()> {
    font::register()?;
    fs::create_dir_all(directory)?;
    for chart in charts.iter().filter(|chart| !chart.panels.is_empty()) {
        let file = |suffix| directory.join(format!("{}.{suffix}", chart.title));
        let (svg, png) = (file("svg"), file("png"));
        let size = draw::size(chart, VECTOR);
        draw::draw(chart, &SVGBackend::new(&svg, size).into_drawing_area(), VECTOR)
            .with_context(|| format!("cannot write {}", svg.display()))?;
        let size = draw::size(chart, BITMAP);
        draw::draw(chart, &BitMapBackend::new(&png, size).into_drawing_area(), BITMAP)
            .with_context(|| format!("cannot write {}", png.display()))?;
    }
    Ok(())
}
