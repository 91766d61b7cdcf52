//! A page of documentation that holds a report's tables and charts.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::chart;
use crate::report::Report;

/// Between these two lines everything is replaced.
const BEGIN: &str = "<!-- end_to_end: what follows is written by --markdown -->\n";
const END: &str = "<!-- end_to_end: end -->\n";

impl Report {
    /// Puts the tables into a page, and the charts into the directory beside it that has the page's name.
    pub fn fill(&self, page: &Path) -> anyhow::Result<()> {
        let name = page.file_stem().context("the page has no name")?;
        chart::write(&self.charts(), &page.with_file_name(name))?;
        let text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
        let tables = self.markdown(&name.to_string_lossy());
        let filled =
            filled(&text, &tables).with_context(|| format!("{} lacks the line {BEGIN}", page.display()))?;
        Ok(fs::write(page, filled)?)
    }
}

fn filled(page: &str, tables: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, BEGIN, "\n", tables, "\n", END, after].concat())
}
