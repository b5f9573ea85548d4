//! Reads the bytes of a data set as tokens, inflated first if it came deflated.

use super::attributes::Attributes;
use crate::encoding::deflate::Inflater;
use crate::encoding::parser::Parser;
use crate::encoding::token::Token;
use crate::error::{Error, Fault};
use crate::repairs::{RepairKind, Repairs};

/// Parses a data set, which may be deflated.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) inflater: Option<Inflater>,
    pub(super) parser: Parser,
}

/// Keeps the attribute that a token at this depth, the last of the parser, belongs to.
#[inline]
pub(super) fn note_attributes(
    token: &Token<'_>,
    parser: &Parser,
    depth: usize,
    attributes: &mut Attributes,
) {
    // Nothing deeper is kept.
    if depth > 1 && !attributes.is_keeping() {
        return;
    }
    match token {
        Token::Element { value } if depth == 0 => {
            attributes.begin(parser.element());
            if let Some(value) = value {
                attributes.value(value);
            }
        }
        // It is counted as open already. In the place of a value, it is an empty one.
        Token::Sequence if depth == 1 => attributes.begin(parser.element()),
        Token::Element { .. } | Token::Fragment { .. } => attributes.end(),
        Token::Value { bytes, .. } => attributes.value(bytes),
        _ => {}
    }
}

impl Reader {
    /// Whether there was deflated input.
    pub(super) fn has_inflated(&self) -> bool {
        self.inflater.as_ref().is_some_and(|inflater| !inflater.is_unused())
    }

    /// What breaks the rules but was accepted.
    pub(super) fn repairs(&self) -> &Repairs {
        self.parser.repairs()
    }

    /// Calls `each` with every token that these bytes complete, and with the parser right after it.
    pub(super) fn read(
        &mut self,
        mut bytes: &[u8],
        end: bool,
        mut each: impl FnMut(&Token<'_>, &Parser) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(inflater) = &mut self.inflater else {
            return parse(&mut self.parser, bytes, end, &mut each);
        };
        loop {
            let inflated =
                inflater.next(&mut bytes).map_err(|fault| self.parser.malformed(fault))?;
            let Some(inflated) = inflated else {
                break;
            };
            parse(&mut self.parser, inflated, false, &mut each)?;
        }
        if end {
            if !inflater.ended() {
                return Err(self.parser.malformed(Fault::TruncatedDeflate));
            }
            if inflater.trailing_bytes() > 1 {
                self.parser.note_repair(RepairKind::TrailingBytes);
            }
            parse(&mut self.parser, &[], true, &mut each)?;
        }
        Ok(())
    }
}

fn parse(
    parser: &mut Parser,
    mut bytes: &[u8],
    end: bool,
    each: &mut impl FnMut(&Token<'_>, &Parser) -> Result<(), Error>,
) -> Result<(), Error> {
    loop {
        // By reference: see Token.
        let next = parser.next(&mut bytes, end);
        match &next {
            Ok(Some(token)) => {
                each(token, parser)?;
                if *token == Token::End {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => return next.map(drop),
        }
    }
}
