//! Reads a command line of the forms that are understood.

use super::words::{
    BEFORE_A_NAME, BEFORE_A_WORD_AND_A_NAME, INTERPRETERS, PROGRAM_LETTERS, READ_AGAIN, RESERVED,
    SHELLS, TAKE_TEXT, WITH_A_VALUE, base, is_assignment, is_split_option,
};
use crate::commands::command_line::placeholder::{Placeholder, Token, from_peer};

/// In what a shell finds itself where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Quoting {
    Bare,
    Single,
    Double,
}

/// Why a command line is not understood.
pub(super) enum Unknown {
    Syntax,
    NamesCommand(Placeholder),
}

/// How deep `$( )` may be nested.
const DEPTH: usize = 8;

/// Reads a command line of the forms that are understood.
pub(super) struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    pub(super) quotings: Vec<Quoting>,
    /// A value stands among other quoted text.
    pub(super) has_text: bool,
    /// The same, and it is only printed, unless that goes into a pipe.
    prints_text: bool,
    word: Option<Word>,
    position: Position,
    /// What comes behind a redirection.
    after_redirection: Position,
    /// How many `$(` are open.
    depth: usize,
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// The name of a command, or an assignment before it.
    Command,
    /// The same, behind a program that runs it, and that program's options.
    Wrapped,
    /// The value of such an option, or what else is before the name.
    BeforeWrapped,
    /// Behind a shell's name: the file that it reads.
    ShellScript,
    /// Behind the name of an interpreter: an option of its own, or a file.
    Script,
    Argument,
    /// An argument of a program that does nothing else with it.
    Text,
    /// A file behind `<` or `>`.
    Redirection,
}

/// A word that is being read.
#[derive(Default)]
struct Word {
    /// Without quotes; `#` for a value.
    literal: Vec<u8>,
    value: Option<Placeholder>,
    /// Something quoted in it is not just the text of a name or a path.
    has_text: bool,
}

impl<'t> Reader<'t> {
    pub(super) fn new(tokens: &'t [Token]) -> Self {
        let quotings = Vec::new();
        let (position, after_redirection) = (Position::Command, Position::Command);
        let (has_text, prints_text) = (false, false);
        let word = None;
        Self {
            tokens,
            at: 0,
            quotings,
            has_text,
            prints_text,
            word,
            position,
            after_redirection,
            depth: 0,
        }
    }

    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn next_is(&self, test: impl Fn(u8) -> bool) -> bool {
        matches!(self.peek(), Some(Token::Byte(byte)) if test(byte))
    }

    /// Reads commands to the end, or to the `)` that closes a `$(`.
    pub(super) fn read(&mut self) -> Result<(), Unknown> {
        while let Some(token) = self.peek() {
            self.at += 1;
            match token {
                Token::Byte(b')') if self.depth > 0 => return self.end_command(),
                Token::Value(placeholder) => self.value(placeholder, Quoting::Bare),
                Token::Byte(byte) => self.bare(byte)?,
            }
        }
        if self.depth > 0 { Err(Unknown::Syntax) } else { self.end_command() }
    }

    fn value(&mut self, placeholder: Placeholder, quoting: Quoting) {
        self.quotings.push(quoting);
        let word = self.word.get_or_insert_default();
        if !word.value.is_some_and(Placeholder::is_from_peer) {
            word.value = Some(placeholder);
        }
        word.literal.push(b'#');
    }

    fn bare(&mut self, byte: u8) -> Result<(), Unknown> {
        match byte {
            b' ' | b'\t' => self.end_word(),
            b'|' if !self.next_is(|next| next == b'|') => {
                self.end_word()?;
                self.has_text |= self.prints_text;
                self.end_command()
            }
            b'\n' | b';' | b'|' | b'&' => self.end_command(),
            b'<' | b'>' => self.redirection(byte),
            b'\'' => self.single(),
            b'"' => self.double(),
            b'$' => self.dollar(Quoting::Bare),
            _ if is_plain(byte) || b"*?".contains(&byte) || self.is_special_case(byte) => {
                self.word.get_or_insert_default().literal.push(byte);
                Ok(())
            }
            _ => Err(Unknown::Syntax),
        }
    }

