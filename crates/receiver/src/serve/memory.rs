//! The most memory that an association takes: the sum of all that a peer can make one hold.

use crate::limits::{
    ACCESS_BYTES, ASSOCIATION_BYTES, DUMP_BYTES, FIRST_RECEIVE_BUFFER_BYTES, RECEIVE_BUFFER_BYTES,
    THREAD_STACK_BYTES, TLS_PEAK_BYTES,
};
use crate::node::NodeSettings;
use crate::output::OutputSettings;
use dataset::format::OutputTransferSyntax;
use dataset::limits::{DEFLATE_BYTES, INFLATE_BYTES, PARSER_BYTES, REWRITE_BYTES};
use storage::limits::WRITE_BLOCK_BYTES;

/// The most bytes that an association takes with these settings, one line for each part. What all
/// associations share (log lines that wait, open studies, the dictionary) is not in it.
pub(super) fn of_association(settings: &NodeSettings, output: Option<&OutputSettings>) -> usize {
    let rewrites = output.map(|output| &output.format).filter(|format| !format.bit_preserving);
    let deflates = rewrites.is_some_and(|it| {
        it.transfer_syntax == OutputTransferSyntax::DeflatedExplicitVrLittleEndian
    });
    let dumps = settings.verbose_presentation_contexts || tracing::enabled!(tracing::Level::DEBUG);
    let parts = [
        (true, THREAD_STACK_BYTES),
        (true, ASSOCIATION_BYTES),
        // The buffer grows by moving to a larger one.
        (true, FIRST_RECEIVE_BUFFER_BYTES + RECEIVE_BUFFER_BYTES),
        (true, proto::limits::PEAK_BYTES),
        (dumps, DUMP_BYTES),
        (settings.network.access_control, ACCESS_BYTES),
        (settings.tls.is_some(), TLS_PEAK_BYTES),
        (output.is_some(), PARSER_BYTES + INFLATE_BYTES + WRITE_BLOCK_BYTES),
        (rewrites.is_some(), REWRITE_BYTES),
        (deflates, DEFLATE_BYTES),
    ];
    parts.iter().filter(|(is_used, _)| *is_used).map(|(_, bytes)| bytes).sum()
}
