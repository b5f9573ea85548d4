//! What a request logs in with (RFC 9110 §11).

use crate::limits::PASSWORD_BYTES;
use axum::http::{HeaderMap, header};

/// The header `Authorization`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    /// The request has no credentials.
    None,
    /// A token (RFC 6750 §2.1).
    Bearer(Vec<u8>),
    /// A user and a password (RFC 7617).
    Basic {
        /// As it was sent, perhaps unknown.
        user: String,
        /// As it was sent.
        password: Vec<u8>,
    },
    /// It cannot be understood.
    Malformed,
}

impl Credentials {
    /// Reads them.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Self::None };
        if values.next().is_some() {
            return Self::Malformed;
        }
        value.to_str().ok().and_then(Self::parse).unwrap_or(Self::Malformed)
    }

    fn parse(value: &str) -> Option<Self> {
        let (scheme, rest) = value.split_once(' ')?;
        let rest = rest.trim();
        if rest.is_empty() {
            return None;
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer(rest.as_bytes().to_vec()));
        }
        if !scheme.eq_ignore_ascii_case("basic") || rest.len() > 4 * PASSWORD_BYTES {
            return None;
        }
        let decoded = openssl::base64::decode_block(rest).ok()?;
        let colon = decoded.iter().position(|&byte| byte == b':')?;
        let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
        let password = decoded[colon + 1..].to_vec();
        (password.len() <= PASSWORD_BYTES).then_some(Self::Basic { user, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(values: &[&str]) -> Credentials {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        Credentials::of(&headers)
    }

    #[test]
    fn tokens_and_passwords_are_read() {
        assert_eq!(credentials(&[]), Credentials::None);
        assert_eq!(credentials(&["Bearer abc"]), Credentials::Bearer(b"abc".to_vec()));
        assert_eq!(credentials(&["bearer  abc "]), Credentials::Bearer(b"abc".to_vec()));
        let basic = |user: &str, password: &str| Credentials::Basic {
            user: user.to_owned(),
            password: password.as_bytes().to_vec(),
        };
        assert_eq!(credentials(&["Basic YWRtaW46c2VjcmV0"]), basic("admin", "secret"));
        assert_eq!(credentials(&["BASIC YTpiOmM="]), basic("a", "b:c"));
        assert_eq!(credentials(&["Basic Og=="]), basic("", ""));
    }

    #[test]
    fn the_rest_is_malformed() {
        let long = format!("Basic {}", openssl::base64::encode_block(&[b':'; 2000]));
        for value in [
            "",
            "Basic",
            "Bearer",
            "Bearer  ",
            "Basic !!!!",
            "Basic YWJj",
            "Digest x=y",
            "abc",
            &long,
        ] {
            assert_eq!(credentials(&[value]), Credentials::Malformed, "{value}");
        }
        assert_eq!(credentials(&["Bearer a", "Bearer b"]), Credentials::Malformed);
    }
}
