//! Signatures as of Standard Webhooks: `webhook-signature: v1,BASE64` of an HMAC-SHA-256 over
//! `ID.TIMESTAMP.BODY`, with the identifier of `webhook-id` and the seconds since 1970 of `webhook-timestamp`.

use openssl::base64::{decode_block, encode_block};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use std::fmt;

/// The key of signatures.
pub(super) struct SigningKey(PKey<Private>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// From a secret as it is in the settings: `whsec_` and base64, or else the bytes themselves.
    ///
    /// # Errors
    /// It is empty, or not base64; without saying what it is.
    pub(super) fn new(secret: &[u8]) -> Result<Self, String> {
        let bytes = match secret.strip_prefix(b"whsec_") {
            Some(encoded) => std::str::from_utf8(encoded)
                .ok()
                .and_then(|text| decode_block(text).ok())
                .ok_or("the secret begins with whsec_, but what follows is not base64")?,
            None => secret.to_vec(),
        };
        if bytes.is_empty() {
            return Err("the secret is empty".to_owned());
        }
        PKey::hmac(&bytes).map(Self).map_err(|_| "the secret cannot be used".to_owned())
    }

    /// The value of `webhook-signature`.
    ///
    /// # Errors
    /// Those of OpenSSL.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Result<String, ErrorStack> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.0)?;
        signer.update(format!("{id}.{timestamp}.").as_bytes())?;
        signer.update(body)?;
        Ok(format!("v1,{}", encode_block(&signer.sign_to_vec()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let key = SigningKey::new(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_not_told() {
        for wrong in ["", "whsec_", "whsec_not base64!"] {
            let error = SigningKey::new(wrong.as_bytes()).unwrap_err();
            assert!(!error.contains("not base64!"), "{error}");
        }
        let key = SigningKey::new(b"plain bytes").unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey");
    }
}
