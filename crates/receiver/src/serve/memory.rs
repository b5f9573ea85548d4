//! The most memory that an association takes: the sum of all that a peer can make one hold. The parts are
//! explained in [`crate::limits`].

use crate::limits::{
    ACCESS_BYTES, ASSOCIATION_BYTES, DUMP_BYTES, FAULT_BYTES, FILE_BYTES,
    FIRST_RECEIVE_BUFFER_BYTES, RECEIVE_BUFFER_BYTES, TEMPLATE_ATTRIBUTES, TEXT_VALUE_BYTES,
    THREAD_STACK_BYTES, TLS_PEAK_BYTES,
};
use crate::node::NodeSettings;
use crate::output::OutputSettings;
use dataset::format::OutputTransferSyntax;
use dataset::limits::{
    DEFLATE_BYTES, INFLATE_BYTES, PARSER_BYTES, REWRITE_BYTES, WANTED_ATTRIBUTE_BYTES,
};

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
        (output.is_some(), PARSER_BYTES + INFLATE_BYTES + FILE_BYTES),
        (rewrites.is_some(), REWRITE_BYTES + TEXT_VALUE_BYTES),
        (deflates, DEFLATE_BYTES),
        (
            output.is_some_and(|output| output.path.is_some()),
            TEMPLATE_ATTRIBUTES * WANTED_ATTRIBUTE_BYTES,
        ),
        (settings.faults.is_some(), FAULT_BYTES),
    ];
    parts.iter().filter(|(is_used, _)| *is_used).map(|(_, bytes)| bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use std::path::PathBuf;

    /// The figures of `docs/operations.md`, in KiB.
    #[test]
    fn the_sums_are_those_that_the_documentation_tells() {
        let mut settings = NodeSettings::new(testing::identity(), 0);
        let mut output = OutputSettings::new(PathBuf::from("/data"));
        let kib = |settings: &_, output: Option<&_>| of_association(settings, output) / 1024;
        assert_eq!(kib(&settings, None), 1_120);
        assert_eq!(kib(&settings, Some(&output)), 5_576);
        output.format.transfer_syntax = OutputTransferSyntax::DeflatedExplicitVrLittleEndian;
        assert_eq!(kib(&settings, Some(&output)), 5_960);
        output.path = crate::PathTemplate::parse("{PatientID}").ok();
        assert_eq!(kib(&settings, Some(&output)), 5_960 + 102);
        output.path = None;
        output.format.bit_preserving = true;
        assert_eq!(kib(&settings, Some(&output)), 2_544);
        settings.verbose_presentation_contexts = true;
        settings.network.access_control = true;
        assert_eq!(kib(&settings, Some(&output)), 2_544 + (3 + 8) * 1024);
        settings.tls = Some(crate::net::tls::TlsSettings::new("key".into(), "pem".into()));
        assert_eq!(kib(&settings, Some(&output)), 2_544 + (3 + 8) * 1024 + 536);
        settings.faults = Some(crate::faults::FaultPlan::default());
        assert_eq!(kib(&settings, Some(&output)), 2_544 + (3 + 8) * 1024 + 536 + 4 * 1024);
    }
}
