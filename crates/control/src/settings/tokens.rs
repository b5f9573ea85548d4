//! Tokens, of which only a hash is kept.

use crate::error::Error;
use crate::limits::TOKEN_CHARACTERS;
use std::fmt;

/// The SHA-256 of a token. Tokens are random and long, so a fast hash does.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of a token in the clear, as it is in a file or an environment variable. White space around it does not count.
    ///
    /// # Errors
    /// [`Error::Token`] if it is shorter than [`TOKEN_CHARACTERS`], or has other characters than a header may.
    pub fn of(token: &str) -> Result<Self, Error> {
        let token = token.trim();
        let fault = |what| {
            let reason = format!("a token {what}; make one with: openssl rand -hex 32");
            Err(Error::Token { reason })
        };
        if token.len() < TOKEN_CHARACTERS {
            return fault(format!(
                "has {} characters, fewer than {TOKEN_CHARACTERS}",
                token.chars().count()
            ));
        }
        // RFC 6750 §2.1.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !token.bytes().all(is_allowed) {
            return fault("has characters other than letters, digits and -._~+/=".to_owned());
        }
        Ok(Self(openssl::sha::sha256(token.as_bytes())))
    }

    /// From 64 hexadecimal digits, as `printf %s TOKEN | sha256sum` prints them.
    ///
    /// # Errors
    /// [`Error::Token`] if it is something else.
    pub fn from_hex(digits: &str) -> Result<Self, Error> {
        let fault = || {
            Error::Token {
            reason: "the SHA-256 of a token has 64 hexadecimal digits; make it with: printf %s TOKEN | sha256sum"
                .to_owned(),
        }
        };
        let digits = digits.trim();
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(fault());
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| fault())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| fault())?;
        }
        Ok(Self(hash))
    }

    /// Whether this is the hash of the token; takes the same time whether or not.
    pub(crate) fn is_of(&self, token: &[u8]) -> bool {
        openssl::memcmp::eq(&self.0, &openssl::sha::sha256(token))
    }
}

/// The hash is not shown: of a token that is not random, it would tell.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let token = "3f2a90c1d4e5f60718293a4b5c6d7e8f";
        let hash = TokenHash::of(&format!(" {token}\n")).unwrap();
        assert!(hash.is_of(token.as_bytes()));
        assert!(!hash.is_of(&token.as_bytes()[1..]));
        assert!(!format!("{hash:?}").contains("3f2a"));
        // printf %s abc | sha256sum
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(TokenHash::from_hex(hex).unwrap().is_of(b"abc"));
        assert_eq!(
            TokenHash::from_hex(hex).unwrap(),
            TokenHash::from_hex(&hex.to_uppercase()).unwrap()
        );
    }

    #[test]
    fn weak_tokens_and_malformed_hashes_are_refused_with_what_to_do() {
        for token in ["", "secret", "1234567890123456789", "not a token at all, is it?"] {
            let error = TokenHash::of(token).unwrap_err().to_string();
            assert!(error.contains("openssl rand -hex 32"), "{error}");
            assert!(token.is_empty() || !error.contains(token), "{error}");
        }
        for digits in ["", "ba78", &"g".repeat(64), &"é".repeat(32)] {
            let error = TokenHash::from_hex(digits).unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
    }
}
