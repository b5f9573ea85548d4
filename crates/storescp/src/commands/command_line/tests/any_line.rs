//! Command lines at random.

/// A small generator of numbers (xorshift), so that what fails can be run again.
pub(super) struct Dice(u64);

impl Dice {
    /// `COMMAND_LINE_SEED` gives other command lines.
    pub(super) fn new(seed: u64) -> Self {
        let other = std::env::var("COMMAND_LINE_SEED").ok();
        Self(other.and_then(|other| other.parse().ok()).unwrap_or(seed))
    }

    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

pub(super) const PLACEHOLDERS: [&str; 5] = ["#a", "#c", "#r", "#p", "#f"];

/// A command line of nested things that shells know.
pub(super) fn any_line(dice: &mut Dice, depth: usize) -> String {
    let count = 1 + dice.roll(3);
    let parts = (0..count).map(|_| any_command(dice, depth));
    let parts: Vec<String> = parts.collect();
    parts.join(dice.pick(&["; ", " && ", " || ", "\n", " | ", " & ", ";"]))
}

fn any_command(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 || dice.roll(3) > 0 {
        let command =
            dice.pick(&["rec ", "echo ", "printf %s ", "true ", ": ", "A=1 rec ", "eval ", "env "]);
        let words: Vec<String> = (0..1 + dice.roll(3)).map(|_| any_word(dice, depth)).collect();
        return format!(
            "{command}{}{}",
            words.join(" "),
            dice.pick(&["", "", " >out", " 2>&1", " # it's"])
        );
    }
    let inner = any_line(dice, depth - 1);
    let word = any_word(dice, depth - 1);
    match dice.roll(10) {
        0 => format!("({inner})"),
        1 => format!("{{ {inner}; }}"),
        2 => format!("if {inner}; then {inner}; fi"),
        3 => format!("case {word} in a|b) {inner};; *) {inner};; esac"),
        4 => format!("for x in {word}; do {inner}; done"),
        5 => format!("cat <<E\n{inner}\nE\n"),
        6 => format!("f() {{ {inner}; }}; f"),
        7 => format!("sh -c '{}'", inner.replace('\'', "'\\''")),
        8 => format!("sh -c \"{inner}\""),
        _ => format!("eval '{}'", inner.replace('\'', "\"")),
    }
}

fn any_word(dice: &mut Dice, depth: usize) -> String {
    let mut word = String::new();
    for _ in 0..1 + dice.roll(3) {
        let placeholder = dice.pick(&PLACEHOLDERS);
        match dice.roll(if depth == 0 { 10 } else { 15 }) {
            0..3 => word.push_str(placeholder),
            3 => word.push_str(&format!("\"{placeholder}\"")),
            4 => word.push_str(&format!("'{placeholder}'")),
            5 => word.push_str(
                dice.pick(&["x", "a b", "\\ ", "\\\"", "\\'", "#", "##", "*", "~", "$x"]),
            ),
            6 => word.push_str(&format!("\"x {placeholder}; y\"")),
            7 => word.push_str(&format!("'it is {placeholder}'")),
            8 => word.push_str(&format!("$'{placeholder}\\''")),
            9 => word.push_str(
                dice.pick(&["'", "\"", "`", "$(", ")", "\\", "\\\\", "${x:-", "}", "((", "))"]),
            ),
            10 => word.push_str(&format!("$({})", any_line(dice, depth - 1))),
            11 => word.push_str(&format!("`{}`", any_line(dice, depth - 1).replace('`', ""))),
            12 => word.push_str(&format!("\"$({})\"", any_line(dice, depth - 1))),
            13 => word.push_str(&format!("\"`{}`\"", any_line(dice, depth - 1).replace('`', ""))),
            _ => word.push_str(&format!("${{x:-{placeholder}}}")),
        }
    }
    word
}
