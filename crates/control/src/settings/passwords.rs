//! Passwords, of which only a slow hash is kept: argon2id (RFC 9106) as a PHC string.

use crate::error::Error;
use crate::limits::{PASSWORD_BYTES, PASSWORD_KIB, PASSWORD_PASSES};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params};

/// The hash of a password, with a salt of its own: `$argon2id$v=19$m=19456,t=2,p=1$…`. Takes tens of milliseconds
/// and 19 MiB, on purpose.
///
/// # Errors
/// [`Error::Hash`] if the password is empty or longer than [`PASSWORD_BYTES`], or there is no random number.
pub fn hash_password(password: &str) -> Result<String, Error> {
    if password.is_empty() {
        return Err(Error::Hash("it is empty".to_owned()));
    }
    if password.len() > PASSWORD_BYTES {
        return Err(Error::Hash(format!("it has more than {PASSWORD_BYTES} bytes")));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| Error::Hash(error.to_string()))
}

/// Whether a hash can be verified, with bounded memory and time.
///
/// # Errors
/// Why not.
pub(super) fn check(hash: &str) -> Result<(), String> {
    let hash = PasswordHash::new(hash).map_err(|_| {
        "it is no PHC string, such as $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH".to_owned()
    })?;
    let algorithm = hash.algorithm.as_str();
    if Algorithm::try_from(algorithm) != Ok(Algorithm::Argon2id) {
        return Err(format!("its algorithm is {algorithm}, not argon2id"));
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err("it lacks the salt or the hash".to_owned());
    }
    let params = Params::try_from(&hash).map_err(|_| "its parameters are malformed".to_owned())?;
    let (kib, passes) = (params.m_cost(), params.t_cost());
    if kib > PASSWORD_KIB || passes > PASSWORD_PASSES {
        return Err(format!(
            "it takes {kib} KiB and {passes} passes (m={kib},t={passes}), more than {PASSWORD_KIB} KiB and \
             {PASSWORD_PASSES} passes"
        ));
    }
    Ok(())
}

/// Whether this is the hash of the password. Takes tens of milliseconds.
pub(crate) fn matches(password: &[u8], hash: &str) -> bool {
    Argon2::default().verify_password(password, hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(check(&hash), Ok(()));
        assert!(matches(b"correct horse", &hash) && !matches(b"correct horsf", &hash));
        assert_ne!(hash, hash_password("correct horse").unwrap(), "each has a salt of its own");
        assert!(hash_password("").is_err() && hash_password(&"x".repeat(1025)).is_err());
    }

    #[test]
    fn hashes_that_cannot_be_verified_or_cost_too_much_are_refused() {
        let good = hash_password("x").unwrap();
        for (hash, expected) in [
            ("secret".to_owned(), "no PHC string"),
            (good.replace("argon2id", "argon2i"), "not argon2id"),
            (good.replace("m=19456", "m=4000000"), "4000000 KiB"),
            (good.replace("t=2", "t=1000"), "1000 passes"),
            (good.rsplit_once('$').unwrap().0.to_owned(), "lacks"),
            ("$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234".to_owned(), ""),
        ] {
            let reason = check(&hash).unwrap_err();
            assert!(reason.contains(expected), "{hash}: {reason}");
        }
    }
}
