//! Where everything is in a picture. Lengths are in points, each of which is [`Resolution`] pixels wide.

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle, IntoFont as _, RGBColor, TextStyle, WHITE};

use crate::chart::colour::{self, FAINT, GRID, INK};
use crate::chart::font::FAMILY;
use crate::chart::scale::Scale;
use crate::chart::{Chart, Panel};
use crate::report::Spread;

/// The names' column, a panel, and what is between panels.
const NAMES: i32 = 250;
const PANEL: i32 = 300;
const GAP: i32 = 40;
/// Room for a value behind the longest bar.
const VALUE: i32 = 70;
/// What is above the rows, a row, a bar in it, and what is below.
const HEAD: i32 = 84;
const ROW: i32 = 26;
const BAR: i32 = 16;
const FOOT: i32 = 64;

/// Half of a whisker's end.
const WHISKER: i32 = 4;

type Area<B> = DrawingArea<B, Shift>;

/// A picture in the making.
struct Canvas<'a, B: DrawingBackend> {
    area: &'a Area<B>,
    resolution: Resolution,
}

/// How many pixels a point is wide: one where pictures scale by themselves, more where they do not.
#[derive(Clone, Copy)]
pub struct Resolution(pub i32);

/// Pixels that a chart takes.
pub fn size(chart: &Chart, Resolution(resolution): Resolution) -> (u32, u32) {
    let panels = i32::try_from(chart.panels.len()).unwrap_or(0);
    let rows = i32::try_from(chart.contestants.len()).unwrap_or(0);
    let pixels = |length: i32| u32::try_from(length * resolution).unwrap_or(0);
    (pixels(NAMES + panels * (PANEL + GAP)), pixels(HEAD + rows * ROW + FOOT))
}

/// Draws a chart.
pub fn draw<B>(chart: &Chart, area: &Area<B>, resolution: Resolution) -> anyhow::Result<()>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
{
    let canvas = Canvas { area, resolution };
    area.fill(&WHITE)?;
    canvas.text(&chart.title, (16, 14), Style { size: 20, bold: true, ..Style::PLAIN })?;
    let bottom = HEAD + ROW * i32::try_from(chart.contestants.len())?;
    canvas.text(&chart.footer, (16, bottom + 40), Style { size: 11, colour: FAINT, ..Style::PLAIN })?;
    for (row, contestant) in (0..).zip(&chart.contestants) {
        let place = (NAMES - 10, HEAD + row * ROW + ROW / 2);
        let style = Style { size: 13, anchor: Pos::new(HPos::Right, VPos::Center), ..Style::PLAIN };
        canvas.text(&contestant.to_string(), place, style)?;
    }
    for (column, panel) in (0..).zip(&chart.panels) {
        canvas.panel(chart, panel, NAMES + column * (PANEL + GAP), bottom)?;
    }
    area.present()?;
    Ok(())
}

impl<B> Canvas<'_, B>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
{
    fn panel(&self, chart: &Chart, panel: &Panel, left: i32, bottom: i32) -> anyhow::Result<()> {
        let largest = panel.values.iter().flatten().map(|spread| spread.max).fold(0.0, f64::max);
        let scale = Scale::new(largest, PANEL - VALUE);
        self.text(&panel.title, (left, 44), Style { size: 14, bold: true, ..Style::PLAIN })?;
        self.text(panel.hint, (left, 62), Style { size: 11, colour: FAINT, ..Style::PLAIN })?;
        for value in scale.lines() {
            let x = left + scale.position(value);
            self.line((x, HEAD - 4), (x, bottom + 4), GRID)?;
            let style =
                Style { size: 11, colour: FAINT, anchor: Pos::new(HPos::Center, VPos::Top), ..Style::PLAIN };
            self.text(&scale.label(value), (x, bottom + 8), style)?;
        }
        for ((row, contestant), spread) in (0..).zip(&chart.contestants).zip(&panel.values) {
            let middle = HEAD + row * ROW + ROW / 2;
            match spread {
                Some(spread) => {
                    self.bar(spread, &scale, (left, middle), colour::of(*contestant), panel.decimals)?;
                }
                None => self.text("not measured", (left + 6, middle), Style::BESIDE)?,
            }
        }
        self.line((left, HEAD - 4), (left, bottom + 4), INK)
    }

    fn bar(
        &self,
        spread: &Spread,
        scale: &Scale,
        (left, middle): (i32, i32),
        colour: RGBColor,
        decimals: usize,
    ) -> anyhow::Result<()> {
        let x = |value: f64| left + scale.position(value.max(0.0));
        let corners = [(left, middle - BAR / 2), (x(spread.median), middle + BAR / 2)];
        let corners = corners.map(|corner| self.pixel(corner));
        self.area.draw(&Rectangle::new(corners, colour.filled()))?;
        if spread.min < spread.max {
            self.line((x(spread.min), middle), (x(spread.max), middle), INK)?;
            for end in [spread.min, spread.max] {
                self.line((x(end), middle - WHISKER), (x(end), middle + WHISKER), INK)?;
            }
        }
        let value = format!("{:.decimals$}", spread.median);
        self.text(&value, (x(spread.max.max(spread.median)) + 6, middle), Style::BESIDE)
    }

    fn line(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) -> anyhow::Result<()> {
        let width = u32::try_from(self.resolution.0)?;
        let path = vec![self.pixel(from), self.pixel(to)];
        Ok(self.area.draw(&PathElement::new(path, colour.stroke_width(width)))?)
    }

    fn text(&self, text: &str, place: (i32, i32), style: Style) -> anyhow::Result<()> {
        let weight = if style.bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = (FAMILY, style.size * self.resolution.0, weight).into_font();
        let style = TextStyle::from(font).color(&style.colour).pos(style.anchor);
        Ok(self.area.draw(&Text::new(text.to_owned(), self.pixel(place), style))?)
    }

    fn pixel(&self, (x, y): (i32, i32)) -> (i32, i32) {
        (x * self.resolution.0, y * self.resolution.0)
    }
}

/// How a text looks.
#[derive(Clone, Copy)]
struct Style {
    size: i32,
    bold: bool,
    colour: RGBColor,
    /// Which point of the text is at its place.
    anchor: Pos,
}

impl Style {
    const PLAIN: Self =
        Self { size: 13, bold: false, colour: INK, anchor: Pos { h_pos: HPos::Left, v_pos: VPos::Top } };
    /// At the end of a bar.
    const BESIDE: Self =
        Self { size: 12, anchor: Pos { h_pos: HPos::Left, v_pos: VPos::Center }, ..Self::PLAIN };
}
