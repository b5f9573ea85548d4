//! Symbolic names of UIDs in negotiation profiles and dumps: DCMTK's, and the keywords of the standard
//! (PS3.6 Annex A).

use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::StandardSopClassDictionary;

use super::sop_class;
use super::transfer_syntax::TransferSyntax;

/// The UID of the abstract syntax with this name, case-sensitive: storage classes, Verification, and
/// classes of other services.
#[must_use]
pub fn abstract_syntax(name: &str) -> Option<&'static str> {
    let other = || OTHER_SOP_CLASSES.iter().find(|(_, known)| *known == name).map(|(uid, _)| *uid);
    let keyword = || StandardSopClassDictionary.by_keyword(name).map(|entry| entry.uid);
    sop_class::find_by_name(name).map(|class| class.uid).or_else(other).or_else(keyword)
}

/// The transfer syntax with this name, case-sensitive.
#[must_use]
pub fn transfer_syntax(name: &str) -> Option<&'static TransferSyntax> {
    let keyword = || {
        let (uid, _) = TRANSFER_SYNTAX_KEYWORDS.iter().find(|(_, known)| *known == name)?;
        TransferSyntax::find(uid)
    };
    TransferSyntax::find_by_name(name).or_else(keyword)
}

/// The keywords of transfer syntaxes (PS3.6 Annex A) that [`transfer_syntax`] knows beside DCMTK's names.
pub fn transfer_syntax_keywords() -> impl Iterator<Item = &'static str> {
    TRANSFER_SYNTAX_KEYWORDS.iter().map(|(_, keyword)| *keyword)
}

/// DCMTK's name of a SOP class or transfer syntax.
#[must_use]
pub fn name_of(uid: &str) -> Option<&'static str> {
    let class = || sop_class::find(uid).map(|class| class.name);
    let other = || OTHER_SOP_CLASSES.iter().find(|(known, _)| *known == uid).map(|(_, name)| *name);
    TransferSyntax::find(uid).map(TransferSyntax::name).or_else(class).or_else(other)
}

