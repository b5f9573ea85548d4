//! Commands after objects and studies.

use crate::settings::reader::table;
use crate::settings::values::Time;

table! {
    /// Commands after objects and studies (docs/operations.md). In them, the placeholders `#p #f #a #c #r` are replaced,
    /// and environment variables tell the rest. Commands are shown in the log and the API, so let them read secrets from
    /// files.
    struct Commands {
        /// What a shell runs after each C-STORE; `""` for nothing.
        #[schemars(example = "/opt/step \"$STORESCP_PATH/$STORESCP_FILE\"")]
        on_reception: String,
        /// What a shell runs after the last C-STORE of a study; `""` for nothing. Needs `sort`.
        #[schemars(example = "/opt/study \"$STORESCP_PATH\"")]
        on_end_of_study: String,
        /// Whether the files of a study are numbered after its last C-STORE. Needs `sort`.
        #[schemars(extend("default" = false))]
        rename_on_end_of_study: bool,
        /// How long without objects a study has ended. If it is missing, the next study or the end of the association ends
        /// it. Needs `sort`.
        #[schemars(example = "60 s")]
        end_of_study_timeout: Time<0>,
        /// Whether the association waits for each command to end.
        #[schemars(extend("default" = false))]
        wait: bool,
        /// Without `[catalog]`: whether commands that are to run are noted on disk, so that those that a kill or a power
        /// loss cut off run at the next start. With a catalogue, the outbox remembers them.
        #[schemars(extend("default" = true))]
        journal: bool,
    }
}
