//! What is known of a command line that a shell is to read, so that values can be put into it.
//!
//! Few forms are understood, and those exactly: simple commands of words without escapes, joined by
//! `; & | && ||`, line ends and redirections, and the same within `$( )`. No reserved words, comments,
//! functions, subshells, here-documents, back quotes, arithmetic. Of everything else it is not attempted
//! to know what a shell makes of it.

use super::command_line::Placeholder;

/// One byte of a command line, or a placeholder that a value takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Byte(u8),
    Value(Placeholder),
}

/// In what a shell finds itself where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    Bare,
    Single,
    Double,
}

/// What is known of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Each value is one word or a part of one, quoted so, and nothing that is known reads it a second
    /// time.
    Proven(Vec<Quoting>),
    /// A value stands among quoted text that may be a program in some language.
    Text,
    /// Not understood, or a shell or the like reads it a second time.
    Unclear,
    /// A peer would decide which command is run.
    NamesCommand(Placeholder),
}

/// What is known of a command line.
pub(super) fn form(tokens: &[Token]) -> Form {
    let mut reader = Reader::new(tokens);
    match reader.read() {
        Ok(()) if reader.has_text => Form::Text,
        Ok(()) => Form::Proven(reader.quotings),
        Err(Unknown::NamesCommand(placeholder)) => Form::NamesCommand(placeholder),
        Err(Unknown::Syntax) => {
            let named = read_by_shell(tokens)
                .or_else(|| (0..tokens.len()).find_map(|at| names_command(tokens, at)));
            named.map_or(Form::Unclear, Form::NamesCommand)
        }
    }
}

enum Unknown {
    Syntax,
    NamesCommand(Placeholder),
}

/// Words after which a shell reads a command, and programs that run their arguments.
const BEFORE_COMMANDS: [&str; 21] = [
    "then", "do", "else", "elif", "if", "while", "until", "eval", "trap", "exec", "command",
    "builtin", "time", "nohup", "env", "sudo", "xargs", "-c", "-exec", ".", "source",
];

/// Whether a value from a peer seems to stand where a command is named, in a command line that is not
/// understood.
fn names_command(tokens: &[Token], at: usize) -> Option<Placeholder> {
    let Token::Value(placeholder) = tokens[at] else { return None };
    let before: Vec<u8> = tokens[..at]
        .iter()
        .map(|token| if let Token::Byte(byte) = token { *byte } else { b'#' })
        .collect();
    let quotes_or_blanks = |byte: &u8| b"\"' \t\\".contains(byte);
    let end = before.iter().rposition(|byte| !quotes_or_blanks(byte)).map_or(0, |last| last + 1);
    let is_apart = end < before.len();
    let before = &before[..end];
    let count = |wanted: u8| before.iter().filter(|&&byte| byte == wanted).count();
    let begins = match before.last() {
        None => true,
        // What comes of an expansion right before it may be nothing.
        Some(b')' | b'`' | b'}') if !is_apart => true,
        Some(b')') => count(b')') > count(b'('),
        Some(b'`') => count(b'`') % 2 == 1,
        Some(byte) => b";&|({!\n".contains(byte),
    };
    let word = before.rsplit(|byte| quotes_or_blanks(byte) || b";&|(){}`\n".contains(byte)).next();
    let word = word.and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default();
    let name = word.rsplit('/').next().unwrap_or_default();
    let runs =
        BEFORE_COMMANDS.contains(&word) || SHELLS.contains(&name) || is_assignment(word.as_bytes());
    let named = placeholder.is_from_peer() && (begins || (is_apart && runs));
    named.then_some(placeholder)
}

/// A value from a peer, if a shell reads what another command writes, or all the words of a command.
fn read_by_shell(tokens: &[Token]) -> Option<Placeholder> {
    let text: Vec<u8> = tokens
        .iter()
        .map(|token| if let Token::Byte(byte) = token { *byte } else { b'#' })
        .collect();
    let words = |text: &'_ [u8]| -> Vec<String> {
        let words = text.split(|byte| b" \t\n;&|(){}\"'`\\".contains(byte));
        words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    };
    let is_shell = |word: String| SHELLS.contains(&word.rsplit('/').next().unwrap_or_default());
    let is_piped = text.split(|&byte| byte == b'|').skip(1).any(|piped| {
        let end = piped.iter().position(|byte| b";&\n".contains(byte)).unwrap_or(piped.len());
        words(&piped[..end]).into_iter().any(is_shell)
    });
    let is_evaluated = words(&text).iter().any(|word| word == "eval" || word == "trap");
    from_peer(tokens).filter(|_| is_piped || is_evaluated)
}

fn from_peer(tokens: &[Token]) -> Option<Placeholder> {
    tokens.iter().find_map(|token| match token {
        Token::Value(placeholder) if placeholder.is_from_peer() => Some(*placeholder),
        _ => None,
    })
}

/// Programs that read their arguments, or what is on their standard input, as a shell does.
const READ_AGAIN: [&str; 22] = [
    "eval", "ssh", "rsh", "remsh", "rexec", "mosh", "slogin", "su", "runuser", "xargs", "parallel",
    "watch", "script", "at", "batch", "crontab", "trap", "alias", "source", "let", "declare",
    "typeset",
];

