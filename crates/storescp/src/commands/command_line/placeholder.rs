//! The placeholders of a command line: `#p #f #a #c #r`.

use std::fmt;

/// What a value can be put in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Placeholder {
    /// `#p`
    Directory,
    /// `#f`
    File,
    /// `#a`
    CallingAe,
    /// `#c`
    CalledAe,
    /// `#r`
    Host,
}

impl Placeholder {
    pub(in crate::commands) const ALL: [Self; 5] =
        [Self::Directory, Self::File, Self::CallingAe, Self::CalledAe, Self::Host];

    fn letter(self) -> u8 {
        match self {
            Self::Directory => b'p',
            Self::File => b'f',
            Self::CallingAe => b'a',
            Self::CalledAe => b'c',
            Self::Host => b'r',
        }
    }

    /// Whether a peer chooses the whole of its value.
    pub(in crate::commands) fn is_from_peer(self) -> bool {
        !matches!(self, Self::Directory | Self::File)
    }

    /// The environment variable that has the same value.
    pub(in crate::commands) fn variable(self) -> &'static str {
        match self {
            Self::Directory => "STORESCP_PATH",
            Self::File => "STORESCP_FILE",
            Self::CallingAe => "STORESCP_CALLING_AE",
            Self::CalledAe => "STORESCP_CALLED_AE",
            Self::Host => "STORESCP_PEER_NAME",
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", char::from(self.letter()))
    }
}

/// One byte of a command line, or a placeholder that a value takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Token {
    Byte(u8),
    Value(Placeholder),
}

/// A command line, with those of the placeholders that are `known`; others are text.
pub(in crate::commands) fn tokens(text: &[u8], known: &[Placeholder]) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let letter = after.first().copied().filter(|_| byte == b'#');
        let found = letter.and_then(|letter| known.iter().find(|known| known.letter() == letter));
        match found {
            Some(&placeholder) => tokens.push(Token::Value(placeholder)),
            None => tokens.push(Token::Byte(byte)),
        }
        rest = &rest[1 + usize::from(found.is_some())..];
    }
    tokens
}

/// A value that a peer chooses.
pub(in crate::commands) fn from_peer(tokens: &[Token]) -> Option<Placeholder> {
    tokens.iter().find_map(|token| match token {
        Token::Value(placeholder) if placeholder.is_from_peer() => Some(*placeholder),
        _ => None,
    })
}
