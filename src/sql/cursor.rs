//! Reading a statement's words one after the other, where its grammar is simple enough for that.

use super::keyword::Keyword;
use super::lexer::{Lexer, Token, TokenKind};

/// A place in a text: the token that is looked at, and what follows it.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    lexer: Lexer<'a>,
    token: Option<Token>,
}

impl<'a> Cursor<'a> {
    /// A cursor at the first token that `lexer` gives.
    pub(super) fn new(mut lexer: Lexer<'a>) -> Self {
        let token = lexer.significant();
        Self { lexer, token }
    }

    /// The token at the cursor.
    pub(super) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// What kind of token is at the cursor.
    pub(super) fn kind(&self) -> Option<TokenKind> {
        self.token.as_ref().map(|token| token.kind)
    }

    /// The bytes of the token at the cursor; none at the end.
    pub(super) fn text(&self) -> &'a [u8] {
        self.token.as_ref().map_or(&[], |token| self.lexer.text(token))
    }

    /// The keyword at the cursor, if it is one.
    pub(super) fn keyword(&self) -> Option<Keyword> {
        (self.kind() == Some(TokenKind::Word)).then(|| Keyword::of(self.text()))?
    }

    /// Whether the statement ends here.
    pub(super) fn is_at_end(&self) -> bool {
        matches!(self.kind(), None | Some(TokenKind::Semicolon))
    }

    /// Goes on to the next token.
    pub(super) fn pass(&mut self) {
        self.token = self.lexer.significant();
    }

    /// Goes on if one of these keywords is here; whether it did.
    pub(super) fn accept(&mut self, keywords: &[Keyword]) -> bool {
        let here = self.keyword().is_some_and(|keyword| keywords.contains(&keyword));
        if here {
            self.pass();
        }
        here
    }

    /// Goes on if a token of this kind is here; whether it did.
    pub(super) fn accept_kind(&mut self, kind: TokenKind) -> bool {
        let here = self.kind() == Some(kind);
        if here {
            self.pass();
        }
        here
    }

    /// Reads a name, with quotes or without; `None` if something else is here, or bytes that are not UTF-8.
    pub(super) fn name(&mut self) -> Option<String> {
        let name = match self.kind()? {
            TokenKind::Word => unescaped(self.text(), None),
            TokenKind::QuotedName => unquoted(self.text()),
            _ => None,
        };
        self.pass();
        name
    }
}

/// What is between the quotes of a string or name, without doubled quotes; `None` for anything that is more than that.
pub(super) fn unquoted(text: &[u8]) -> Option<String> {
    match text {
        [quote, inner @ .., end] if quote == end => unescaped(inner, Some(*quote)),
        _ => None,
    }
}

fn unescaped(text: &[u8], quote: Option<u8>) -> Option<String> {
    let text = str::from_utf8(text).ok()?;
    Some(match quote {
        Some(quote) if text.as_bytes().contains(&quote) => {
            let quote = char::from(quote);
            text.replace(&format!("{quote}{quote}"), &quote.to_string())
        }
        _ => text.to_owned(),
    })
}
