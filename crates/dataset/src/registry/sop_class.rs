//! Storage SOP classes (PS3.4 Annex B, PS3.6 Annex A) and the file-name prefixes that go with them.

use super::transfer_syntax::TransferSyntax;

/// The Verification SOP class (PS3.4 Annex A).
pub const VERIFICATION: &str = "1.2.840.10008.1.1";

/// A storage SOP class: current, retired or draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SopClass {
    /// The UID, without padding.
    pub uid: &'static str,
    /// The prefix of file names of this class: letters, digits and `_`, as in DCMTK.
    pub prefix: &'static str,
    /// The symbolic name that DCMTK uses in dumps and negotiation profiles.
    pub name: &'static str,
    /// Whether a receiver accepts this class unless a negotiation profile says otherwise. False for
    /// non-patient objects, such as hanging protocols.
    pub accepted_by_default: bool,
}

/// All storage SOP classes, in the byte order of their UIDs.
#[must_use]
pub fn all() -> &'static [SopClass] {
    &TABLE
}

/// Finds a storage SOP class by its UID.
#[must_use]
pub fn find(uid: &str) -> Option<&'static SopClass> {
    TABLE.binary_search_by(|class| class.uid.cmp(uid)).ok().map(|index| &TABLE[index])
}

/// Finds a storage SOP class by its DCMTK symbolic name, as used in negotiation profiles.
#[must_use]
pub fn find_by_name(name: &str) -> Option<&'static SopClass> {
    TABLE.iter().find(|class| class.name == name)
}

/// Whether the standard registers `uid` for any purpose: a storage class, a transfer syntax, a query
/// model, a well-known instance. Other UIDs may be private storage classes.
#[must_use]
pub fn is_registered(uid: &str) -> bool {
    uid == VERIFICATION
        || find(uid).is_some()
        || TransferSyntax::find(uid).is_some()
        || uid.strip_prefix("1.2.840.10008.").is_some_and(is_other_than_storage)
}

fn is_other_than_storage(below_root: &str) -> bool {
    let Some((parent, last)) = below_root.rsplit_once('.') else {
        return false;
    };
    // Numbers are compared, so the text has to be in the one form that a UID allows.
    let Some(last) = last.parse::<u16>().ok().filter(|number| number.to_string() == last) else {
        return false;
    };
    OTHER_THAN_STORAGE.iter().any(|(prefix, ranges)| {
        *prefix == parent && ranges.iter().any(|(first, end)| (*first..=*end).contains(&last))
    })
}

const fn storage(uid: &'static str, prefix: &'static str, name: &'static str) -> SopClass {
    SopClass { uid, prefix, name, accepted_by_default: true }
}

const fn by_profile(uid: &'static str, prefix: &'static str, name: &'static str) -> SopClass {
    SopClass { uid, prefix, name, accepted_by_default: false }
}

