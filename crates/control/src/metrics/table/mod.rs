//! The table of metrics. What is read at `/metrics`, `docs/metrics.md` and the checks of the alert rules and the
//! dashboard all come from it.

mod associations;
mod family;
mod objects;
mod owed;
mod process;
mod program;

pub(super) use family::{Family, View};

#[cfg(test)]
pub(super) use family::Values;

/// Families that belong together.
pub(super) struct Group {
    /// What they are about.
    #[cfg_attr(not(test), allow(dead_code, reason = "for docs/metrics.md"))]
    pub(super) title: &'static str,
    pub(super) families: &'static [Family],
}

/// All families.
pub(super) const GROUPS: &[Group] = &[
    Group { title: "Associations and connections", families: associations::FAMILIES },
    Group { title: "Objects", families: objects::FAMILIES },
    Group { title: "Disk, commands, studies, certificates, settings", families: program::FAMILIES },
    Group { title: "Destinations", families: owed::DESTINATIONS },
    Group { title: "Catalogue", families: owed::CATALOG },
    Group { title: "Process", families: process::FAMILIES },
];

/// All families, in the order of the table.
pub(super) fn families() -> impl Iterator<Item = &'static Family> {
    GROUPS.iter().flat_map(|group| group.families)
}