    /// A byte that means something to a shell, but not here: `a#b`, `~/x`, `[ x ]`, `!=`.
    fn is_special_case(&self, byte: u8) -> bool {
        let ends_here =
            || self.peek().is_none() || self.next_is(|next| b" \t\n;&|".contains(&next));
        match byte {
            b'#' => self.word.is_some(),
            b'~' => self.word.is_none() && self.next_is(|next| next == b'/'),
            b'[' | b']' => self.word.is_none() && ends_here(),
            b'!' => self.word.is_none() && self.next_is(|next| next == b'='),
            _ => false,
        }
    }

    fn redirection(&mut self, byte: u8) -> Result<(), Unknown> {
        // A number right before it is a descriptor.
        let is_descriptor = self.word.as_ref().is_some_and(|word| {
            word.value.is_none() && word.literal.iter().all(u8::is_ascii_digit)
        });
        if is_descriptor {
            self.word = None;
        } else {
            self.end_word()?;
        }
        if self.next_is(|next| next == b'&' || next == b'>' || (byte == b'>' && next == b'|')) {
            self.at += 1;
        }
        match self.position {
            Position::Command | Position::Argument | Position::Text => {
                self.after_redirection = self.position;
                self.position = Position::Redirection;
                Ok(())
            }
            Position::Wrapped
            | Position::BeforeWrapped
            | Position::ShellScript
            | Position::Script => Err(Unknown::Syntax),
            Position::Redirection => Err(Unknown::Syntax),
        }
    }

    fn single(&mut self) -> Result<(), Unknown> {
        self.word.get_or_insert_default();
        loop {
            let token = self.peek().ok_or(Unknown::Syntax)?;
            self.at += 1;
            match token {
                Token::Byte(b'\'') => return Ok(()),
                Token::Byte(byte) => self.quoted(byte),
                Token::Value(placeholder) => self.value(placeholder, Quoting::Single),
            }
        }
    }

    fn double(&mut self) -> Result<(), Unknown> {
        self.word.get_or_insert_default();
        loop {
            let token = self.peek().ok_or(Unknown::Syntax)?;
            self.at += 1;
            match token {
                Token::Byte(b'"') => return Ok(()),
                Token::Byte(b'\\' | b'`') => return Err(Unknown::Syntax),
                Token::Byte(b'$') => self.dollar(Quoting::Double)?,
                Token::Byte(byte) => self.quoted(byte),
                Token::Value(placeholder) => self.value(placeholder, Quoting::Double),
            }
        }
    }

    fn quoted(&mut self, byte: u8) {
        let word = self.word.get_or_insert_default();
        word.literal.push(byte);
        word.has_text |= !is_plain(byte) && byte != b'#';
    }

    fn dollar(&mut self, quoting: Quoting) -> Result<(), Unknown> {
        if self.next_is(|next| next == b'(') { self.substitution(quoting) } else { self.variable() }
    }

