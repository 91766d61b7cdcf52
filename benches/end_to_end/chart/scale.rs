//! An axis from zero with round numbers on it.

/// Values on it, and how many pixels they take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    step: f64,
    end: f64,
    width: f64,
}

/// About so many lines.
const LINES: f64 = 4.0;

impl Scale {
    /// For values up to `largest`, on so many pixels.
    pub fn new(largest: f64, width: i32) -> Self {
        let rough = largest.max(f64::MIN_POSITIVE) / LINES;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|&step| step >= rough);
        let step = step.unwrap_or(rough);
        Self { step, end: (largest / step).ceil().max(1.0) * step, width: f64::from(width) }
    }

    /// Where a value is, in pixels from zero.
    #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
    pub fn position(&self, value: f64) -> i32 {
        (value / self.end * self.width).round() as i32
    }

    /// The values with lines.
    pub fn lines(&self) -> impl Iterator<Item = f64> {
        let Self { step, end, .. } = *self;
        (0_u32..).map(move |number| f64::from(number) * step).take_while(move |&value| value <= end * 1.001)
    }

    /// The text beside a line.
    pub fn label(&self, value: f64) -> String {
        match self.step {
            step if step >= 1000.0 => format!("{}k", value / 1000.0),
            step if step >= 1.0 => format!("{value:.0}"),
            step if step >= 0.1 => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        }
    }
}
