//! Log-ins with tokens and passwords.

use super::connection::{Caller, Connection};
use super::credentials::Credentials;
use super::failures::Failures;
use super::known::KnownPasswords;
use super::protection::Protection;
use super::told::Told;
use crate::limits::{PASSWORDS_AT_ONCE, PASSWORDS_WAITING};
use crate::problem::Problem;
use crate::program::{AccessEvent, AccessOutcome, Credential, Program};
use crate::settings::{ControlSettings, Role, User, passwords};
use axum::http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Verifies credentials.
pub(super) struct LogIns {
    protection: Arc<Protection>,
    program: Arc<dyn Program>,
    failures: Failures,
    /// `None` without random numbers: then each password is verified anew.
    known: Option<KnownPasswords>,
    told: Told,
    verifying: Arc<Semaphore>,
    /// Those who verify, and those who wait for it.
    queue: Arc<Semaphore>,
}

/// How a try went.
enum Verdict {
    In {
        name: String,
        role: Role,
    },
    /// With the name that was given.
    Out(Option<String>),
}

impl LogIns {
    pub(super) fn new(protection: Arc<Protection>, program: Arc<dyn Program>) -> Self {
        Self {
            protection,
            program,
            failures: Failures::default(),
            known: KnownPasswords::new().ok(),
            told: Told::default(),
            verifying: Arc::new(Semaphore::new(PASSWORDS_AT_ONCE)),
            queue: Arc::new(Semaphore::new(PASSWORDS_AT_ONCE + PASSWORDS_WAITING)),
        }
    }

    /// Who the credentials say that it is, by these settings.
    ///
    /// # Errors
    /// 401 if they are missing or wrong, 429 after too many that were, 503 if too many are being verified.
    pub(super) async fn log_in(
        &self,
        settings: &ControlSettings,
        connection: &Connection,
        headers: &HeaderMap,
    ) -> Result<Caller, Problem> {
        let address = connection.peer.ip();
        let credentials = Credentials::of(headers);
        if credentials == Credentials::None {
            return Err(challenge(settings, "log in with a token or a user"));
        }
        if let Some(wait) = self.failures.wait(address, Instant::now()) {
            return Err(blocked(wait));
        }
        let credential = match credentials {
            Credentials::Bearer(_) => Credential::Token,
            Credentials::Basic { .. } => Credential::Password,
            _ => Credential::Malformed,
        };
        let was_last = self.failures.add(address, Instant::now());
        let verdict = match credentials {
            Credentials::Bearer(token) => Ok(verify_token(settings, &token)),
            Credentials::Basic { user, password } => {
                self.verify_password(settings, user, password).await
            }
            _ => Ok(Verdict::Out(None)),
        };
        let verdict = verdict.inspect_err(|_| self.failures.take_back(address))?;
        let event = |name, outcome| {
            let &Connection { peer, local, .. } = connection;
            self.program.access(&AccessEvent { peer, local, name, credential, outcome });
        };
        match verdict {
            Verdict::In { name, role } => {
                self.failures.take_back(address);
                if self.told.is_news(address, &name, role, Instant::now()) {
                    tracing::info!("HTTP: {name} logged in from {address} as {}", role.name());
                    event(Some(name.as_str()), AccessOutcome::Granted(role));
                }
                Ok(Caller::named(&name, role))
            }
            Verdict::Out(name) => {
                tracing::warn!("HTTP: a log-in from {address} failed");
                event(name.as_deref(), AccessOutcome::Refused);
                if was_last {
                    tracing::warn!("HTTP: too many log-ins from {address} failed: it has to wait");
                    event(name.as_deref(), AccessOutcome::Blocked);
                }
                Err(challenge(settings, "the token, the user or the password is wrong"))
            }
        }
    }

    async fn verify_password(
        &self,
        settings: &ControlSettings,
        name: String,
        password: Vec<u8>,
    ) -> Result<Verdict, Problem> {
        let user = settings.users.iter().find(|user| user.name == name);
        // That of somebody else, so that the time does not tell who is known.
        let Some(verified) = user.or(settings.users.first()) else {
            return Ok(Verdict::Out(Some(shortened(&name))));
        };
        let hash = &verified.password_hash;
        let is_known = |known: &KnownPasswords| known.contains(&password, hash, Instant::now());
        let mut is_right = user.is_some() && self.known.as_ref().is_some_and(is_known);
        if !is_right {
            is_right = self.verify(password.clone(), hash.clone()).await?;
            if let Some(known) = self.known.as_ref().filter(|_| is_right && user.is_some()) {
                known.add(&password, hash, Instant::now());
            }
        }
        // That takes a while: who was removed meanwhile, or has another password, is out.
        let now = self.protection.in_force();
        let mut users = now.settings.users.iter();
        let is_still = |user: &&User| user.name == name && user.password_hash == *hash;
        Ok(match users.find(is_still).filter(|_| is_right && user.is_some()) {
            Some(User { name, role, .. }) => Verdict::In { name: name.clone(), role: *role },
            None => Verdict::Out(Some(shortened(&name))),
        })
    }

    /// Verifies in a thread that may take its time.
    async fn verify(&self, password: Vec<u8>, hash: String) -> Result<bool, Problem> {
        let place = Arc::clone(&self.queue).try_acquire_owned();
        let place = place.map_err(|_| {
            Problem::unavailable("too many passwords are being verified; try again, or use a token")
        })?;
        let turn = Arc::clone(&self.verifying).acquire_owned().await;
        let turn = turn.map_err(|_| Problem::internal())?;
        let verify = move || {
            let _held = (place, turn);
            passwords::matches(&password, &hash)
        };
        tokio::task::spawn_blocking(verify).await.map_err(|_| Problem::internal())
    }
}

fn verify_token(settings: &ControlSettings, given: &[u8]) -> Verdict {
    // All are compared, so that the time does not tell which one it is.
    let mut found = None;
    for token in &settings.tokens {
        if token.hash.is_of(given) {
            found = Some(token);
        }
    }
    match found {
        Some(token) => Verdict::In { name: token.name.clone(), role: token.role },
        None => Verdict::Out(None),
    }
}

fn challenge(settings: &ControlSettings, detail: &str) -> Problem {
    const BASIC: &str = "Basic realm=\"storescp\", charset=\"UTF-8\"";
    const BEARER: &str = "Bearer realm=\"storescp\"";
    let challenge = if settings.users.is_empty() { BEARER } else { BASIC };
    Problem::new(StatusCode::UNAUTHORIZED, detail).challenge(challenge)
}

fn blocked(wait: Duration) -> Problem {
    let detail = "too many log-ins from this address failed; Retry-After says when to try again";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(wait)
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
