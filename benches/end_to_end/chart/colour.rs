//! A contestant's colour: its program's, lighter in plaintext.

use plotters::style::RGBColor;

use crate::contestant::{Contestant, Mode, Program, Transport};

/// Text and axes.
pub const INK: RGBColor = RGBColor(38, 43, 51);
/// What is less important.
pub const FAINT: RGBColor = RGBColor(118, 126, 138);
/// Lines of the grid.
pub const GRID: RGBColor = RGBColor(226, 229, 234);

/// How much of the distance to white a plaintext contestant goes.
const LIGHTER: f64 = 0.45;

/// The colour of a contestant's bars.
pub fn of(contestant: Contestant) -> RGBColor {
    let colour = of_program(contestant.program);
    match contestant.transport {
        Transport::Tls => colour,
        // There is no other HAProxy.
        Transport::Plaintext if contestant == Contestant::HAPROXY => colour,
        Transport::Plaintext => lighter(colour),
    }
}

fn of_program(program: Program) -> RGBColor {
    match program {
        Program::Direct => RGBColor(110, 117, 128),
        Program::Floor => RGBColor(45, 108, 176),
        Program::Haproxy => RGBColor(224, 142, 38),
        Program::Proxysql { .. } => RGBColor(184, 60, 60),
        Program::Sealock(setup) if setup.mode == Mode::Session => RGBColor(58, 158, 128),
        Program::Sealock(_) => RGBColor(14, 106, 84),
        Program::Baseline(setup) if setup.mode == Mode::Session => RGBColor(160, 120, 190),
        Program::Baseline(_) => RGBColor(112, 70, 150),
    }
}

fn lighter(RGBColor(red, green, blue): RGBColor) -> RGBColor {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
    let mix = |part: u8| (f64::from(part) + (255.0 - f64::from(part)) * LIGHTER) as u8;
    RGBColor(mix(red), mix(green), mix(blue))
}
