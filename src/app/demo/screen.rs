//! What the user sees: steps while the demo starts, then a line that changes.
//!
//! On a terminal a line is rewritten in place and the cursor waits at its beginning, so that a log line takes its place.
//! Elsewhere every text is a line of its own. Output that nobody reads any more is no reason to end.

use std::io::{IsTerminal as _, Write};
use std::time::Instant;

/// Clears from the cursor to the end of the line (ECMA-48, EL).
const CLEAR: &str = "\x1b[K";

/// Standard output, or a test's.
pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    kind: Kind,
    step: Option<(String, Instant)>,
}

/// Whether lines can be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They can.
    Terminal,
    /// A file, a pipe, or a terminal that can do nothing.
    Plain,
}

impl Screen {
    /// Standard output.
    pub(super) fn standard() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let kind = if std::io::stdout().is_terminal() && !dumb { Kind::Terminal } else { Kind::Plain };
        Self::new(Box::new(std::io::stdout()), kind)
    }

    fn new(out: Box<dyn Write + Send>, kind: Kind) -> Self {
        Self { out, kind, step: None }
    }

    /// Whether lines can be rewritten.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Something begins that takes a moment; what was under way is over.
    pub(super) fn step(&mut self, text: &str) {
        self.end();
        self.step = Some((text.to_owned(), Instant::now()));
        match self.kind {
            Kind::Terminal => self.tick(),
            Kind::Plain => self.write(&format!("  {text} ...\n")),
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self) {
        if let (Some((text, begun)), Kind::Terminal) = (&self.step, self.kind) {
            let line = format!("\r  {text} ... {:.1} s{CLEAR}\r", begun.elapsed().as_secs_f32());
            self.write(&line);
        }
    }

    /// What was under way is over.
    pub(super) fn end(&mut self) {
        self.tick();
        if self.step.take().is_some() && self.kind == Kind::Terminal {
            self.write("\n");
        }
    }

    /// A text that stays.
    pub(super) fn line(&mut self, text: &str) {
        self.end();
        match self.kind {
            Kind::Terminal => self.write(&format!("\r{CLEAR}{text}\n")),
            Kind::Plain => self.write(&format!("{text}\n")),
        }
    }

    /// A text that the next one replaces, where that is possible.
    pub(super) fn replace(&mut self, text: &str) {
        match self.kind {
            Kind::Terminal => self.write(&format!("\r{text}{CLEAR}\r")),
            Kind::Plain => self.write(&format!("{text}\n")),
        }
    }

    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<u8>>>);

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn seen(kind: Kind) -> String {
        let seen = Seen::default();
        let mut screen = Screen::new(Box::new(seen.clone()), kind);
        screen.step("one");
        screen.tick();
        screen.step("two");
        screen.line("done");
        screen.replace("live");
        let bytes = seen.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn without_a_terminal_every_text_is_one_line_and_nothing_is_rewritten() {
        assert_eq!(seen(Kind::Plain), "  one ...\n  two ...\ndone\nlive\n");
    }

    #[test]
    fn on_a_terminal_a_step_is_rewritten_in_place_and_stays_when_it_is_over() {
        let text = seen(Kind::Terminal);
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(lines.len(), 4, "{text:?}");
        assert!(lines[0].contains("\r  one ... 0.") && lines[1].contains("\r  two ... 0."), "{text:?}");
        assert!(lines[3].starts_with("\rlive") && lines[3].ends_with('\r'), "{text:?}");
    }
}