/// Shells: what follows them is a file, or they read commands from somewhere else.
const SHELLS: [&str; 16] = [
    "sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "zsh", "fish", "csh", "tcsh", "rbash",
    "posh", "yash", "busybox", "toybox",
];

/// Words that are no commands to a shell but its grammar, and `.`, which reads a file in its place.
const RESERVED: [&str; 17] = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for",
    "in", "select", "function", "coproc", ".",
];

/// Words behind which a command is named.
const BEFORE_A_NAME: [&str; 12] = [
    "exec", "command", "builtin", "nohup", "env", "sudo", "doas", "nice", "ionice", "setsid",
    "time", "timeout",
];

/// How deep `$( )` may be nested.
const DEPTH: usize = 8;

/// Reads a command line of the forms that are understood.
struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    quotings: Vec<Quoting>,
    /// A value stands among other quoted text.
    has_text: bool,
    word: Option<Word>,
    place: Place,
    /// How many `$(` are open.
    depth: usize,
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The name of a command, or an assignment before it.
    Command,
    /// The same, behind a program that runs it, and that program's options.
    Wrapped,
    /// Behind a shell's name: the file that it reads.
    ShellScript,
    Argument,
    /// A file behind `<` or `>`, and what the word behind that is.
    Redirection {
        then_command: bool,
    },
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
    fn new(tokens: &'t [Token]) -> Self {
        let quotings = Vec::new();
        let place = Place::Command;
        Self { tokens, at: 0, quotings, has_text: false, word: None, place, depth: 0 }
    }

    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn next_is(&self, test: impl Fn(u8) -> bool) -> bool {
        matches!(self.peek(), Some(Token::Byte(byte)) if test(byte))
    }

    /// Reads commands to the end, or to the `)` that closes a `$(`.
    fn read(&mut self) -> Result<(), Unknown> {
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
        let then_command = match self.place {
            Place::Command => true,
            Place::Argument => false,
            Place::Wrapped => return Err(Unknown::Syntax),
            Place::ShellScript | Place::Redirection { .. } => return Err(Unknown::Syntax),
        };
        self.place = Place::Redirection { then_command };
        Ok(())
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
        let place = std::mem::replace(&mut self.place, Place::Command);
        self.read()?;
        self.depth -= 1;
        self.place = place;
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
        match self.place {
            // A shell that reads its standard input.
            Place::ShellScript => {
                Err(from_peer(self.tokens).map_or(Unknown::Syntax, Unknown::NamesCommand))
            }
            Place::Redirection { .. } => Err(Unknown::Syntax),
            Place::Command | Place::Wrapped | Place::Argument => {
                self.place = Place::Command;
                Ok(())
            }
        }
    }

    fn end_word(&mut self) -> Result<(), Unknown> {
        let Some(word) = self.word.take() else { return Ok(()) };
        self.has_text |= word.value.is_some() && word.has_text;
        let literal = String::from_utf8_lossy(&word.literal);
        let name = literal.rsplit('/').next().unwrap_or_default();
        self.place = match self.place {
            Place::Redirection { then_command: true } => Place::Command,
            Place::Redirection { then_command: false } => Place::Argument,
            Place::Command | Place::Wrapped if is_assignment(&word.literal) => self.place,
            Place::Command | Place::Wrapped
                if word.value.is_some_and(Placeholder::is_from_peer) =>
            {
                return word.value.map_or(Ok(()), |named| Err(Unknown::NamesCommand(named)));
            }
            Place::Command | Place::Wrapped if RESERVED.contains(&&*literal) => {
                return Err(Unknown::Syntax);
            }
            // A file of commands: what it makes of its arguments is its own affair.
            Place::ShellScript if word.value.is_some() || literal.starts_with(['-', '+']) => {
                return Err(Unknown::Syntax);
            }
            _ if READ_AGAIN.contains(&name) => return Err(Unknown::Syntax),
            _ if SHELLS.contains(&name) => Place::ShellScript,
            Place::Command | Place::Wrapped if BEFORE_A_NAME.contains(&name) => Place::Wrapped,
            _ if is_split_option(&literal) => return Err(Unknown::Syntax),
            Place::Wrapped if literal.starts_with(|first: char| "-0123456789".contains(first)) => {
                Place::Wrapped
            }
            _ => Place::Argument,
        };
        Ok(())
    }
}

/// `env -S` takes a command line apart.
fn is_split_option(word: &str) -> bool {
    word.starts_with("-S") || word.starts_with("--split-string")
}

/// `NAME=…`, by which a command gets a variable.
fn is_assignment(word: &[u8]) -> bool {
    let name = word.split(|&byte| byte == b'=').next().unwrap_or_default();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    name.len() < word.len()
        && name.first().is_some_and(|first| !first.is_ascii_digit())
        && name.iter().all(is_name)
}

/// Whether a shell takes this byte as it is, and programs take it for part of a name or a path.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"/._-+:,@%=".contains(&byte)
}
