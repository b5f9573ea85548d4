//! What a fault strikes: the words before the colon.

use super::error::RuleError;
use super::parser::{Parser, is_word, suggestion};
use dataset::sop_class;
use receiver::faults::{ClassPattern, Pattern, Percent, Selection, Subject, Which};

impl Parser<'_> {
    /// Everything before the colon.
    pub(super) fn selection(&mut self) -> Result<Selection, RuleError> {
        let subject = match self.one_of(&["connection", "association", "object"])? {
            "connection" => Subject::Connection,
            "association" => Subject::Association,
            _ => Subject::Object,
        };
        let mut selection = Selection::each(subject);
        selection.which = self.which()?;
        while let Some(word) = self.peek_word() {
            let column = self.peek().map_or(1, |token| token.column);
            let Some(&word) = SELECTORS.iter().find(|known| is_word(word, known)) else { break };
            self.take(word);
            self.narrow(&mut selection, word, column)?;
        }
        Ok(selection)
    }

    fn narrow(
        &mut self,
        selection: &mut Selection,
        word: &str,
        column: usize,
    ) -> Result<(), RuleError> {
        if word == "of" && self.take("all") {
            return count_all(selection, column);
        }
        if selection.subject == Subject::Connection && word != "at" {
            let problem =
                format!("'{word}' is not known of a connection yet: select by 'at ADDRESS'");
            return Err(RuleError::at(column, problem));
        }
        let twice = match word {
            "of" => selection.class.replace(self.class()?).is_some(),
            "from" => selection.calling.replace(self.pattern("an AE title")?).is_some(),
            "to" => selection.called.replace(self.pattern("an AE title")?).is_some(),
            _ => selection.address.replace(self.pattern("an address")?).is_some(),
        };
        if twice {
            return Err(RuleError::at(column, format!("'{word}' is given twice")));
        }
        Ok(())
    }

    /// Numbers, every n-th, or a share; nothing for each.
    fn which(&mut self) -> Result<Which, RuleError> {
        if self.take("every") {
            let (text, column) = self.text("a number, such as 10th")?;
            let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
            let suffix = &text[digits.len()..];
            let is_suffix =
                suffix.is_empty() || ["st", "nd", "rd", "th"].iter().any(|it| is_word(suffix, it));
            let count = counting(digits).filter(|_| is_suffix).map(Which::Every);
            return count.ok_or_else(|| {
                RuleError::at(column, format!("'{text}' is not a number such as 10th"))
            });
        }
        match self.peek_word() {
            Some(word) if word.starts_with(|first: char| first.is_ascii_digit()) => {
                let (text, column) = self.text("a number")?;
                numbers(text).ok_or_else(|| {
                    let problem = format!(
                        "'{text}' is not a number from 1, a range such as 3..5 or 7.., or a share \
                         such as 10%"
                    );
                    RuleError::at(column, problem)
                })
            }
            _ => Ok(Which::Each),
        }
    }

    fn pattern(&mut self, what: &str) -> Result<Pattern, RuleError> {
        let (text, column) = self.text(what)?;
        Pattern::new(text)
            .ok_or_else(|| RuleError::at(column, format!("{what} has no control characters")))
    }

    fn class(&mut self) -> Result<ClassPattern, RuleError> {
        let (text, column) = self.text("a SOP class or 'all'")?;
        ClassPattern::new(text).ok_or_else(|| {
            let meant = suggestion(text, sop_class::all().iter().map(|class| class.name));
            RuleError::at(column, format!("no SOP class has the name or UID '{text}'{meant}"))
        })
    }
}

const SELECTORS: [&str; 4] = ["from", "to", "at", "of"];

fn count_all(selection: &mut Selection, column: usize) -> Result<(), RuleError> {
    let is_counted = matches!(selection.which, Which::Numbers { .. } | Which::Every(_));
    let problem = match selection.subject {
        Subject::Object if is_counted && !selection.of_all => {
            selection.of_all = true;
            return Ok(());
        }
        Subject::Object if is_counted => "'of all' is given twice",
        Subject::Object => "'of all' needs a number, such as 'object 7 of all'",
        _ => "'of all' is for objects: connections and associations are counted so anyway",
    };
    Err(RuleError::at(column, problem.to_owned()))
}

fn numbers(text: &str) -> Option<Which> {
    if let Some(percent) = text.strip_suffix('%') {
        return percent_of(percent).map(Which::Percent);
    }
    let (first, last) = match text.split_once("..") {
        None => (text, Some(text)),
        Some((first, "")) => (first, None),
        Some((first, last)) => (first, Some(last)),
    };
    let first = counting(first)?;
    let last = match last {
        None => None,
        Some(last) => Some(counting(last).filter(|last| first <= *last)?),
    };
    Some(Which::Numbers { first, last })
}

/// A number from 1.
fn counting(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number > 0)
}

/// Up to four digits behind the point.
fn percent_of(text: &str) -> Option<Percent> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str, most: usize| {
        (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(whole, 3) || !is_number(fraction, 4) {
        return None;
    }
    let millionths: u32 = format!("{whole}{fraction:0<4}").parse().ok()?;
    Percent::of_millionths(millionths)
}
