//! What happens: the words behind the colon.

use super::error::RuleError;
use super::parser::{Parser, is_word, suggestion};
use super::tokens::{Kind, Token};
use dataset::{TransferSyntax, Uid, sop_class, uid_names};
use proto::{ContextResult, Rejection, Status};
use receiver::faults::{Action, End, Moment, Subject, When, words};
use receiver::limits::OVERSIZED_PDU_BYTES;

/// The first words of actions, and what they are for.
pub(super) const ACTIONS: [(&str, &[Subject]); 15] = {
    use Subject::{Association, Connection, Object};
    [
        ("status", &[Object]),
        ("no", &[Object]),
        ("wrong", &[Object]),
        ("oversized", &[Object]),
        ("cut", &[Association, Object]),
        ("unknown", &[Association, Object]),
        ("delay", &[Connection, Association, Object]),
        ("reject", &[Association]),
        ("refuse", &[Association]),
        ("accept", &[Association]),
        ("abort", &[Association, Object]),
        ("reset", &[Connection, Association, Object]),
        ("close", &[Connection, Association, Object]),
        ("silence", &[Connection, Association, Object]),
        ("tls", &[Connection]),
    ]
};

impl Parser<'_> {
    /// Whether this word begins what happens, so that a colon is missing before it.
    pub(super) fn begins_action(token: Token<'_>) -> bool {
        matches!(token.kind, Kind::Word(word) if ACTIONS.iter().any(|(name, _)| is_word(word, name)))
    }

    /// Everything behind the colon, for this subject.
    pub(super) fn action(&mut self, subject: Subject) -> Result<Action, RuleError> {
        let names = ACTIONS.map(|(name, _)| name);
        let column = self.peek().map_or(1, |token| token.column);
        let name = self.one_of(&names)?;
        let subjects = ACTIONS.iter().find(|(known, _)| *known == name).map(|(_, of)| *of);
        let subjects = subjects.unwrap_or_default();
        if !subjects.contains(&subject) {
            let able: Vec<&str> = subjects.iter().map(|subject| with_article(*subject)).collect();
            let (able, this) = (able.join(" or "), with_article(subject));
            return Err(RuleError::at(
                column,
                format!("'{name}' can happen to {able}, not to {this}"),
            ));
        }
        match name {
            "status" => self.status(),
            "no" => {
                self.one_of(&["answer"])?;
                Ok(Action::NoAnswer { stores: !self.without_storing()? })
            }
            "wrong" => self.wrong(),
            "oversized" | "cut" | "unknown" => self.pdu(name),
            "delay" => Ok(Action::Delay(self.moment(subject)?, self.delay()?)),
            "reject" => self.reject(),
            "refuse" => self.refuse(),
            "accept" => self.accept(),
            "tls" => {
                self.one_of(&["alert"])?;
                self.value(words::ALERTS, "a TLS alert").map(Action::TlsAlert)
            }
            _ => {
                let end = self.end_of(name)?;
                Ok(Action::End(end, self.when(subject)?))
            }
        }
    }

    fn status(&mut self) -> Result<Action, RuleError> {
        const MOST: usize = 1000;

        let mut statuses = Vec::new();
        loop {
            let (text, column) = self.text("a status")?;
            let status = status(text).filter(|_| statuses.len() < MOST).ok_or_else(|| {
                let problem = format!("'{text}' is not a status of four hexadecimal digits");
                RuleError::at(column, problem)
            });
            statuses.push(status?);
            if !self.take_comma() {
                break;
            }
        }
        let stores = if self.after_storing()? {
            Some(true)
        } else {
            self.without_storing()?.then_some(false)
        };
        Ok(Action::Status { statuses, stores })
    }

    fn after_storing(&mut self) -> Result<bool, RuleError> {
        let is_next = self.take("after");
        if is_next {
            self.one_of(&["storing"])?;
        }
        Ok(is_next)
    }

    fn without_storing(&mut self) -> Result<bool, RuleError> {
        let is_next = self.take("without");
        if is_next {
            self.one_of(&["storing"])?;
        }
        Ok(is_next)
    }

    fn wrong(&mut self) -> Result<Action, RuleError> {
        Ok(match self.one_of(&["message-id", "context-id", "class", "instance"])? {
            "message-id" => {
                let id = self.optional_number("a message ID", u64::from(u16::MAX))?;
                Action::WrongMessageId(id.and_then(|id| u16::try_from(id).ok()))
            }
            "context-id" => {
                let id = self.optional_number("a presentation context ID", u64::from(u8::MAX))?;
                Action::WrongContextId(id.and_then(|id| u8::try_from(id).ok()))
            }
            "class" => Action::WrongClass(self.uid("a SOP class", uid_names::abstract_syntax)?),
            _ => Action::WrongInstance(self.uid("a UID", |_| None)?),
        })
    }

    /// A UID, or what stands for one, if there is any next word.
    fn uid(
        &mut self,
        what: &str,
        named: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<Option<Uid>, RuleError> {
        if self.is_at_end() {
            return Ok(None);
        }
        let (text, column) = self.text(what)?;
        let uid = Uid::parse(named(text).unwrap_or(text).as_bytes());
        uid.ok().filter(Uid::is_conformant).map(Some).ok_or_else(|| {
            let names = sop_class::all().iter().map(|class| class.name);
            let meant = suggestion(text, names.filter(|name| named(name).is_some()));
            RuleError::at(column, format!("'{text}' is not {what}{meant}"))
        })
    }

    fn pdu(&mut self, name: &str) -> Result<Action, RuleError> {
        self.one_of(&["pdu"])?;
        let column = self.peek().map_or(1, |token| token.column);
        let byte = |value: u64| u8::try_from(value).ok();
        let word = |value: u64| u32::try_from(value).ok();
        Ok(match name {
            "oversized" => {
                let most = u64::from(OVERSIZED_PDU_BYTES);
                Action::OversizedPdu(self.optional_number("a length", most)?.and_then(word))
            }
            "cut" => {
                let most = u64::from(u32::MAX);
                Action::CutPdu(self.optional_number("a length", most)?.and_then(word))
            }
            _ => {
                let pdu_type = self.optional_number("a PDU type", u64::from(u8::MAX))?;
                if pdu_type.is_some_and(|it| (1..=7).contains(&it)) {
                    let problem = "PDU types 1 to 7 are those of the standard";
                    return Err(RuleError::at(column, problem.to_owned()));
                }
                Action::UnknownPdu(pdu_type.and_then(byte))
            }
        })
    }

    fn moment(&mut self, subject: Subject) -> Result<Moment, RuleError> {
        let words: &[&str] = match subject {
            Subject::Connection => &["reading"],
            Subject::Association => &["answer"],
            Subject::Object => &Moment::ALL.map(Moment::word),
        };
        let word = self.one_of(words)?;
        let found = Moment::ALL.into_iter().find(|moment| moment.word() == word);
        Ok(found.unwrap_or(Moment::Answer))
    }

    /// Result, source and reason; what is left out is 1.
    fn reject(&mut self) -> Result<Action, RuleError> {
        let mut rejection = Rejection::NO_REASON_GIVEN;
        if !self.is_at_end() {
            rejection.result = self.value(words::REJECT_RESULTS, "permanent, transient")?;
        }
        if !self.is_at_end() {
            rejection.source = self.value(words::REJECT_SOURCES, "user, acse, presentation")?;
        }
        if !self.is_at_end() {
            let reasons = words::reject_reasons(rejection.source);
            rejection.reason = self.value(reasons, "a reason of this source")?;
        }
        Ok(Action::Reject(rejection))
    }

    fn refuse(&mut self) -> Result<Action, RuleError> {
        self.one_of(&["contexts"])?;
        let mut result = ContextResult::AbstractSyntaxNotSupported;
        if let Some(token) = self.peek() {
            result = match self.value(words::CONTEXT_RESULTS, "a reason to refuse a context")? {
                1 => ContextResult::UserRejection,
                2 => ContextResult::ProviderRejection,
                3 => ContextResult::AbstractSyntaxNotSupported,
                4 => ContextResult::TransferSyntaxesNotSupported,
                _ => {
                    let problem = "the results of a refused context are 1 to 4";
                    return Err(RuleError::at(token.column, problem.to_owned()));
                }
            };
        }
        Ok(Action::RefuseContexts(result))
    }

    fn accept(&mut self) -> Result<Action, RuleError> {
        self.one_of(&["syntax"])?;
        let (text, column) = self.text("a transfer syntax")?;
        let named = uid_names::transfer_syntax(text).or_else(|| TransferSyntax::find(text));
        named.map(Action::AcceptSyntax).ok_or_else(|| {
            let meant = suggestion(text, TransferSyntax::all().iter().map(TransferSyntax::name));
            RuleError::at(column, format!("no transfer syntax has the name or UID '{text}'{meant}"))
        })
    }

    fn end_of(&mut self, name: &str) -> Result<End, RuleError> {
        Ok(match name {
            "abort" => self.abort()?,
            "reset" => End::Reset,
            "close" => End::Close,
            _ => {
                let is_time = |word: &str| word.starts_with(|it: char| it.is_ascii_digit());
                let timed = self.peek_word().is_some_and(is_time);
                End::Silence(if timed { Some(self.delay()?) } else { None })
            }
        })
    }

    /// Source and reason; what is left out is 0.
    fn abort(&mut self) -> Result<End, RuleError> {
        let (mut source, mut reason) = (0, 0);
        if !self.is_at_when() {
            source = self.value(words::ABORT_SOURCES, "user, provider")?;
            if !self.is_at_when() {
                let reasons = if source == 2 { words::ABORT_REASONS } else { &[] };
                reason = self.value(reasons, "a reason of this source")?;
            }
        }
        Ok(End::Abort { source, reason })
    }

    fn is_at_when(&self) -> bool {
        self.peek_word().is_none_or(|word| matches!(word, "during" | "after"))
    }

    /// When the association ends, of an object.
    fn when(&mut self, subject: Subject) -> Result<When, RuleError> {
        if subject != Subject::Object {
            return Ok(When::Answer);
        }
        if self.take("during") {
            return Ok(When::During);
        }
        Ok(if self.after_storing()? { When::Stored } else { When::Answer })
    }
}

fn with_article(subject: Subject) -> &'static str {
    match subject {
        Subject::Connection => "a connection",
        Subject::Association => "an association",
        Subject::Object => "an object",
    }
}

/// Four hexadecimal digits, after `0x` or before `H` if need be.
fn status(text: &str) -> Option<Status> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let digits = digits.strip_suffix(['H', 'h']).unwrap_or(digits);
    let is_status = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_status).map(Status)
}
