//! Splits SQL text into tokens where MariaDB's lexer does (behaviour measured on 10.11).
//!
//! Tokens cover the text without gap or overlap, space and comments included, so any token can be replaced in place.
//! Nothing is allocated and nothing is unescaped. What the server would refuse (a string without its end, a stray NUL) still
//! gives tokens: the server is the one to say so.

use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use super::SqlMode;
use super::multibyte::Multibyte;

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it is, in bytes.
    pub range: Range<usize>,
}

/// Kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// White space.
    Space,
    /// A comment whose content is not executed, with its delimiters.
    Comment,
    /// `/*!`, `/*!50101`, `/*M!100101` or the `*/` that ends it; what stands between them is SQL.
    Marker,
    /// A keyword or a name without quotes.
    Word,
    /// A name in back-ticks, or in double quotes under `ANSI_QUOTES`; with its quotes.
    QuotedName,
    /// A string with its quotes, and with the `N` of a national one.
    String,
    /// A number: decimal, `0x…`, `0b…`, `x'…'` or `b'…'`.
    Number,
    /// `@name`, or `@` and a quoted name.
    UserVariable,
    /// `@@name`; the parts after a dot are tokens of their own.
    SystemVariable,
    /// `?`.
    Parameter,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
    /// `.`.
    Dot,
    /// `;`.
    Semicolon,
    /// One character of an operator.
    Operator,
    /// A byte that starts no token.
    Unknown,
}

impl TokenKind {
    /// Whether the parser never sees it.
    pub fn is_trivia(self) -> bool {
        matches!(self, Self::Space | Self::Comment | Self::Marker)
    }
}

/// An iterator over the tokens of a text; cloning it is how to look ahead.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a [u8],
    position: usize,
    mode: SqlMode,
    /// Inside `/*! … */`. These do not nest: the first `*/` ends it.
    executable: bool,
    /// The last token is a string, name or comment whose end is missing.
    unclosed: bool,
}

impl<'a> Lexer<'a> {
    /// A lexer at the start of `text`.
    pub fn new(text: &'a [u8], mode: SqlMode) -> Self {
        Self { text, position: 0, mode, executable: false, unclosed: false }
    }

