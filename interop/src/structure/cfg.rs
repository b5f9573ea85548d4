//! Determines which code is in the program, from `#[cfg(…)]` about tests.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

/// Cargo features that no program is built with; code that they enable counts as tests.
pub const TEST_FEATURES: &[&str] = &["explore", "testing"];

/// True if one of these attributes leaves its item out of every program.
pub(super) fn only_in_tests(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .filter(|one| one.path().is_ident("cfg"))
        .any(|one| one.parse_args::<Meta>().is_ok_and(|predicate| holds(&predicate) == Some(false)))
}

/// Evaluates a predicate for a program; `None` if that depends on the platform or on another feature.
fn holds(predicate: &Meta) -> Option<bool> {
    match predicate {
        Meta::Path(path) if path.is_ident("test") => Some(false),
        Meta::NameValue(pair) if pair.path.is_ident("feature") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => {
                TEST_FEATURES.contains(&name.value().as_str()).then_some(false)
            }
            _ => None,
        },
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            let parts: Vec<Option<bool>> = parts.ok()?.iter().map(holds).collect();
            if list.path.is_ident("not") {
                parts.first().copied().flatten().map(|value| !value)
            } else if list.path.is_ident("all") {
                every(&parts)
            } else if list.path.is_ident("any") {
                let none: Vec<_> = parts.iter().map(|part| part.map(|value| !value)).collect();
                every(&none).map(|value| !value)
            } else {
                None
            }
        }
        _ => None,
    }
}

fn every(parts: &[Option<bool>]) -> Option<bool> {
    if parts.contains(&Some(false)) {
        return Some(false);
    }
    parts.iter().all(|part| *part == Some(true)).then_some(true)
}