/// SOP classes other than storage classes, and DCMTK's former name of one of those.
#[rustfmt::skip]
const OTHER_SOP_CLASSES: [(&str, &str); 103] = [
    ("1.2.840.10008.1.1", "VerificationSOPClass"),
    ("1.2.840.10008.1.3.10", "MediaStorageDirectoryStorage"),
    ("1.2.840.10008.1.4.4.1", "SRI24FrameOfReferenc"),
    ("1.2.840.10008.1.9", "RETIRED_BasicStudyContentNotificationSOPClass"),
    ("1.2.840.10008.1.20.1", "StorageCommitmentPushModelSOPClass"),
    ("1.2.840.10008.1.20.2", "RETIRED_StorageCommitmentPullModelSOPClass"),
    ("1.2.840.10008.1.40", "ProceduralEventLoggingSOPClass"),
    ("1.2.840.10008.1.42", "SubstanceAdministrationLoggingSOPClass"),
    ("1.2.840.10008.3.1.2.1.1", "RETIRED_DetachedPatientManagementSOPClass"),
    ("1.2.840.10008.3.1.2.1.4", "RETIRED_DetachedPatientManagementMetaSOPClass"),
    ("1.2.840.10008.3.1.2.2.1", "RETIRED_DetachedVisitManagementSOPClass"),
    ("1.2.840.10008.3.1.2.3.1", "RETIRED_DetachedStudyManagementSOPClass"),
    ("1.2.840.10008.3.1.2.3.2", "RETIRED_StudyComponentManagementSOPClass"),
    ("1.2.840.10008.3.1.2.3.3", "ModalityPerformedProcedureStepSOPClass"),
    ("1.2.840.10008.3.1.2.3.4", "ModalityPerformedProcedureStepRetrieveSOPClass"),
    ("1.2.840.10008.3.1.2.3.5", "ModalityPerformedProcedureStepNotificationSOPClass"),
    ("1.2.840.10008.3.1.2.5.1", "RETIRED_DetachedResultsManagementSOPClass"),
    ("1.2.840.10008.3.1.2.5.4", "RETIRED_DetachedResultsManagementMetaSOPClass"),
    ("1.2.840.10008.3.1.2.5.5", "RETIRED_DetachedStudyManagementMetaSOPClass"),
    ("1.2.840.10008.3.1.2.6.1", "RETIRED_DetachedInterpretationManagementSOPClass"),
    ("1.2.840.10008.5.1.1.1", "BasicFilmSessionSOPClass"),
    ("1.2.840.10008.5.1.1.2", "BasicFilmBoxSOPClass"),
    ("1.2.840.10008.5.1.1.4", "BasicGrayscaleImageBoxSOPClass"),
    ("1.2.840.10008.5.1.1.4.1", "BasicColorImageBoxSOPClass"),
    ("1.2.840.10008.5.1.1.4.2", "RETIRED_ReferencedImageBoxSOPClass"),
    ("1.2.840.10008.5.1.1.9", "BasicGrayscalePrintManagementMetaSOPClass"),
    ("1.2.840.10008.5.1.1.9.1", "RETIRED_ReferencedGrayscalePrintManagementMetaSOPClass"),
    ("1.2.840.10008.5.1.1.14", "PrintJobSOPClass"),
    ("1.2.840.10008.5.1.1.15", "BasicAnnotationBoxSOPClass"),
    ("1.2.840.10008.5.1.1.16", "PrinterSOPClass"),
    ("1.2.840.10008.5.1.1.16.376", "PrinterConfigurationRetrievalSOPClass"),
    ("1.2.840.10008.5.1.1.18", "BasicColorPrintManagementMetaSOPClass"),
    ("1.2.840.10008.5.1.1.18.1", "RETIRED_ReferencedColorPrintManagementMetaSOPClass"),
    ("1.2.840.10008.5.1.1.22", "VOILUTBoxSOPClass"),
    ("1.2.840.10008.5.1.1.23", "PresentationLUTSOPClass"),
    ("1.2.840.10008.5.1.1.24", "RETIRED_ImageOverlayBoxSOPClass"),
    ("1.2.840.10008.5.1.1.24.1", "RETIRED_BasicPrintImageOverlayBoxSOPClass"),
    ("1.2.840.10008.5.1.1.26", "RETIRED_PrintQueueManagementSOPClass"),
    ("1.2.840.10008.5.1.1.31", "RETIRED_PullPrintRequestSOPClass"),
    ("1.2.840.10008.5.1.1.32", "RETIRED_PullStoredPrintManagementMetaSOPClass"),
    ("1.2.840.10008.5.1.1.33", "MediaCreationManagementSOPClass"),
    ("1.2.840.10008.5.1.1.40", "DisplaySystemSOPClass"),
    ("1.2.840.10008.5.1.4.1.1.200.4", "FINDProtocolApprovalInformationModel"),
    ("1.2.840.10008.5.1.4.1.1.200.5", "MOVEProtocolApprovalInformationModel"),
    ("1.2.840.10008.5.1.4.1.1.200.6", "GETProtocolApprovalInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.1.1", "FINDPatientRootQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.1.2", "MOVEPatientRootQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.1.3", "GETPatientRootQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.2.1", "FINDStudyRootQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.2.2", "MOVEStudyRootQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.2.3", "GETStudyRootQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.3.1", "RETIRED_FINDPatientStudyOnlyQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.3.2", "RETIRED_MOVEPatientStudyOnlyQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.3.3", "RETIRED_GETPatientStudyOnlyQueryRetrieveInformationModel"),
    ("1.2.840.10008.5.1.4.1.2.4.2", "MOVECompositeInstanceRootRetrieve"),
    ("1.2.840.10008.5.1.4.1.2.4.3", "GETCompositeInstanceRootRetrieve"),
    ("1.2.840.10008.5.1.4.1.2.5.3", "GETCompositeInstanceRetrieveWithoutBulkData"),
    ("1.2.840.10008.5.1.4.20.1", "FINDDefinedProcedureProtocolInformationModel"),
    ("1.2.840.10008.5.1.4.20.2", "MOVEDefinedProcedureProtocolInformationModel"),
    ("1.2.840.10008.5.1.4.20.3", "GETDefinedProcedureProtocolInformationModel"),
    ("1.2.840.10008.5.1.4.31", "FINDModalityWorklistInformationModel"),
    ("1.2.840.10008.5.1.4.32", "RETIRED_GeneralPurposeWorklistManagementMetaSOPClass"),
    ("1.2.840.10008.5.1.4.32.1", "RETIRED_FINDGeneralPurposeWorklistInformationModel"),
    ("1.2.840.10008.5.1.4.32.2", "RETIRED_GeneralPurposeScheduledProcedureStepSOPClass"),
    ("1.2.840.10008.5.1.4.32.3", "RETIRED_GeneralPurposePerformedProcedureStepSOPClass"),
    ("1.2.840.10008.5.1.4.33", "InstanceAvailabilityNotificationSOPClass"),
    ("1.2.840.10008.5.1.4.34.2", "DRAFT_RTConventionalMachineVerification"),
    ("1.2.840.10008.5.1.4.34.3", "DRAFT_RTIonMachineVerification"),
    ("1.2.840.10008.5.1.4.34.4.1", "DRAFT_UnifiedProcedureStepPushSOPClass"),
    ("1.2.840.10008.5.1.4.34.4.2", "DRAFT_UnifiedProcedureStepWatchSOPClass"),
    ("1.2.840.10008.5.1.4.34.4.3", "DRAFT_UnifiedProcedureStepPullSOPClass"),
    ("1.2.840.10008.5.1.4.34.4.4", "DRAFT_UnifiedProcedureStepEventSOPClass"),
    ("1.2.840.10008.5.1.4.34.6.1", "UnifiedProcedureStepPushSOPClass"),
    ("1.2.840.10008.5.1.4.34.6.2", "UnifiedProcedureStepWatchSOPClass"),
    ("1.2.840.10008.5.1.4.34.6.3", "UnifiedProcedureStepPullSOPClass"),
    ("1.2.840.10008.5.1.4.34.6.4", "UnifiedProcedureStepEventSOPClass"),
    ("1.2.840.10008.5.1.4.34.6.5", "UnifiedProcedureStepQuerySOPClass"),
    ("1.2.840.10008.5.1.4.34.8", "RTConventionalMachineVerification"),
    ("1.2.840.10008.5.1.4.34.9", "RTIonMachineVerification"),
    ("1.2.840.10008.5.1.4.37.1", "GeneralRelevantPatientInformationQuery"),
    ("1.2.840.10008.5.1.4.37.2", "BreastImagingRelevantPatientInformationQuery"),
    ("1.2.840.10008.5.1.4.37.3", "CardiacRelevantPatientInformationQuery"),
    ("1.2.840.10008.5.1.4.38.2", "FINDHangingProtocolInformationModel"),
    ("1.2.840.10008.5.1.4.38.3", "MOVEHangingProtocolInformationModel"),
    ("1.2.840.10008.5.1.4.39.2", "FINDColorPaletteInformationModel"),
    ("1.2.840.10008.5.1.4.39.3", "MOVEColorPaletteInformationModel"),
    ("1.2.840.10008.5.1.4.39.4", "GETColorPaletteInformationModel"),
    ("1.2.840.10008.5.1.4.41", "ProductCharacteristicsQuerySOPClass"),
    ("1.2.840.10008.5.1.4.42", "SubstanceApprovalQuerySOPClass"),
    ("1.2.840.10008.5.1.4.43.2", "FINDGenericImplantTemplateInformationModel"),
    ("1.2.840.10008.5.1.4.43.3", "MOVEGenericImplantTemplateInformationModel"),
    ("1.2.840.10008.5.1.4.43.4", "GETGenericImplantTemplateInformationModel"),
    ("1.2.840.10008.5.1.4.44.2", "FINDImplantAssemblyTemplateInformationModel"),
    ("1.2.840.10008.5.1.4.44.3", "MOVEImplantAssemblyTemplateInformationModel"),
    ("1.2.840.10008.5.1.4.44.4", "GETImplantAssemblyTemplateInformationModel"),
    ("1.2.840.10008.5.1.4.45.2", "FINDImplantTemplateGroupInformationModel"),
    ("1.2.840.10008.5.1.4.45.3", "MOVEImplantTemplateGroupInformationModel"),
    ("1.2.840.10008.5.1.4.45.4", "GETImplantTemplateGroupInformationModel"),
    ("1.2.840.10008.10.1", "VideoEndoscopicImageRealTimeCommunication"),
    ("1.2.840.10008.10.2", "VideoPhotographicImageRealTimeCommunication"),
    ("1.2.840.10008.10.3", "AudioWaveformRealTimeCommunication"),
    ("1.2.840.10008.10.4", "RenditionSelectionDocumentRealTimeCommunication"),
    ("1.2.840.10008.5.1.4.1.1.88.70", "ImplantationPlanSRDocumentStorage"),
];

