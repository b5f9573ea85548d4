//! Looking into the catalogue, page by page.

mod deliveries;
mod instances;
mod studies;

pub(super) use self::deliveries::deliveries;
pub(super) use self::instances::{instance_at, instances, owed, removable};
pub(super) use self::studies::{series, studies};

use super::database::{Row, Statements, Value};
use super::encoding::text;
use crate::limits::PAGE_ROWS;
use crate::{Error, Page};

/// Rows of a page, at most.
fn most(page: Page) -> i64 {
    page.most.min(PAGE_ROWS) as i64
}

/// The key of a study.
fn study(statements: &mut dyn Statements, uid: &str) -> Result<Option<i64>, Error> {
    let rows = statements.query("SELECT id FROM study WHERE uid = $1", &[text(uid).into()])?;
    rows.into_iter().next().as_mut().map(Row::integer).transpose()
}

/// Conditions of a statement, with their parameters.
#[derive(Default)]
struct Conditions<'v> {
    conditions: Vec<String>,
    parameters: Vec<Value<'v>>,
}

impl<'v> Conditions<'v> {
    /// Adds a condition; `?` in it stands for the parameter.
    fn add(&mut self, condition: &str, parameter: impl Into<Value<'v>>) {
        let mark = self.parameter(parameter);
        self.conditions.push(condition.replace('?', &mark));
    }

    /// Adds a condition without a parameter.
    fn fixed(&mut self, condition: &str) {
        self.conditions.push(condition.to_owned());
    }

    /// Adds a parameter, and returns how it is written.
    fn parameter(&mut self, parameter: impl Into<Value<'v>>) -> String {
        self.parameters.push(parameter.into());
        format!("${}", self.parameters.len())
    }

    /// All of them, with `AND` between.
    fn all(&self) -> String {
        if self.conditions.is_empty() { "TRUE".to_owned() } else { self.conditions.join(" AND ") }
    }
}
