//! A resource of the API, as the router and the document need it.

use crate::state::State;
use axum::routing::MethodRouter;
use schemars::{Schema, SchemaGenerator};

/// Where the API is.
pub(super) const PREFIX: &str = "/api/v1";

/// A resource with the one method that it has.
pub(super) struct Route {
    /// Behind [`PREFIX`].
    pub(super) path: &'static str,
    pub(super) verb: Verb,
    /// Its name in programs that are made from the document.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// The parameter in its path, with its meaning.
    pub(super) path_parameter: Option<(&'static str, PathKind, &'static str)>,
    /// Its query parameters.
    pub(super) query: Option<SchemaOf>,
    /// What its body may be.
    pub(super) body: Option<SchemaOf>,
    /// What it is answered with.
    pub(super) answer: SchemaOf,
    /// Errors that only it has, by status.
    pub(super) problems: &'static [(u16, &'static str)],
    pub(super) handler: fn() -> MethodRouter<State>,
}

/// The method of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Reads. HEAD works too.
    Get,
    /// Changes something: only for operators.
    Post,
}

/// What a parameter in a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathKind {
    /// A number.
    Number,
    /// A text without control characters.
    Text,
}

/// The schema of a type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;
