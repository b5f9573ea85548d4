//! What tests of several modules need: receivers without a port.

use crate::net::PeerNames;
use crate::output::studies::{Studies, Timing};
use crate::{
    Identity, Node, NodeSettings, Observer, Output, OutputSettings, Proposed, Refusal, Treatment,
};
use dataset::{Dictionary, Uid, transfer_syntax};
use proto::VersionName;
use std::sync::Arc;
use storage::Storage;

/// Treats all alike.
pub(crate) struct Plain(pub(crate) Arc<Treatment>);

impl Observer for Plain {
    fn admit(&self, _: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.0))
    }
}

pub(crate) fn identity() -> Identity {
    Identity {
        implementation_class_uid: Uid::parse(b"2.25.1").unwrap(),
        implementation_version_name: VersionName::parse(b"OURS").unwrap(),
        max_pdu_bytes: 16384,
    }
}

/// A node that stores all storage classes into `storage`.
pub(crate) fn node(settings: OutputSettings, storage: Arc<dyn Storage>) -> Node {
    let treatment = treatment(settings, storage, Timing::default());
    node_of(Arc::new(Plain(Arc::new(treatment))))
}

/// A node whose associations are treated as `observer` says.
pub(crate) fn node_of(observer: Arc<dyn Observer>) -> Node {
    let names = Arc::new(PeerNames::new(false));
    Node::new(NodeSettings::new(identity(), 0), names, observer).unwrap()
}

/// All storage classes are stored into `storage`.
pub(crate) fn treatment(
    settings: OutputSettings,
    storage: Arc<dyn Storage>,
    timing: Timing,
) -> Treatment {
    let sorting = settings.sorting.clone();
    let studies = sorting.map(|it| Arc::new(Studies::new(it, timing)));
    let dictionary = Arc::new(Dictionary::built_in());
    let output = Output::with_storage(settings, storage, dictionary, studies);
    let syntaxes = [transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN];
    Treatment::new(&identity(), &syntaxes, Arc::new(output))
}
