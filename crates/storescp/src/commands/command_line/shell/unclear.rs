//! Where a command line that is not understood seems to let a peer choose what is run.

use super::words::{INTERPRETERS, PROGRAM_LETTERS, RUN_BY_OPTION, SHELLS, base, is_assignment};
use crate::commands::command_line::placeholder::{Placeholder, Token, from_peer};

/// A value from a peer that seems to be run, or read by a shell.
pub(super) fn named_by_peer(tokens: &[Token]) -> Option<Placeholder> {
    read_by_shell(tokens).or_else(|| (0..tokens.len()).find_map(|at| names_command(tokens, at)))
}

/// Words after which a shell reads a command, and programs that run their arguments.
const BEFORE_COMMANDS: [&str; 20] = [
    "then", "do", "else", "elif", "if", "while", "until", "eval", "trap", "exec", "command",
    "builtin", "time", "nohup", "env", "sudo", "xargs", "-exec", ".", "source",
];

/// Whether a value from a peer seems to stand where a command is named, in a command line that is not
/// understood.
fn names_command(tokens: &[Token], at: usize) -> Option<Placeholder> {
    let Token::Value(placeholder) = tokens[at] else { return None };
    (placeholder.is_from_peer() && is_command_place(tokens, at)).then_some(placeholder)
}

/// Whether a command seems to be named here, in a command line that is not understood.
fn is_command_place(tokens: &[Token], at: usize) -> bool {
    let before = text(&tokens[..at]);
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
    let runs = BEFORE_COMMANDS.contains(&word)
        || SHELLS.contains(&base(word))
        || is_assignment(word.as_bytes())
        || precedes_program(word, tokens);
    begins || (is_apart && runs)
}

/// Whether this is an option behind which something in the line finds a program to run.
fn precedes_program(word: &str, tokens: &[Token]) -> bool {
    let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
        return false;
    };
    let text = text(tokens);
    let words = words(&text);
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&base(word)));
    // What an expansion names may be a shell.
    (letters == "c" && (text.contains(&b'$') || has(&SHELLS) || has(&RUN_BY_OPTION)))
        || (letters.ends_with(PROGRAM_LETTERS) && has(&INTERPRETERS))
}

/// The bytes of a command line, `#` for a value.
fn text(tokens: &[Token]) -> Vec<u8> {
    let byte = |token: &Token| if let Token::Byte(byte) = token { *byte } else { b'#' };
    tokens.iter().map(byte).collect()
}

/// The words of a line, whatever they are, without quotes.
fn words(text: &[u8]) -> Vec<String> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !b"\"'\\".contains(byte)).collect();
    let words = text.split(|byte| b" \t\n;&|(){}`=<>".contains(byte));
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// A value from a peer, if a shell reads what another command writes, all the words of a command, or
/// what a variable or another command says.
fn read_by_shell(tokens: &[Token]) -> Option<Placeholder> {
    let value = from_peer(tokens)?;
    let text = text(tokens);
    let is_shell = |word: &String| SHELLS.contains(&base(word));
    let is_piped = text.split(|&byte| byte == b'|').skip(1).any(|piped| {
        let end = piped.iter().position(|byte| b";&\n".contains(byte)).unwrap_or(piped.len());
        let words = words(&piped[..end]);
        let first = words.iter().find(|word| !word.is_empty());
        words.iter().any(is_shell)
            || first.is_some_and(|word| ["at", "batch"].contains(&base(word)))
    });
    let is_redirected = text.split(|byte| b";&|\n".contains(byte)).any(|command| {
        let end = command.iter().position(|&byte| byte == b'<').unwrap_or(0);
        words(&command[..end]).iter().any(is_shell)
    });
    let evaluates = |word: &String| ["eval", "trap", "alias", "coproc"].contains(&word.as_str());
    let is_evaluated = words(&text).iter().any(evaluates);
    let is_expanded = (0..tokens.len()).any(|at| expands_to_command(tokens, at));
    (is_piped || is_redirected || is_evaluated || is_expanded).then_some(value)
}

/// Whether an expansion that names a command begins here, and what comes of it may be a value, or a
/// program that runs its arguments: parameters, variables that this line sets, what a command prints.
fn expands_to_command(tokens: &[Token], at: usize) -> bool {
    let (Token::Byte(opens @ (b'$' | b'`')), true) = (tokens[at], is_command_place(tokens, at))
    else {
        return false;
    };
    let rest = &tokens[at + 1..];
    let until = |end: u8| {
        let length = rest.iter().position(|&token| token == Token::Byte(end));
        from_peer(&rest[..length.unwrap_or(rest.len())]).is_some()
    };
    let rest_text = text(rest);
    match (opens, rest_text.first()) {
        (b'`', _) => return until(b'`'),
        (_, Some(b'(')) => return until(b')'),
        _ => {}
    }
    let name = rest_text.strip_prefix(b"{").unwrap_or(&rest_text);
    let length = name.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    let name = String::from_utf8_lossy(&name[..length.unwrap_or(name.len())]);
    let is_parameter = name.bytes().all(|byte| byte.is_ascii_digit());
    is_parameter || words(&text(tokens)).iter().any(|word| *word == *name)
}
