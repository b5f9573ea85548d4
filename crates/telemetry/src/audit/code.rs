//! The codes that audit messages use (PS3.16, CID 400 to 405; PS3.15 §A.5.1.2).

/// A coded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) value: &'static str,
    pub(super) system: &'static str,
    pub(super) meaning: &'static str,
}

const fn dcm(value: &'static str, meaning: &'static str) -> Code {
    Code { value, system: "DCM", meaning }
}

pub(super) const APPLICATION_ACTIVITY: Code = dcm("110100", "Application Activity");
pub(super) const INSTANCES_ACCESSED: Code = dcm("110103", "DICOM Instances Accessed");
pub(super) const INSTANCES_TRANSFERRED: Code = dcm("110104", "DICOM Instances Transferred");
pub(super) const SECURITY_ALERT: Code = dcm("110113", "Security Alert");
pub(super) const USER_AUTHENTICATION: Code = dcm("110114", "User Authentication");

pub(super) const APPLICATION_START: Code = dcm("110120", "Application Start");
pub(super) const APPLICATION_STOP: Code = dcm("110121", "Application Stop");
pub(super) const LOGIN: Code = dcm("110122", "Login");
pub(super) const NODE_AUTHENTICATION: Code = dcm("110126", "Node Authentication");
pub(super) const OBJECT_SECURITY_ATTRIBUTES: Code =
    dcm("110135", "Object Security Attributes Changed");
pub(super) const SOFTWARE_CONFIGURATION: Code = dcm("110131", "Software Configuration");

pub(super) const APPLICATION: Code = dcm("110150", "Application");
pub(super) const DESTINATION: Code = dcm("110152", "Destination Role ID");
pub(super) const SOURCE: Code = dcm("110153", "Source Role ID");

pub(super) const STUDY_INSTANCE_UID: Code = dcm("110180", "Study Instance UID");
pub(super) const SOP_CLASS_UID: Code = dcm("110181", "SOP Class UID");
pub(super) const NODE_ID: Code = dcm("110182", "Node ID");
pub(super) const URI: Code = Code { value: "12", system: "RFC-3881", meaning: "URI" };