#[rustfmt::skip]
static TABLE: [SopClass; 214] = [
    storage("1.2.840.10008.5.1.1.27", "SP", "RETIRED_StoredPrintStorage"),
    storage("1.2.840.10008.5.1.1.29", "HG", "RETIRED_HardcopyGrayscaleImageStorage"),
    storage("1.2.840.10008.5.1.1.30", "HC", "RETIRED_HardcopyColorImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.1", "CR", "ComputedRadiographyImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.1.1", "DX", "DigitalXRayImageStorageForPresentation"),
    storage("1.2.840.10008.5.1.4.1.1.1.1.1", "DP", "DigitalXRayImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.1.2", "DXm", "DigitalMammographyXRayImageStorageForPresentation"),
    storage("1.2.840.10008.5.1.4.1.1.1.2.1", "DPm", "DigitalMammographyXRayImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.1.3", "DXo", "DigitalIntraOralXRayImageStorageForPresentation"),
    storage("1.2.840.10008.5.1.4.1.1.1.3.1", "DPo", "DigitalIntraOralXRayImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.10", "ML", "RETIRED_StandaloneModalityLUTStorage"),
    storage("1.2.840.10008.5.1.4.1.1.104.1", "PDF", "EncapsulatedPDFStorage"),
    storage("1.2.840.10008.5.1.4.1.1.104.2", "CDA", "EncapsulatedCDAStorage"),
    storage("1.2.840.10008.5.1.4.1.1.104.3", "STL", "EncapsulatedSTLStorage"),
    storage("1.2.840.10008.5.1.4.1.1.104.4", "OBJ", "EncapsulatedOBJStorage"),
    storage("1.2.840.10008.5.1.4.1.1.104.5", "MTL", "EncapsulatedMTLStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11", "VO", "RETIRED_StandaloneVOILUTStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.1", "PSg", "GrayscaleSoftcopyPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.10", "VPs", "SegmentedVolumeRenderingVolumetricPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.11", "VPm", "MultipleVolumeRenderingVolumetricPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.12", "PSv", "VariableModalityLUTSoftcopyPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.2", "PSc", "ColorSoftcopyPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.3", "PSp", "PseudoColorSoftcopyPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.4", "PSb", "BlendingSoftcopyPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.5", "PSx", "XAXRFGrayscaleSoftcopyPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.6", "VPg", "GrayscalePlanarMPRVolumetricPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.7", "VPc", "CompositingPlanarMPRVolumetricPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.8", "PSa", "AdvancedBlendingPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.11.9", "VPv", "VolumeRenderingVolumetricPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.12.1", "XA", "XRayAngiographicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.12.1.1", "XAe", "EnhancedXAImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.12.2", "RF", "XRayRadiofluoroscopicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.12.2.1", "RFe", "EnhancedXRFImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.12.3", "XB", "RETIRED_XRayAngiographicBiPlaneImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.128", "PI", "PositronEmissionTomographyImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.128.1", "PIl", "LegacyConvertedEnhancedPETImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.129", "PC", "RETIRED_StandalonePETCurveStorage"),
    storage("1.2.840.10008.5.1.4.1.1.13.1.1", "XA3", "XRay3DAngiographicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.13.1.2", "XC3", "XRay3DCraniofacialImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.13.1.3", "BT", "BreastTomosynthesisImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.13.1.4", "BX", "BreastProjectionXRayImageStorageForPresentation"),
    storage("1.2.840.10008.5.1.4.1.1.13.1.5", "BP", "BreastProjectionXRayImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.130", "PIe", "EnhancedPETImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.131", "SD", "BasicStructuredDisplayStorage"),
    storage("1.2.840.10008.5.1.4.1.1.14.1", "OCt", "IntravascularOpticalCoherenceTomographyImageStorageForPresentation"),
    storage("1.2.840.10008.5.1.4.1.1.14.2", "OCp", "IntravascularOpticalCoherenceTomographyImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.2", "CT", "CTImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.2.1", "CTe", "EnhancedCTImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.2.2", "CTl", "LegacyConvertedEnhancedCTImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.2.3", "CTp", "CTImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.2.4", "CPe", "EnhancedCTImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.2.5", "CPl", "LegacyConvertedEnhancedCTImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.20", "NM", "NuclearMedicineImageStorage"),
    by_profile("1.2.840.10008.5.1.4.1.1.200.1", "PPcd", "CTDefinedProcedureProtocolStorage"),
    storage("1.2.840.10008.5.1.4.1.1.200.2", "PPcp", "CTPerformedProcedureProtocolStorage"),
    by_profile("1.2.840.10008.5.1.4.1.1.200.3", "PAp", "ProtocolApprovalStorage"),
    by_profile("1.2.840.10008.5.1.4.1.1.200.7", "PPxd", "XADefinedProcedureProtocolStorage"),
    storage("1.2.840.10008.5.1.4.1.1.200.8", "PPxp", "XAPerformedProcedureProtocolStorage"),
    by_profile("1.2.840.10008.5.1.4.1.1.201.1", "INV", "InventoryStorage"),
    storage("1.2.840.10008.5.1.4.1.1.3", "USf", "RETIRED_UltrasoundMultiframeImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.3.1", "USm", "UltrasoundMultiframeImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.30", "PM", "ParametricMapStorage"),
    storage("1.2.840.10008.5.1.4.1.1.4", "MR", "MRImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.4.1", "MRe", "EnhancedMRImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.4.2", "MRs", "MRSpectroscopyStorage"),
    storage("1.2.840.10008.5.1.4.1.1.4.3", "MRc", "EnhancedMRColorImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.4.4", "MRl", "LegacyConvertedEnhancedMRImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.1", "RI", "RTImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.10", "RIp", "RTPhysicianIntentStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.11", "RAs", "RTSegmentAnnotationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.12", "RSe", "RTRadiationSetStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.13", "Rca", "CArmPhotonElectronRadiationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.14", "Rto", "TomotherapeuticRadiationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.15", "Rra", "RoboticArmRadiationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.16", "RSr", "RTRadiationRecordSetStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.17", "RRs", "RTRadiationSalvageRecordStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.18", "RRt", "TomotherapeuticRadiationRecordStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.19", "RRc", "CArmPhotonElectronRadiationRecordStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.2", "RD", "RTDoseStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.20", "RRr", "RoboticRadiationRecordStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.21", "RSd", "RTRadiationSetDeliveryInstructionStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.22", "RTp", "RTTreatmentPreparationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.23", "RIe", "EnhancedRTImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.24", "RIc", "EnhancedContinuousRTImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.25", "RPp", "RTPatientPositionAcquisitionInstructionStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.3", "RS", "RTStructureSetStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.4", "RTb", "RTBeamsTreatmentRecordStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.5", "RP", "RTPlanStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.6", "RTr", "RTBrachyTreatmentRecordStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.7", "RTs", "RTTreatmentSummaryRecordStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.8", "RPi", "RTIonPlanStorage"),
    storage("1.2.840.10008.5.1.4.1.1.481.9", "RTi", "RTIonBeamsTreatmentRecordStorage"),
    storage("1.2.840.10008.5.1.4.1.1.5", "NMr", "RETIRED_NuclearMedicineImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.501.1", "CTs", "DICOS_CTImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.501.2.1", "DXs", "DICOS_DigitalXRayImageStorageForPresentation"),
    storage("1.2.840.10008.5.1.4.1.1.501.2.2", "DPs", "DICOS_DigitalXRayImageStorageForProcessing"),
    storage("1.2.840.10008.5.1.4.1.1.501.3", "TDR", "DICOS_ThreatDetectionReportStorage"),
    storage("1.2.840.10008.5.1.4.1.1.501.4", "AI2", "DICOS_2DAITStorage"),
    storage("1.2.840.10008.5.1.4.1.1.501.5", "AI3", "DICOS_3DAITStorage"),
    storage("1.2.840.10008.5.1.4.1.1.501.6", "QR", "DICOS_QuadrupoleResonanceStorage"),
    storage("1.2.840.10008.5.1.4.1.1.6", "USr", "RETIRED_UltrasoundImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.6.1", "US", "UltrasoundImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.6.2", "USe", "EnhancedUSVolumeStorage"),
    storage("1.2.840.10008.5.1.4.1.1.6.3", "PA", "PhotoacousticImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.601.1", "EC", "DICONDE_EddyCurrentImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.601.2", "ECm", "DICONDE_EddyCurrentMultiframeImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.601.3", "TG", "DICONDE_ThermographyImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.601.4", "TGm", "DICONDE_ThermographyMultiFrameImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.601.5", "UW", "DICONDE_UltrasoundWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66", "RAW", "RawDataStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66.1", "RGs", "SpatialRegistrationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66.2", "FID", "SpatialFiducialsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66.3", "RGd", "DeformableSpatialRegistrationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66.4", "SG", "SegmentationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66.5", "SGs", "SurfaceSegmentationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66.6", "TR", "TractographyResultsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66.7", "SGl", "LabelMapSegmentationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.66.8", "SGh", "HeightMapSegmentationStorage"),
    storage("1.2.840.10008.5.1.4.1.1.67", "RWM", "RealWorldValueMappingStorage"),
    storage("1.2.840.10008.5.1.4.1.1.68.1", "SSm", "SurfaceScanMeshStorage"),
    storage("1.2.840.10008.5.1.4.1.1.68.2", "SSp", "SurfaceScanPointCloudStorage"),
    storage("1.2.840.10008.5.1.4.1.1.7", "SC", "SecondaryCaptureImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.7.1", "SCs", "MultiframeSingleBitSecondaryCaptureImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.7.2", "SCb", "MultiframeGrayscaleByteSecondaryCaptureImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.7.3", "SCw", "MultiframeGrayscaleWordSecondaryCaptureImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.7.4", "SCc", "MultiframeTrueColorSecondaryCaptureImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1", "VLr", "RETIRED_VLImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.1", "VLe", "VLEndoscopicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.1.1", "VVe", "VideoEndoscopicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.2", "VLm", "VLMicroscopicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.2.1", "VVm", "VideoMicroscopicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.3", "VLs", "VLSlideCoordinatesMicroscopicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.4", "VLp", "VLPhotographicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.4.1", "VVp", "VideoPhotographicImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.5.1", "OPb", "OphthalmicPhotography8BitImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.5.2", "OPw", "OphthalmicPhotography16BitImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.5.3", "OPr", "StereometricRelationshipStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.5.4", "OPt", "OphthalmicTomographyImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.5.5", "OWs", "WideFieldOphthalmicPhotographyStereographicProjectionImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.5.6", "OW3", "WideFieldOphthalmicPhotography3DCoordinatesImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.5.7", "OCe", "OphthalmicOpticalCoherenceTomographyEnFaceImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.5.8", "OCb", "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.6", "VLw", "VLWholeSlideMicroscopyImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.7", "VLd", "DermoscopicPhotographyImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.8", "CFm", "ConfocalMicroscopyImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.1.9", "CFt", "ConfocalMicroscopyTiledPyramidalImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.77.2", "VMr", "RETIRED_VLMultiframeImageStorage"),
    storage("1.2.840.10008.5.1.4.1.1.78.1", "OPl", "LensometryMeasurementsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.78.2", "OPa", "AutorefractionMeasurementsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.78.3", "OPk", "KeratometryMeasurementsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.78.4", "OPs", "SubjectiveRefractionMeasurementsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.78.5", "OPv", "VisualAcuityMeasurementsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.78.6", "SRs", "SpectaclePrescriptionReportStorage"),
    storage("1.2.840.10008.5.1.4.1.1.78.7", "OPx", "OphthalmicAxialMeasurementsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.78.8", "OPc", "IntraocularLensCalculationsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.79.1", "SRg", "MacularGridThicknessAndVolumeReportStorage"),
    storage("1.2.840.10008.5.1.4.1.1.8", "OV", "RETIRED_StandaloneOverlayStorage"),
    storage("1.2.840.10008.5.1.4.1.1.80.1", "OPp", "OphthalmicVisualFieldStaticPerimetryMeasurementsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.81.1", "OPm", "OphthalmicThicknessMapStorage"),
    storage("1.2.840.10008.5.1.4.1.1.82.1", "CM", "CornealTopographyMapStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.1", "SR_t", "DRAFT_SRTextStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.11", "SRt", "BasicTextSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.2", "SR_a", "DRAFT_SRAudioStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.22", "SRe", "EnhancedSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.3", "SR_d", "DRAFT_SRDetailStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.33", "SRc", "ComprehensiveSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.34", "SR3", "Comprehensive3DSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.35", "SRx", "ExtensibleSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.4", "SR_c", "DRAFT_SRComprehensiveStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.40", "SRp", "ProcedureLogStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.50", "SRm", "MammographyCADSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.59", "KO", "KeyObjectSelectionDocumentStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.65", "SRh", "ChestCADSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.67", "SRd", "XRayRadiationDoseSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.68", "SRr", "RadiopharmaceuticalRadiationDoseSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.69", "SRo", "ColonCADSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.70", "SRi", "ImplantationPlanSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.71", "SRa", "AcquisitionContextSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.72", "SRu", "SimplifiedAdultEchoSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.73", "SRq", "PatientRadiationDoseSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.74", "SRj", "PlannedImagingAgentAdministrationSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.75", "SRi", "PerformedImagingAgentAdministrationSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.76", "SRde", "EnhancedXRayRadiationDoseSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.88.77", "SRw", "WaveformAnnotationSRStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9", "CV", "RETIRED_StandaloneCurveStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.1", "WV_d", "DRAFT_WaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.1.1", "TLE", "TwelveLeadECGWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.1.2", "ECG", "GeneralECGWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.1.3", "ECA", "AmbulatoryECGWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.1.4", "ECGh", "General32BitECGWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.100.1", "PSw", "WaveformPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.100.2", "PSq", "WaveformAcquisitionPresentationStateStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.2.1", "WVh", "HemodynamicWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.3.1", "WVc", "CardiacElectrophysiologyWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.4.1", "AUV", "BasicVoiceAudioWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.4.2", "AUG", "GeneralAudioWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.5.1", "WVa", "ArterialPulseWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.6.1", "WVr", "RespiratoryWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.6.2", "WVm", "MultichannelRespiratoryWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.7.1", "EEG", "RoutineScalpElectroencephalogramWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.7.2", "EMG", "ElectromyogramWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.7.3", "EOG", "ElectrooculogramWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.7.4", "WVs", "SleepElectroencephalogramWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.9.8.1", "WVb", "BodyPositionWaveformStorage"),
    storage("1.2.840.10008.5.1.4.1.1.90.1", "AS", "ContentAssessmentResultsStorage"),
    storage("1.2.840.10008.5.1.4.1.1.91.1", "MAs", "MicroscopyBulkSimpleAnnotationsStorage"),
    storage("1.2.840.10008.5.1.4.34.1", "RB_d", "DRAFT_RTBeamsDeliveryInstructionStorage"),
    storage("1.2.840.10008.5.1.4.34.10", "RTa", "RTBrachyApplicationSetupDeliveryInstructionStorage"),
    storage("1.2.840.10008.5.1.4.34.7", "RTd", "RTBeamsDeliveryInstructionStorage"),
    by_profile("1.2.840.10008.5.1.4.38.1", "HP", "HangingProtocolStorage"),
    by_profile("1.2.840.10008.5.1.4.39.1", "CP", "ColorPaletteStorage"),
    by_profile("1.2.840.10008.5.1.4.43.1", "IT", "GenericImplantTemplateStorage"),
    by_profile("1.2.840.10008.5.1.4.44.1", "ITa", "ImplantAssemblyTemplateStorage"),
    by_profile("1.2.840.10008.5.1.4.45.1", "ITg", "ImplantTemplateGroupStorage"),
];

