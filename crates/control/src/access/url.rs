//! No secrets in URLs: those end up in logs, histories and proxies.

use crate::problem::Problem;
use crate::settings::Token;
use axum::http::{StatusCode, Uri};

/// # Errors
/// 400 if a parameter is named like a secret, or there is a user in the URL.
pub(super) fn check(uri: &Uri) -> Result<(), Problem> {
    let has_secret = parameters(uri).any(|(name, _)| is_named_like_a_secret(name));
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if has_secret || has_user { Err(refusal()) } else { Ok(()) }
}

/// Only for who has logged in: to others, the answer would tell whether a token that they guess is one, as often as
/// they like.
///
/// # Errors
/// 400 if a parameter has a token as its value.
pub(super) fn check_values(uri: &Uri, tokens: &[Token]) -> Result<(), Problem> {
    let is_token = |value: &str| tokens.iter().any(|token| token.hash.is_of(value.as_bytes()));
    if parameters(uri).any(|(_, value)| is_token(value)) { Err(refusal()) } else { Ok(()) }
}

/// Names and values; a parameter without a value is both.
fn parameters(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    let query = uri.query().unwrap_or_default();
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, part)))
}

fn refusal() -> Problem {
    tracing::warn!("HTTP: refused a request with a secret in its URL");
    Problem::new(
        StatusCode::BAD_REQUEST,
        "a secret does not belong in a URL, where logs and proxies keep it: send it in the header Authorization: Bearer \
         TOKEN, and replace this one if it is real",
    )
}

fn is_named_like_a_secret(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "token",
        "accesstoken",
        "authtoken",
        "apikey",
        "key",
        "secret",
        "password",
        "passwd",
        "pwd",
        "authorization",
    ];
    let letters: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    NAMES.contains(&letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Role, TokenHash};

    #[test]
    fn secrets_are_found() {
        const TOKEN: &str = "3f2a90c1d4e5f60718293a4b5c6d7e8f";
        let hash = TokenHash::of(TOKEN).unwrap();
        let tokens = [Token { name: "a".into(), hash, role: Role::Viewer }];
        let check = |uri: &str| {
            let uri: Uri = uri.parse().unwrap();
            check(&uri).and_then(|()| check_values(&uri, &tokens))
        };
        for good in
            ["/", "/metrics?", "/api/v1/refusals?after=7&limit=100&study=1.2.3", "/x?monkey=1&&"]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        let with_token = [format!("/?x={TOKEN}"), format!("/?{TOKEN}"), format!("/?a=b&c={TOKEN}")];
        let with_token = with_token.iter().map(String::as_str);
        for bad in with_token.chain([
            "/metrics?token=x",
            "/?access_token=x",
            "/?a=b&API-Key=x",
            "/?password",
            "/?Authorization=Basic",
            "http://user:pw@localhost/",
        ]) {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