    /// The bytes of a token of this lexer's text.
    pub fn text(&self, token: &Token) -> &'a [u8] {
        self.text.get(token.range.clone()).unwrap_or_default()
    }

    /// How far it has come, in bytes.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The next token that the parser sees.
    #[inline]
    pub fn significant(&mut self) -> Option<Token> {
        loop {
            let token = self.next()?;
            if !token.kind.is_trivia() {
                return Some(token);
            }
        }
    }

    /// Whether the text, which was read to its end, lacks the end of a string, name or comment.
    pub(super) fn is_unclosed(&self) -> bool {
        self.unclosed || self.executable
    }

    /// Whether a name or string ends right where `token` starts.
    pub(super) fn is_attached(&self, token: &Token) -> bool {
        let before = token.range.start.checked_sub(1).and_then(|at| self.text.get(at));
        before.is_some_and(|byte| is_word(*byte) || matches!(byte, b'\'' | b'"' | b'`'))
    }

    fn byte(&self, offset: usize) -> u8 {
        self.text.get(self.position + offset).copied().unwrap_or(0)
    }

    fn rest(&self, offset: usize) -> &'a [u8] {
        self.text.get(self.position + offset..).unwrap_or_default()
    }

    /// Kind and length of the token at the position.
    fn scan(&mut self, first: u8) -> (TokenKind, usize) {
        match first {
            b' ' | b'\t'..=b'\r' => (TokenKind::Space, self.run(0, is_space)),
            b'\'' => (TokenKind::String, self.quoted(0, b'\'')),
            b'"' if !self.mode.ansi_quotes => (TokenKind::String, self.quoted(0, b'"')),
            b'"' | b'`' => (TokenKind::QuotedName, self.quoted(0, first)),
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => (TokenKind::Number, self.fraction(0)),
            b'@' => self.variable(),
            b'#' => (TokenKind::Comment, self.line()),
            b'-' if self.byte(1) == b'-' && ends_dashes(self.byte(2)) => (TokenKind::Comment, self.line()),
            b'/' if self.byte(1) == b'*' => self.comment(),
            b'*' if self.executable && self.byte(1) == b'/' => {
                self.executable = false;
                (TokenKind::Marker, 2)
            }
            _ if is_word(first) => self.word(first),
            _ => (symbol(first), 1),
        }
    }

    /// Length of the run of bytes that satisfy `belongs`, counted from the position, starting at `from`.
    fn run(&self, from: usize, belongs: impl Fn(u8) -> bool) -> usize {
        from + self.rest(from).iter().take_while(|byte| belongs(**byte)).count()
    }

    fn word(&self, first: u8) -> (TokenKind, usize) {
        match (first, self.byte(1)) {
            (b'n' | b'N', b'\'') => (TokenKind::String, self.quoted(1, b'\'')),
            (b'x' | b'X' | b'b' | b'B', b'\'') => {
                let digits = self.rest(2);
                (TokenKind::Number, memchr(b'\'', digits).map_or(UNCLOSED, |end| end + 3))
            }
            _ => (TokenKind::Word, self.name(0)),
        }
    }

    /// Length up to the end of a name without quotes, counted from the position; it goes on at `from`.
    fn name(&self, from: usize) -> usize {
        if self.mode.multibyte == Multibyte::None {
            return self.run(from, is_word);
        }
        let mut at = from;
        while is_word(self.byte(at)) {
            at += self.character(at);
        }
        at
    }

    /// Length of the character at `offset`, as far as it matters.
    fn character(&self, offset: usize) -> usize {
        1 + usize::from(self.mode.multibyte.starts_pair(self.rest(offset)))
    }

    /// A number, or a name that starts with digits.
    fn number(&self) -> (TokenKind, usize) {
        let len = match (self.byte(0), self.byte(1)) {
            (b'0', b'x') if self.byte(2).is_ascii_hexdigit() => self.run(2, |byte| byte.is_ascii_hexdigit()),
            (b'0', b'b') if is_binary(self.byte(2)) => self.run(2, is_binary),
            _ => {
                let digits = self.run(1, |byte| byte.is_ascii_digit());
                match self.byte(digits) {
                    b'.' => return (TokenKind::Number, self.fraction(digits)),
                    b'e' | b'E' => match self.exponent(digits) {
                        0 => digits,
                        len => return (TokenKind::Number, digits + len),
                    },
                    _ => digits,
                }
            }
        };
        let word = self.name(len);
        if word == len { (TokenKind::Number, len) } else { (TokenKind::Word, word) }
    }

    /// Length up to the end of the fraction whose point is at `point`, exponent included.
    fn fraction(&self, point: usize) -> usize {
        let end = self.run(point + 1, |byte| byte.is_ascii_digit());
        end + self.exponent(end)
    }

    /// Length of the exponent at `from`; 0 if there is none.
    fn exponent(&self, from: usize) -> usize {
        if !matches!(self.byte(from), b'e' | b'E') {
            return 0;
        }
        let sign = usize::from(matches!(self.byte(from + 1), b'+' | b'-'));
        if !self.byte(from + 1 + sign).is_ascii_digit() {
            return 0;
        }
        self.run(from + 1 + sign, |byte| byte.is_ascii_digit()) - from
    }

    fn variable(&self) -> (TokenKind, usize) {
        let (kind, sigils) = match self.byte(1) {
            b'@' => (TokenKind::SystemVariable, 2),
            _ => (TokenKind::UserVariable, 1),
        };
        let len = match self.byte(sigils) {
            quote @ b'`' => self.quoted(sigils, quote),
            quote @ (b'\'' | b'"') if kind == TokenKind::UserVariable => self.quoted(sigils, quote),
            _ if kind == TokenKind::UserVariable => self.run(sigils, |byte| is_word(byte) || byte == b'.'),
            _ => self.run(sigils, is_word),
        };
        if len == sigils { (TokenKind::Unknown, sigils) } else { (kind, len) }
    }

    /// Length up to the end of what is quoted from `open` on, or [`UNCLOSED`].
    fn quoted(&self, open: usize, quote: u8) -> usize {
        let names = quote == b'`' || (quote == b'"' && self.mode.ansi_quotes);
        let escapes = !names && !self.mode.no_backslash_escapes;
        let mut at = open + 1;
        loop {
            let rest = self.rest(at);
            let found = match (self.mode.multibyte, escapes) {
                (Multibyte::None, true) => memchr2(quote, b'\\', rest),
                (Multibyte::None, false) => memchr(quote, rest),
                _ => self.special(at, quote, escapes),
            };
            let Some(offset) = found else { return UNCLOSED };
            let pair = rest.get(offset + 1);
            at += offset + 1;
            if rest.get(offset) != Some(&quote) {
                at += usize::from(pair.is_some());
            } else if pair == Some(&quote) {
                at += 1;
            } else {
                return at;
            }
        }
    }

    /// Where the quote comes next, or a backslash if it escapes, stepping over whole characters; counted from `from`.
    fn special(&self, from: usize, quote: u8, escapes: bool) -> Option<usize> {
        let mut at = from;
        loop {
            let byte = *self.text.get(self.position + at)?;
            if byte == quote || (escapes && byte == b'\\') {
                return Some(at - from);
            }
            at += self.character(at);
        }
    }

    /// Length of a comment that ends with its line; the line feed stays outside.
    fn line(&self) -> usize {
        let rest = self.rest(0);
        memchr(b'\n', rest).unwrap_or(rest.len())
    }

    /// A comment, or the start of an executable one.
    fn comment(&mut self) -> (TokenKind, usize) {
        let (bang, mariadb) = match (self.byte(2), self.byte(3)) {
            (b'!', _) => (3, false),
            (b'M', b'!') => (4, true),
            _ => return (TokenKind::Comment, self.block(2, Nesting::None)),
        };
        let digits = self.run(bang, |byte| byte.is_ascii_digit()).min(bang + 6);
        if digits < bang + 5 {
            self.executable = true;
            return (TokenKind::Marker, bang);
        }
        let version = self.text.get(self.position + bang..self.position + digits).unwrap_or_default();
        let version = version.iter().fold(0, |value: u32, digit| value * 10 + u32::from(digit - b'0'));
        // Numbers of MySQL's releases from 5.7 on are not MariaDB's.
        let foreign = !mariadb && (50_700..=99_999).contains(&version);
        if foreign || version > self.mode.version {
            return (TokenKind::Comment, self.block(digits, Nesting::Once));
        }
        self.executable = true;
        (TokenKind::Marker, digits)
    }

    /// Length up to the `*/` that ends a comment whose content starts at `from`, or [`UNCLOSED`].
    fn block(&self, from: usize, nesting: Nesting) -> usize {
        let mut at = from;
        loop {
            let rest = self.rest(at);
            let Some(end) = memmem::find(rest, b"*/") else { return UNCLOSED };
            let inner = match nesting {
                Nesting::None => None,
                Nesting::Once => memmem::find(rest.get(..end).unwrap_or_default(), b"/*"),
            };
            let Some(inner) = inner else { return at + end + 2 };
            at = self.block(at + inner + 2, Nesting::None);
            if at == UNCLOSED {
                return at;
            }
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        let first = *self.text.get(self.position)?;
        let start = self.position;
        let (kind, len) = self.scan(first);
        self.unclosed = len == UNCLOSED;
        self.position = start.saturating_add(len).min(self.text.len());
        Some(Token { kind, range: start..self.position })
    }
}

/// The length of what has no end: it reaches to the end of the text.
const UNCLOSED: usize = usize::MAX;

/// Whether `/*` counts inside a comment: only in one that is skipped for its version, and only one level deep.
#[derive(Clone, Copy)]
enum Nesting {
    None,
    Once,
}

fn symbol(byte: u8) -> TokenKind {
    match byte {
        b'(' => TokenKind::Open,
        b')' => TokenKind::Close,
        b',' => TokenKind::Comma,
        b'.' => TokenKind::Dot,
        b';' => TokenKind::Semicolon,
        b'?' => TokenKind::Parameter,
        b'+' | b'-' | b'*' | b'/' | b'%' | b'=' | b'<' | b'>' | b'!' | b'&' | b'|' | b'^' | b'~' | b':' => {
            TokenKind::Operator
        }
        _ => TokenKind::Unknown,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

fn is_binary(byte: u8) -> bool {
    matches!(byte, b'0' | b'1')
}

/// Whether `--` before this byte is a comment: white space, a control character, or (as 0) the end of the text.
fn ends_dashes(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_control()
}
