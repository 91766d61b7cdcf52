//! Where tokens start and end.

use proptest::prelude::*;

use crate::sql::SqlMode;
use crate::sql::lexer::{Lexer, TokenKind};
use crate::sql::multibyte::Multibyte;

fn tokens(text: &str) -> Vec<(TokenKind, &str)> {
    tokens_in(text, SqlMode::default())
}

/// Everything but white space.
fn tokens_in(text: &str, mode: SqlMode) -> Vec<(TokenKind, &str)> {
    let lexer = Lexer::new(text.as_bytes(), mode).filter(|token| token.kind != TokenKind::Space);
    lexer.map(|token| (token.kind, &text[token.range])).collect()
}

/// The kind of the one token that `text` is; `Unknown` when it is several.
fn only(text: &str) -> TokenKind {
    match tokens(text)[..] {
        [(kind, _)] => kind,
        _ => TokenKind::Unknown,
    }
}

#[test]
fn quotes_end_where_the_server_ends_them() {
    for text in [r"'a''b'", r"'a\'b'", r#""x""y""#, r#""a\"b""#, "N'a'", "n'it''s'", r"'\\'", "'é'"] {
        assert_eq!(only(text), TokenKind::String, "{text}");
    }
    for text in ["`a``b`", r"`a\`"] {
        assert_eq!(only(text), TokenKind::QuotedName, "{text}");
    }
    assert_eq!(tokens("'a' 'b'").len(), 2);
}

