//! References between modules.

/// A reference from a module to another one, or to an item of a module above it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// How the two modules are related.
    pub relation: Relation,
    /// Path of the module that contains the reference.
    pub from: String,
    /// Path of the module that it refers to.
    pub to: String,
    /// Name of the item, `*` for all items; empty if it refers to the module itself.
    pub item: String,
    /// The file that contains it, relative to the root of the workspace.
    pub file: String,
    /// The line number.
    pub line: usize,
}

/// How the two modules of a [`Reference`] are related.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// From inside one child of a module to inside another child.
    Across {
        /// Index of the common parent.
        parent: usize,
        /// Name of the child that contains the reference.
        from: String,
        /// Name of the child that it refers to.
        to: String,
    },
    /// To an item that a module above defines in its own file.
    Upward {
        /// 1 for the module's own parent.
        levels: usize,
        /// True if the module above is the root of the crate.
        to_root: bool,
    },
}
