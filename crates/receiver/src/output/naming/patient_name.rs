//! Patient's Name as the name of a folder.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name of letters, digits and `_` alone.
///
/// Latin letters lose their accents, and German umlauts become two letters, as DCMTK does it for
/// Latin-1. Letters of other alphabets stay. Everything else becomes `_`.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for letter in name.nfc() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' => plain.push(letter),
            '\0'..='\u{ff}' => plain.push_str(latin_1(letter)),
            _ => match latin(letter) {
                Some(letters) => plain.push_str(&letters),
                // A vowel sign belongs to the letter before it.
                None if is_combining_mark(letter) => {
                    if plain.chars().next_back().is_some_and(|before| !before.is_ascii()) {
                        plain.push(letter);
                    }
                }
                None if letter.is_alphanumeric() && !is_blank(letter) => plain.push(letter),
                None => plain.push('_'),
            },
        }
    }
    plain
}

/// U+00A0 to U+00FF, and all that is no letter before.
fn latin_1(letter: char) -> &'static str {
    match letter {
        'Ä' => "Ae",
        'Ö' => "Oe",
        'Ü' => "Ue",
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'À'..='Æ' => "A",
        'Ç' => "C",
        'È'..='Ë' => "E",
        'Ì'..='Ï' => "I",
        'Ð' => "D",
        'Ñ' => "N",
        'Ò'..='Ø' if letter != '×' => "O",
        'Ù'..='Û' => "U",
        'Ý' => "Y",
        'à'..='æ' => "a",
        'ç' => "c",
        'è'..='ë' => "e",
        'ì'..='ï' => "i",
        'ð' => "d",
        'ñ' => "n",
        'ò'..='ø' if letter != '÷' => "o",
        'ù'..='û' => "u",
        'ý' | 'ÿ' => "y",
        _ => "_",
    }
}

/// The ASCII letters or digits that other Latin ones are made from.
fn latin(letter: char) -> Option<String> {
    let simple = match letter {
        'Ł' => "L",
        'ł' => "l",
        'Đ' => "D",
        'đ' => "d",
        'Ħ' => "H",
        'ħ' => "h",
        'ı' => "i",
        'Œ' => "Oe",
        'œ' => "oe",
        'ẞ' => "SS",
        _ => "",
    };
    if !simple.is_empty() {
        return Some(simple.to_owned());
    }
    let base: String =
        std::iter::once(letter).nfkd().filter(|&part| !is_combining_mark(part)).collect();
    let all_ascii = base.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (all_ascii && !base.is_empty()).then_some(base)
}

/// Whether a letter of Hangul shows nothing.
fn is_blank(letter: char) -> bool {
    matches!(letter, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_letters_lose_their_accents() {
        for (name, plain) in [
            ("Doe^Jane", "Doe_Jane"),
            ("Müller-Lüdenscheidt^Özge ß", "Mueller_Luedenscheidt_Oezge_ss"),
            // The same, decomposed.
            ("Mu\u{308}ller", "Mueller"),
            ("Ærø×÷Þþÿ", "Aro____y"),
            ("Čapek^Łukasz^Őry^Şule", "Capek_Lukasz_Ory_Sule"),
            ("Ｆｕｌｌ１", "Full1"),
            ("ﬁn", "fin"),
            ("../..\\$(x)`\n\"'", "________x_____"),
        ] {
            assert_eq!(plain_name(name), plain);
        }
    }

    #[test]
    fn other_letters_stay() {
        for (name, plain) in [
            ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada_Tarou_山田_太郎_やまだ_たろう"),
            ("Иванов^Й", "Иванов_Й"),
            ("Hong^Gildong=洪^吉洞=홍^길동", "Hong_Gildong_洪_吉洞_홍_길동"),
            ("สมชาย^ดี", "สมชาย_ดี"),
            ("राम", "राम"),
            ("ﾔﾏﾀﾞ", "ﾔﾏﾀﾞ"),
        ] {
            assert_eq!(plain_name(name), plain);
        }
    }

    #[test]
    fn nothing_invisible_stays() {
        assert_eq!(plain_name("a\u{202e}b\u{200b}c\u{3164}d\u{feff}e\u{2028}"), "a_b_c_d_e_");
        assert_eq!(plain_name("\u{fffd}🙂"), "__");
    }
}
