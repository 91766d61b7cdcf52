//! Questions that take more than one token to answer.
//!
//! Each looks at the tokens that come next and leaves the lexer alone; none goes further than the next statement or, where
//! it may be asked more than once a statement, the next token that decides.

use super::keyword::Keyword;
use super::lexer::{Lexer, Token, TokenKind};
use super::names::{is_any, unquoted};

/// Whether no statement follows the one that the lexer is in.
pub(super) fn is_last(lexer: Lexer<'_>) -> bool {
    let mut rest =
        lexer.filter(|token| !token.kind.is_trivia()).skip_while(|token| token.kind != TokenKind::Semicolon);
    rest.all(|token| token.kind == TokenKind::Semicolon)
}

/// Whether a SELECT's FOUND_ROWS() may differ from its number of rows for this word behind its list, and what follows it: a set
/// operation, an offset (10.11).
pub(super) fn counts_otherwise(word: &[u8], mut next: Lexer<'_>) -> bool {
    if !word.eq_ignore_ascii_case(b"limit") {
        return is_any(word, &["union", "intersect", "except", "fetch"]);
    }
    let _ = next.significant();
    let behind = next.significant();
    behind
        .is_some_and(|token| token.kind == TokenKind::Comma || is_any(next.text(&token), &["offset", "rows"]))
}

/// The next token but space and comments; `None` at an executable comment's delimiters too: what is replaced must not hold one.
pub(super) fn plain(lexer: &mut Lexer<'_>) -> Option<Token> {
    let token = lexer.find(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))?;
    (token.kind != TokenKind::Marker).then_some(token)
}

/// The name of a system variable whose first token is `first` and which goes on with `next`, what follows it, and where it ends;
/// `None` for one of the server's globals.
pub(super) fn session_variable<'a>(
    mut lexer: Lexer<'a>,
    first: &Token,
    next: impl Fn(&mut Lexer<'a>) -> Option<Token>,
) -> Option<(&'a [u8], Lexer<'a>, usize)> {
    let name = unquoted(lexer.text(first).get(2..)?);
    if is_any(name, &["global"]) {
        return None;
    }
    if !is_any(name, &["session", "local"]) {
        return Some((name, lexer, first.range.end));
    }
    let (dot, part) = (next(&mut lexer)?, next(&mut lexer)?);
    let name = unquoted(lexer.text(&part));
    (dot.kind == TokenKind::Dot).then_some((name, lexer, part.range.end))
}

/// Whether `=` or `:=` comes next.
pub(super) fn is_assignment(mut lexer: Lexer<'_>) -> bool {
    lexer.significant().is_some_and(|token| matches!(lexer.text(&token), b"=" | b":"))
}

/// Whether `VALUE FOR` comes next.
pub(super) fn is_next_value(mut lexer: Lexer<'_>) -> bool {
    word(&mut lexer) == Some(Keyword::Value) && word(&mut lexer) == Some(Keyword::For)
}

/// Behind END, whether it ends something that is not counted as a block: IF, LOOP, WHILE, REPEAT, FOR.
pub(super) fn closes_uncounted(mut lexer: Lexer<'_>) -> bool {
    matches!(word(&mut lexer), Some(Keyword::If | Keyword::Block | Keyword::For))
}

/// Behind a name and its parenthesis, whether names and `) AS (` follow: then it is a WITH's table and its columns, no call.
pub(super) fn is_column_list(mut lexer: Lexer<'_>) -> bool {
    let listed =
        |token: &Token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Comma);
    let Some(end) = std::iter::from_fn(|| lexer.significant()).find(|token| !listed(token)) else {
        return false;
    };
    let as_word = end.kind == TokenKind::Close && word(&mut lexer) == Some(Keyword::As);
    as_word && lexer.significant().is_some_and(|token| token.kind == TokenKind::Open)
}

/// Behind JSON_TABLE, whether its arguments hold `COLUMNS (`: otherwise it is a call of a stored function of that name. Not found
/// among the next tokens means no.
pub(super) fn is_table_function(mut lexer: Lexer<'_>) -> bool {
    const AHEAD: usize = 64;
    let mut open = 0_usize;
    for _ in 0..AHEAD {
        let Some(token) = lexer.significant() else { return false };
        match token.kind {
            TokenKind::Open => open += 1,
            TokenKind::Close if open <= 1 => return false,
            TokenKind::Close => open -= 1,
            TokenKind::Word if open == 1 && is_any(lexer.text(&token), &["columns"]) => return true,
            _ if open == 0 => return false,
            _ => {}
        }
    }
    false
}

fn word(lexer: &mut Lexer<'_>) -> Option<Keyword> {
    let token = lexer.significant().filter(|token| token.kind == TokenKind::Word)?;
    Keyword::of(lexer.text(&token))
}