/// The keywords that differ from DCMTK's names (PS3.6 Table A-1).
#[rustfmt::skip]
const TRANSFER_SYNTAX_KEYWORDS: [(&str, &str); 51] = [
    ("1.2.840.10008.1.2", "ImplicitVRLittleEndian"),
    ("1.2.840.10008.1.2.1", "ExplicitVRLittleEndian"),
    ("1.2.840.10008.1.2.1.98", "EncapsulatedUncompressedExplicitVRLittleEndian"),
    ("1.2.840.10008.1.2.1.99", "DeflatedExplicitVRLittleEndian"),
    ("1.2.840.10008.1.2.2", "ExplicitVRBigEndian"),
    ("1.2.840.10008.1.2.4.50", "JPEGBaseline8Bit"),
    ("1.2.840.10008.1.2.4.51", "JPEGExtended12Bit"),
    ("1.2.840.10008.1.2.4.52", "JPEGExtended35"),
    ("1.2.840.10008.1.2.4.53", "JPEGSpectralSelectionNonHierarchical68"),
    ("1.2.840.10008.1.2.4.54", "JPEGSpectralSelectionNonHierarchical79"),
    ("1.2.840.10008.1.2.4.55", "JPEGFullProgressionNonHierarchical1012"),
    ("1.2.840.10008.1.2.4.56", "JPEGFullProgressionNonHierarchical1113"),
    ("1.2.840.10008.1.2.4.57", "JPEGLossless"),
    ("1.2.840.10008.1.2.4.58", "JPEGLosslessNonHierarchical15"),
    ("1.2.840.10008.1.2.4.59", "JPEGExtendedHierarchical1618"),
    ("1.2.840.10008.1.2.4.60", "JPEGExtendedHierarchical1719"),
    ("1.2.840.10008.1.2.4.61", "JPEGSpectralSelectionHierarchical2022"),
    ("1.2.840.10008.1.2.4.62", "JPEGSpectralSelectionHierarchical2123"),
    ("1.2.840.10008.1.2.4.63", "JPEGFullProgressionHierarchical2426"),
    ("1.2.840.10008.1.2.4.64", "JPEGFullProgressionHierarchical2527"),
    ("1.2.840.10008.1.2.4.65", "JPEGLosslessHierarchical28"),
    ("1.2.840.10008.1.2.4.66", "JPEGLosslessHierarchical29"),
    ("1.2.840.10008.1.2.4.70", "JPEGLosslessSV1"),
    ("1.2.840.10008.1.2.4.81", "JPEGLSNearLossless"),
    ("1.2.840.10008.1.2.4.90", "JPEG2000Lossless"),
    ("1.2.840.10008.1.2.4.92", "JPEG2000MCLossless"),
    ("1.2.840.10008.1.2.4.93", "JPEG2000MC"),
    ("1.2.840.10008.1.2.4.100", "MPEG2MPML"),
    ("1.2.840.10008.1.2.4.100.1", "MPEG2MPMLF"),
    ("1.2.840.10008.1.2.4.101", "MPEG2MPHL"),
    ("1.2.840.10008.1.2.4.101.1", "MPEG2MPHLF"),
    ("1.2.840.10008.1.2.4.102", "MPEG4HP41"),
    ("1.2.840.10008.1.2.4.102.1", "MPEG4HP41F"),
    ("1.2.840.10008.1.2.4.103", "MPEG4HP41BD"),
    ("1.2.840.10008.1.2.4.103.1", "MPEG4HP41BDF"),
    ("1.2.840.10008.1.2.4.104", "MPEG4HP422D"),
    ("1.2.840.10008.1.2.4.104.1", "MPEG4HP422DF"),
    ("1.2.840.10008.1.2.4.105", "MPEG4HP423D"),
    ("1.2.840.10008.1.2.4.105.1", "MPEG4HP423DF"),
    ("1.2.840.10008.1.2.4.106", "MPEG4HP42STEREO"),
    ("1.2.840.10008.1.2.4.106.1", "MPEG4HP42STEREOF"),
    ("1.2.840.10008.1.2.4.107", "HEVCMP51"),
    ("1.2.840.10008.1.2.4.108", "HEVCM10P51"),
    ("1.2.840.10008.1.2.4.201", "HTJ2KLossless"),
    ("1.2.840.10008.1.2.4.202", "HTJ2KLosslessRPCL"),
    ("1.2.840.10008.1.2.4.203", "HTJ2K"),
    ("1.2.840.10008.1.2.6.1", "RFC2557MIMEEncapsulation"),
    ("1.2.840.10008.1.2.6.2", "XMLEncoding"),
    ("1.2.840.10008.1.2.7.1", "SMPTEST211020UncompressedProgressiveActiveVideo"),
    ("1.2.840.10008.1.2.7.2", "SMPTEST211020UncompressedInterlacedActiveVideo"),
    ("1.2.840.10008.1.2.7.3", "SMPTEST211030PCMDigitalAudio"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_vocabularies_are_understood() {
        for name in ["CTImageStorage", "VerificationSOPClass", "Verification"] {
            assert!(abstract_syntax(name).is_some(), "{name}");
        }
        let old = abstract_syntax("ImplantationPlanSRDocumentStorage");
        assert_eq!(old, abstract_syntax("ImplantationPlanSRStorage"));
        assert_eq!(abstract_syntax("ctimagestorage"), None);
        for (name, keyword) in [
            ("LittleEndianImplicit", "ImplicitVRLittleEndian"),
            ("JPEGLossless:Non-hierarchical-1stOrderPrediction", "JPEGLosslessSV1"),
            ("RETIRED_XMLEncoding", "XMLEncoding"),
        ] {
            assert_eq!(transfer_syntax(name), transfer_syntax(keyword), "{name}");
            assert!(transfer_syntax(name).is_some(), "{name}");
        }
    }

    #[test]
    fn no_name_stands_for_two() {
        for (_, keyword) in TRANSFER_SYNTAX_KEYWORDS {
            assert!(TransferSyntax::find_by_name(keyword).is_none(), "{keyword}");
        }
        for (uid, name) in OTHER_SOP_CLASSES {
            assert!(sop_class::find_by_name(name).is_none(), "{name}");
            let keyword = StandardSopClassDictionary.by_keyword(name).map(|entry| entry.uid);
            assert!(keyword.is_none_or(|known| known == uid), "{name}");
        }
    }

    #[test]
    fn names_are_those_of_dumps() {
        assert_eq!(name_of("1.2.840.10008.1.1"), Some("VerificationSOPClass"));
        assert_eq!(name_of("1.2.840.10008.1.2.5"), Some("RLELossless"));
        assert_eq!(name_of("1.2.840.10008.5.1.4.1.1.2"), Some("CTImageStorage"));
        assert_eq!(name_of("1.2.3"), None);
    }
}
