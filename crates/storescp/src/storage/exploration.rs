//! Explorations of what associations share in a folder: its syncs, the claims of its names, its
//! subfolders; and of the commit as a whole.

mod folder_sync;
mod name_claims;