    /// `$( )`, in which everything begins anew. Unquoted, what comes of it is split at blanks, so no value
    /// may be in it then.
    fn substitution(&mut self, quoting: Quoting) -> Result<(), Unknown> {
        let begin = self.at;
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Unknown::Syntax);
        }
        let word = self.word.take();
        let position = std::mem::replace(&mut self.position, Position::Command);
        let (after, prints) = (self.after_redirection, std::mem::take(&mut self.prints_text));
        self.read()?;
        self.depth -= 1;
        (self.position, self.after_redirection, self.prints_text) = (position, after, prints);
        let word = self.word.insert(word.unwrap_or_default());
        word.literal.push(b'$');
        let values = self.tokens[begin..self.at].iter().filter_map(|token| match token {
            Token::Value(placeholder) => Some(*placeholder),
            Token::Byte(_) => None,
        });
        // What a peer sends counts more.
        let value = values.max_by_key(|placeholder| placeholder.is_from_peer());
        word.value = value.or(word.value);
        if value.is_some() && quoting == Quoting::Bare { Err(Unknown::Syntax) } else { Ok(()) }
    }

    /// `$NAME` or `${NAME}`, and no value right behind it, which would be a part of the name.
    fn variable(&mut self) -> Result<(), Unknown> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let in_braces = self.next_is(|next| next == b'{');
        self.at += usize::from(in_braces);
        if !self.next_is(|next| is_name(next) && !next.is_ascii_digit()) {
            return Err(Unknown::Syntax);
        }
        while self.next_is(is_name) {
            self.at += 1;
        }
        match self.peek() {
            Some(Token::Byte(b'}')) if in_braces => self.at += 1,
            Some(Token::Byte(_)) | None if !in_braces => {}
            _ => return Err(Unknown::Syntax),
        }
        self.word.get_or_insert_default().literal.push(b'$');
        Ok(())
    }

    fn end_command(&mut self) -> Result<(), Unknown> {
        self.end_word()?;
        // What `$( )` prints may be anything to the command around it.
        self.has_text |= std::mem::take(&mut self.prints_text) && self.depth > 0;
        match self.position {
            // A shell or an interpreter that reads its standard input.
            Position::ShellScript | Position::Script => {
                Err(from_peer(self.tokens).map_or(Unknown::Syntax, Unknown::NamesCommand))
            }
            Position::Redirection => Err(Unknown::Syntax),
            _ => {
                self.position = Position::Command;
                Ok(())
            }
        }
    }

    fn end_word(&mut self) -> Result<(), Unknown> {
        let Some(word) = self.word.take() else { return Ok(()) };
        let has_text = word.value.is_some() && word.has_text;
        match self.position {
            Position::Text => self.prints_text |= has_text,
            _ => self.has_text |= has_text,
        }
        let literal = String::from_utf8_lossy(&word.literal);
        let from_peer = word.value.filter(|value| value.is_from_peer());
        self.position = match self.position {
            Position::Redirection => self.after_redirection,
            Position::Text => Position::Text,
            Position::BeforeWrapped => Position::Wrapped,
            Position::Command | Position::Wrapped if is_assignment(&word.literal) => self.position,
            Position::Command | Position::Wrapped if from_peer.is_some() => {
                return from_peer.map_or(Ok(()), |named| Err(Unknown::NamesCommand(named)));
            }
            Position::Command => self.behind_name(&literal)?,
            Position::Wrapped if literal.starts_with(|first: char| first.is_ascii_digit()) => {
                Position::Wrapped
            }
            Position::Wrapped if literal.starts_with('-') => self.behind_option(&literal)?,
            Position::Wrapped => self.behind_name(&literal)?,
            // A file of commands: what it makes of its arguments is its own affair.
            Position::ShellScript if word.value.is_some() || literal.starts_with(['-', '+']) => {
                return Err(Unknown::Syntax);
            }
            // An option that may be followed by a program.
            Position::Script if literal.starts_with('-') => {
                let is_program = word.value.is_some() || literal.ends_with(PROGRAM_LETTERS);
                if is_program { Err(Unknown::Syntax) } else { Ok(Position::Script) }?
            }
            Position::ShellScript | Position::Script | Position::Argument => {
                behind_argument(&literal)?
            }
        };
        Ok(())
    }

    /// What comes behind a word that names a command.
    fn behind_name(&self, literal: &str) -> Result<Position, Unknown> {
        let name = base(literal);
        // Which command an expansion names is not known: it may read its arguments again.
        let is_hidden = name.contains(['$', '*', '?']) && from_peer(self.tokens).is_some();
        if is_hidden || RESERVED.contains(&literal) {
            return Err(Unknown::Syntax);
        }
        Ok(match name {
            _ if BEFORE_A_NAME.contains(&name) => Position::Wrapped,
            _ if BEFORE_A_WORD_AND_A_NAME.contains(&name) => Position::BeforeWrapped,
            _ if INTERPRETERS.contains(&name) => Position::Script,
            _ if TAKE_TEXT.contains(&name) => Position::Text,
            _ => behind_argument(literal)?,
        })
    }

    /// What comes behind an option of a program that runs a command.
    fn behind_option(&self, literal: &str) -> Result<Position, Unknown> {
        let mut rest = self.tokens[self.at..].iter();
        let next = rest.find(|token| !matches!(token, Token::Byte(b' ' | b'\t')));
        let is_number = matches!(next, Some(Token::Byte(byte)) if byte.is_ascii_digit());
        // `flock -c` runs a shell, `ionice -c` has a number.
        if is_split_option(literal) || (literal == "-c" && !is_number) {
            return Err(Unknown::Syntax);
        }
        Ok(if WITH_A_VALUE.contains(&literal) {
            Position::BeforeWrapped
        } else {
            Position::Wrapped
        })
    }
}

/// What comes behind an argument. Programs that run others are known by their names, wherever these are.
fn behind_argument(literal: &str) -> Result<Position, Unknown> {
    let name = base(literal);
    if READ_AGAIN.contains(&name) || is_split_option(literal) {
        return Err(Unknown::Syntax);
    }
    Ok(if SHELLS.contains(&name) { Position::ShellScript } else { Position::Argument })
}

/// Whether a shell takes this byte as it is, and programs take it for part of a name or a path.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"/._-+:,@%=".contains(&byte)
}