#[test]
fn sql_modes_change_what_quotes_and_backslashes_mean() {
    let ansi = SqlMode { ansi_quotes: true, ..SqlMode::default() };
    assert_eq!(tokens_in(r#""a\" x"#, ansi)[0], (TokenKind::QuotedName, r#""a\""#));
    let plain = SqlMode { no_backslash_escapes: true, ..SqlMode::default() };
    assert_eq!(tokens_in(r"'a\' x", plain)[0], (TokenKind::String, r"'a\'"));
}

#[test]
fn numbers_are_told_from_names_that_start_with_digits() {
    for text in ["1", "1.5e-3", ".5", "1.", "1e5", "1E+5", "0x41", "0b01", "x'41'", "B'1'", "1.e1"] {
        assert_eq!(only(text), TokenKind::Number, "{text}");
    }
    for text in ["1a", "1e", "0X41", "0xZ", "0x41g", "0b2", "$a", "ü", "a$1", "e1", "123abc"] {
        assert_eq!(only(text), TokenKind::Word, "{text}");
    }
}

#[test]
fn variables_are_one_token_with_their_sigil() {
    for text in ["@a", "@`a b`", "@'x y'", r#"@"q""#, "@a.b", "@$x", r"@'c\''"] {
        assert_eq!(only(text), TokenKind::UserVariable, "{text}");
    }
    for text in ["@@version", "@@`autocommit`"] {
        assert_eq!(only(text), TokenKind::SystemVariable, "{text}");
    }
    assert_eq!(tokens("@@session.x")[0], (TokenKind::SystemVariable, "@@session"));
    assert_eq!(tokens("@ a")[0], (TokenKind::Unknown, "@"));
}

#[test]
fn two_dashes_are_a_comment_before_space_control_or_the_end() {
    for text in ["-- x", "--\tx", "--\u{1}x", "--\u{7f}x", "--"] {
        assert_eq!(only(text), TokenKind::Comment, "{text:?}");
    }
    assert_eq!(tokens("1--1").len(), 4, "minus minus one");
    assert_eq!(tokens("10--\n*3").len(), 4, "the comment ends at once");
    assert_eq!(tokens("# a\rb\nc").len(), 2, "a carriage return ends no line");
}

#[test]
fn what_has_no_end_is_told() {
    for text in [
        "'a",
        "'a\\'",
        "`a",
        "\"",
        "x'41",
        "/* a",
        "@'a",
        "/*! 1",
        "/*!999999 a",
        "/*!999999 /* a */",
        "1 'a",
    ] {
        let mut lexer = Lexer::new(text.as_bytes(), SqlMode::default());
        lexer.by_ref().for_each(drop);
        assert!(lexer.is_unclosed(), "{text}");
    }
    for text in [
        "'a'",
        "`a`",
        "x'41'",
        "/* a */",
        "-- a",
        "/*! 1 */",
        "'a' 1",
        "'a''b'",
        "@'a'",
        "/*!999999 /* a */ */",
    ] {
        let mut lexer = Lexer::new(text.as_bytes(), SqlMode::default());
        lexer.by_ref().for_each(drop);
        assert!(!lexer.is_unclosed(), "{text}");
    }
}

#[test]
fn a_character_of_two_bytes_is_not_taken_apart() {
    let sjis = SqlMode { multibyte: Multibyte::Sjis, ..SqlMode::default() };
    for (text, kind) in [
        (&b"'\x95\\'"[..], TokenKind::String),
        (b"'\x81\\'';'", TokenKind::String),
        (b"`\x95``", TokenKind::QuotedName),
        (b"\x95`", TokenKind::Word),
        (b"a\x95A\x95\\", TokenKind::Word),
    ] {
        let tokens: Vec<_> = Lexer::new(text, sjis).map(|token| token.kind).collect();
        assert_eq!(tokens, [kind], "{text:?}");
    }
}

#[test]
fn comments_do_not_nest() {
    assert_eq!(tokens("/* a /* b */ 1"), [(TokenKind::Comment, "/* a /* b */"), (TokenKind::Number, "1")]);
    assert_eq!(only("/*/ + 1 */"), TokenKind::Comment);
    assert_eq!(only("/* never closed"), TokenKind::Comment);
}

#[test]
fn executable_comments_are_sql_between_markers() {
    for marker in ["/*!", "/*!50101", "/*!50699", "/*!100000", "/*M!", "/*M!50700", "/*M!100101"] {
        let text = format!("{marker} x */");
        let expected = [(TokenKind::Marker, marker), (TokenKind::Word, "x"), (TokenKind::Marker, "*/")];
        assert_eq!(tokens(&text), expected);
    }
    assert_eq!(tokens("/*!5010 x */")[1], (TokenKind::Number, "5010"), "a version has five digits or six");
    assert_eq!(tokens("/*! '*/' x */")[1], (TokenKind::String, "'*/'"));
    assert_eq!(tokens("/*! 1 /* x */ + 2 */").len(), 6, "a comment inside is a comment");
    assert_eq!(tokens("/*! 1 -- */ \n */").len(), 4, "a line comment hides the end");
    assert_eq!(tokens("1 */").len(), 3, "without a start there is no end");
}

#[test]
fn executable_comments_for_other_servers_are_comments() {
    let text = ["/*!50700 x */", "/*!99999 x */", "/*!999999 x */", "/*M!999999\\- x */", "/*m!100101 x */"];
    for text in text {
        assert_eq!(only(text), TokenKind::Comment, "{text}");
    }
    assert_eq!(only("/*!999999 +1 /* x */ +1 */"), TokenKind::Comment, "these nest once");
    let old = SqlMode { version: 101_119, ..SqlMode::default() };
    assert_eq!(tokens_in("/*!101120 x */", old).len(), 1);
    assert_eq!(tokens_in("/*!101119 x */", old).len(), 3);
}

proptest! {
    #[test]
    fn tokens_cover_any_text_without_gap_or_overlap(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            proptest::collection::vec(proptest::sample::select(b"'\"`\\/*!M-#@.0e1xXnN5 \n;(".to_vec()), 0..60),
        ],
        ansi_quotes: bool,
        no_backslash_escapes: bool,
    ) {
        let mode = SqlMode { ansi_quotes, no_backslash_escapes, ..SqlMode::default() };
        let mut end = 0;
        for token in Lexer::new(&bytes, mode) {
            prop_assert_eq!(token.range.start, end);
            prop_assert!(token.range.end > end);
            end = token.range.end;
        }
        prop_assert_eq!(end, bytes.len());
    }
}
