//! Explorations of what associations share in a folder: its syncs, the claims of its names, its
//! subfolders; and of the commit as a whole.

#[path = "../directory/exploration.rs"]
mod commit;
#[path = "../sync/folder_sync/exploration.rs"]
mod folder_sync;
#[path = "../directory/names/name_claims/exploration.rs"]
mod name_claims;
#[path = "../instance_file/exploration.rs"]
mod power_loss;
#[path = "../directory/subfolders/exploration.rs"]
mod subfolders;