/// Registered UIDs that are neither storage classes nor transfer syntaxes: the components between
/// `1.2.840.10008.` and the last one, then ranges of the last one.
#[rustfmt::skip]
#[allow(clippy::type_complexity, reason = "two levels of a literal table")]
static OTHER_THAN_STORAGE: &[(&str, &[(u16, u16)])] = &[
    ("1.3", &[(10, 10)]),
    ("1.4.1", &[(1, 18)]),
    ("1.4.2", &[(1, 2)]),
    ("1.4.3", &[(1, 3)]),
    ("1.4.4", &[(1, 1)]),
    ("1.4.5", &[(1, 1)]),
    ("1.4.6", &[(1, 3)]),
    ("1.5", &[(1, 8)]),
    ("1", &[(9, 9), (40, 40), (42, 42)]),
    ("1.20", &[(1, 2)]),
    ("1.20.1", &[(1, 1)]),
    ("1.20.2", &[(1, 1)]),
    ("1.40", &[(1, 1)]),
    ("1.42", &[(1, 1)]),
    ("2.6", &[(1, 1)]),
    ("2.16", &[(4, 4)]),
    ("3.1.1", &[(1, 1)]),
    ("3.1.2.1", &[(1, 1), (4, 4)]),
    ("3.1.2.2", &[(1, 1)]),
    ("3.1.2.3", &[(1, 5)]),
    ("3.1.2.5", &[(1, 1), (4, 5)]),
    ("3.1.2.6", &[(1, 1)]),
    ("4", &[(2, 2)]),
    ("5.1.1", &[(1, 2), (4, 4), (9, 9), (14, 18), (22, 26), (31, 33), (40, 40)]),
    ("5.1.1.4", &[(1, 2)]),
    ("5.1.1.9", &[(1, 1)]),
    ("5.1.1.16", &[(376, 376)]),
    ("5.1.1.17", &[(376, 376)]),
    ("5.1.1.18", &[(1, 1)]),
    ("5.1.1.24", &[(1, 1)]),
    ("5.1.1.40", &[(1, 1)]),
    ("5.1.4.1.1.200", &[(4, 6)]),
    ("5.1.4.1.1.201.1", &[(1, 1)]),
    ("5.1.4.1.1.201", &[(2, 6)]),
    ("5.1.4.1.2.1", &[(1, 3)]),
    ("5.1.4.1.2.2", &[(1, 3)]),
    ("5.1.4.1.2.3", &[(1, 3)]),
    ("5.1.4.1.2.4", &[(2, 3)]),
    ("5.1.4.1.2.5", &[(3, 3)]),
    ("5.1.4.20", &[(1, 3)]),
    ("5.1.4", &[(31, 33), (41, 42)]),
    ("5.1.4.32", &[(1, 3)]),
    ("5.1.4.34", &[(2, 6), (8, 9)]),
    ("5.1.4.34.4", &[(1, 4)]),
    ("5.1.4.34.5", &[(1, 1)]),
    ("5.1.4.34.6", &[(1, 5)]),
    ("5.1.4.37", &[(1, 3)]),
    ("5.1.4.38", &[(2, 4)]),
    ("5.1.4.39", &[(2, 4)]),
    ("5.1.4.43", &[(2, 4)]),
    ("5.1.4.44", &[(2, 4)]),
    ("5.1.4.45", &[(2, 4)]),
    ("7.1", &[(1, 2)]),
    ("8.1", &[(1, 1)]),
    ("10", &[(1, 4)]),
    ("15.0.3", &[(1, 31)]),
    ("15.0.4", &[(1, 8)]),
    ("15.1", &[(1, 1)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_parts_are_sound() {
        assert!(TABLE.windows(2).all(|pair| pair[0].uid < pair[1].uid));
        for class in all() {
            assert_eq!(find(class.uid), Some(class));
            assert_eq!(find_by_name(class.name), Some(class));
            let letters = class.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            assert!(!class.prefix.is_empty() && letters, "{class:?}");
        }
    }

    #[test]
    fn known_answers() {
        assert_eq!(find("1.2.840.10008.5.1.4.1.1.2").unwrap().prefix, "CT");
        assert_eq!(find("1.2.840.10008.5.1.4.1.1.9.1").unwrap().prefix, "WV_d");
        assert!(!find("1.2.840.10008.5.1.4.38.1").unwrap().accepted_by_default);
        assert!(find("1.2.840.10008.5.1.4.1.1.104.1").unwrap().accepted_by_default);
        assert_eq!(find(VERIFICATION), None);
    }

    #[test]
    fn registered_means_known_for_any_purpose() {
        for known in [
            VERIFICATION,
            "1.2.840.10008.1.2.1",
            "1.2.840.10008.5.1.4.1.1.2",
            "1.2.840.10008.5.1.4.1.2.2.3",
            "1.2.840.10008.1.20.1.1",
            "1.2.840.10008.15.0.3.31",
            "1.2.840.10008.1.9",
        ] {
            assert!(is_registered(known), "{known}");
        }
        for unknown in [
            "1.2.840.10008.15.0.3.32",
            "1.2.840.10008.15.0.3.031",
            "1.2.840.10008.99.1",
            "1.2.840.10008.",
            "1.2.840.10008",
            "1.2.826.0.1.3680043.2.1",
            "",
        ] {
            assert!(!is_registered(unknown), "{unknown}");
        }
    }
}
