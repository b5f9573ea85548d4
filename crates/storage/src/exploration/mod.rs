//! Explorations of what associations share in a folder: its syncs, the claims of its names, its
//! subfolders; and of the commit as a whole.

mod commit;
mod folder_sync;
mod name_claims;
mod power_loss;
mod subfolders;
