"""The features that PyRadiomics computes by default: name, code in the IBSI manual, name in MIRP, and what differs.

[van Griethuysen 2017, PyRadiomics 3.1; Zwanenburg 2020, IBSI; Zwanenburg 2024, MIRP]
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """What a conversion needs to know of the region beside the value itself.

    Attributes:
        flat: every voxel of the region has one intensity; False for shape.
    """

    voxels: int
    voxel_volume_mm3: float
    flat: bool = False


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes:
        group: PyRadiomics' class, such as "glcm".
        ibsi: permanent code in the IBSI reference manual; None where it has none.
        mirp: what MIRP calls it, without its suffix; None where `segan_tl/radiomics/own.py` computes it.
        differs: how PyRadiomics differs from the IBSI manual or from MIRP, "" where it does not.
        convert: MIRP's value → PyRadiomics'.
    """

    group: str
    name: str
    ibsi: str | None
    mirp: str | None
    differs: str = ""
    convert: Callable[[float, Measured], float] | None = None

    @property
    def column(self) -> str:
        """Return PyRadiomics' name with its class, such as "glcm_Contrast"."""
        return f"{self.group}_{self.name}"


def _of_population(length: float, of: Measured) -> float:
    return length * math.sqrt((of.voxels - 1) / of.voxels)


def _plain_kurtosis(excess: float, of: Measured) -> float:
    return 0.0 if of.flat else excess + 3


def _per_mm3(energy: float, of: Measured) -> float:
    return energy * of.voxel_volume_mm3


AXIS = "4 √λ of the covariance over n voxels, MIRP's over n − 1: × √((n − 1) / n)"
MESH = "another triangulation of ambiguous cubes; on PyRadiomics' test case volume + 0.02 %, area + 0.5 %"
PLANE = "not in the IBSI manual; MIRP counts voxels, PyRadiomics measures between vertices of the mesh in one plane"
FLAT = "0 for a direction of one grey level, where MIRP gives none (InverseVariance) or 1 (Imc1)"

SHAPE = (
    Feature("shape", "Elongation", "Q3CK", "morph_pca_elongation"),
    Feature("shape", "Flatness", "N17B", "morph_pca_flatness"),
    Feature("shape", "LeastAxisLength", "7J51", "morph_pca_least_axis", AXIS, _of_population),
    Feature("shape", "MajorAxisLength", "TDIC", "morph_pca_maj_axis", AXIS, _of_population),
    Feature("shape", "Maximum2DDiameterColumn", None, None, PLANE),
    Feature("shape", "Maximum2DDiameterRow", None, None, PLANE),
    Feature("shape", "Maximum2DDiameterSlice", None, None, PLANE),
    Feature("shape", "Maximum3DDiameter", "L0JK", "morph_diam"),
    Feature("shape", "MeshVolume", "RNU0", "morph_volume", MESH),
    Feature("shape", "MinorAxisLength", "P9VJ", "morph_pca_min_axis", AXIS, _of_population),
    Feature("shape", "Sphericity", "QCFX", "morph_sphericity", MESH),
    Feature("shape", "SurfaceArea", "C0JK", "morph_area_mesh", MESH),
    Feature("shape", "SurfaceVolumeRatio", "2PR5", "morph_av", MESH),
    Feature("shape", "VoxelVolume", "YEKZ", "morph_vol_approx"),
)
FIRSTORDER = (
    Feature("firstorder", "10Percentile", "QG58", "stat_p10"),
    Feature("firstorder", "90Percentile", "8DWT", "stat_p90"),
    Feature("firstorder", "Energy", "N8CA", "stat_energy"),
    Feature("firstorder", "Entropy", "TLU2", "ih_entropy"),
    Feature("firstorder", "InterquartileRange", "SALO", "stat_iqr"),
    Feature("firstorder", "Kurtosis", "IPH6", "stat_kurt", "IBSI subtracts 3: + 3", _plain_kurtosis),
    Feature("firstorder", "Maximum", "84IY", "stat_max"),
    Feature("firstorder", "Mean", "Q4LE", "stat_mean"),
    Feature("firstorder", "MeanAbsoluteDeviation", "4FUA", "stat_mad"),
    Feature("firstorder", "Median", "Y12H", "stat_median"),
    Feature("firstorder", "Minimum", "1GSF", "stat_min"),
    Feature("firstorder", "Range", "2OJQ", "stat_range"),
    Feature("firstorder", "RobustMeanAbsoluteDeviation", "1128", "stat_rmad"),
    Feature("firstorder", "RootMeanSquared", "5ZWQ", "stat_rms"),
    Feature("firstorder", "Skewness", "KE2A", "stat_skew"),
    Feature(
        "firstorder", "TotalEnergy", None, "stat_energy", "not in the IBSI manual: Energy × volume of a voxel", _per_mm3
    ),
    Feature("firstorder", "Uniformity", "BJ5W", "ih_uniformity"),
    Feature("firstorder", "Variance", "ECT3", "stat_var"),
)
GLCM = (
    Feature("glcm", "Autocorrelation", "QWB0", "cm_auto_corr"),
    Feature("glcm", "ClusterProminence", "AE86", "cm_clust_prom"),
    Feature("glcm", "ClusterShade", "7NFM", "cm_clust_shade"),
    Feature("glcm", "ClusterTendency", "DG8W", "cm_clust_tend"),
    Feature("glcm", "Contrast", "ACUI", "cm_contrast"),
    Feature("glcm", "Correlation", "NI2N", "cm_corr"),
    Feature("glcm", "DifferenceAverage", "TF7R", "cm_diff_avg"),
    Feature("glcm", "DifferenceEntropy", "NTRS", "cm_diff_entr"),
    Feature("glcm", "DifferenceVariance", "D3YU", "cm_diff_var"),
    Feature("glcm", "Id", "IB1Z", "cm_inv_diff"),
    Feature("glcm", "Idm", "WF0Z", "cm_inv_diff_mom"),
    Feature("glcm", "Idmn", "1QCO", "cm_inv_diff_mom_norm"),
    Feature("glcm", "Idn", "NDRX", "cm_inv_diff_norm"),
    Feature("glcm", "Imc1", "R8DG", None, FLAT),
    Feature("glcm", "Imc2", "JN9H", "cm_info_corr2"),
    Feature("glcm", "InverseVariance", "E8JP", None, FLAT),
    Feature("glcm", "JointAverage", "60VM", "cm_joint_avg"),
    Feature("glcm", "JointEnergy", "8ZQL", "cm_energy"),
    Feature("glcm", "JointEntropy", "TU9B", "cm_joint_entr"),
    Feature("glcm", "MCC", None, None, "not in the IBSI manual; MIRP fills Q only where the matrix is not 0"),
    Feature("glcm", "MaximumProbability", "GYBY", "cm_joint_max"),
    Feature("glcm", "SumAverage", "ZGXS", "cm_sum_avg"),
    Feature("glcm", "SumEntropy", "P6QZ", "cm_sum_entr"),
    Feature("glcm", "SumSquares", "UR99", "cm_joint_var"),
)
GLDM = (
    Feature("gldm", "DependenceEntropy", "FCBV", "ngl_dc_entr"),
    Feature("gldm", "DependenceNonUniformity", "Z87G", "ngl_dcnu"),
    Feature("gldm", "DependenceNonUniformityNormalized", "OKJI", "ngl_dcnu_norm"),
    Feature("gldm", "DependenceVariance", "DNX2", "ngl_dc_var"),
    Feature("gldm", "GrayLevelNonUniformity", "FP8K", "ngl_glnu"),
    Feature("gldm", "GrayLevelVariance", "1PFV", "ngl_gl_var"),
    Feature("gldm", "HighGrayLevelEmphasis", "OAE7", "ngl_hgce"),
    Feature("gldm", "LargeDependenceEmphasis", "IMOQ", "ngl_hde"),
    Feature("gldm", "LargeDependenceHighGrayLevelEmphasis", "9QMG", "ngl_hdhge"),
    Feature("gldm", "LargeDependenceLowGrayLevelEmphasis", "NBZI", "ngl_hdlge"),
    Feature("gldm", "LowGrayLevelEmphasis", "TL9H", "ngl_lgce"),
    Feature("gldm", "SmallDependenceEmphasis", "SODN", "ngl_lde"),
    Feature("gldm", "SmallDependenceHighGrayLevelEmphasis", "JA6D", "ngl_ldhge"),
    Feature("gldm", "SmallDependenceLowGrayLevelEmphasis", "EQ3F", "ngl_ldlge"),
)
GLRLM = (
    Feature("glrlm", "GrayLevelNonUniformity", "R5YN", "rlm_glnu"),
    Feature("glrlm", "GrayLevelNonUniformityNormalized", "OVBL", "rlm_glnu_norm"),
    Feature("glrlm", "GrayLevelVariance", "8CE5", "rlm_gl_var"),
    Feature("glrlm", "HighGrayLevelRunEmphasis", "G3QZ", "rlm_hgre"),
    Feature("glrlm", "LongRunEmphasis", "W4KF", "rlm_lre"),
    Feature("glrlm", "LongRunHighGrayLevelEmphasis", "3KUM", "rlm_lrhge"),
    Feature("glrlm", "LongRunLowGrayLevelEmphasis", "IVPO", "rlm_lrlge"),
    Feature("glrlm", "LowGrayLevelRunEmphasis", "V3SW", "rlm_lgre"),
    Feature("glrlm", "RunEntropy", "HJ9O", "rlm_rl_entr"),
    Feature("glrlm", "RunLengthNonUniformity", "W92Y", "rlm_rlnu"),
    Feature("glrlm", "RunLengthNonUniformityNormalized", "IC23", "rlm_rlnu_norm"),
    Feature("glrlm", "RunPercentage", "9ZK5", "rlm_r_perc"),
    Feature("glrlm", "RunVariance", "SXLW", "rlm_rl_var"),
    Feature("glrlm", "ShortRunEmphasis", "22OV", "rlm_sre"),
    Feature("glrlm", "ShortRunHighGrayLevelEmphasis", "GD3A", "rlm_srhge"),
    Feature("glrlm", "ShortRunLowGrayLevelEmphasis", "HTZT", "rlm_srlge"),
)
GLSZM = (
    Feature("glszm", "GrayLevelNonUniformity", "JNSA", "szm_glnu"),
    Feature("glszm", "GrayLevelNonUniformityNormalized", "Y1RO", "szm_glnu_norm"),
    Feature("glszm", "GrayLevelVariance", "BYLV", "szm_gl_var"),
    Feature("glszm", "HighGrayLevelZoneEmphasis", "5GN9", "szm_hgze"),
    Feature("glszm", "LargeAreaEmphasis", "48P8", "szm_lze"),
    Feature("glszm", "LargeAreaHighGrayLevelEmphasis", "J17V", "szm_lzhge"),
    Feature("glszm", "LargeAreaLowGrayLevelEmphasis", "YH51", "szm_lzlge"),
    Feature("glszm", "LowGrayLevelZoneEmphasis", "XMSY", "szm_lgze"),
    Feature("glszm", "SizeZoneNonUniformity", "4JP3", "szm_zsnu"),
    Feature("glszm", "SizeZoneNonUniformityNormalized", "VB3A", "szm_zsnu_norm"),
    Feature("glszm", "SmallAreaEmphasis", "5QRC", "szm_sze"),
    Feature("glszm", "SmallAreaHighGrayLevelEmphasis", "HW1V", "szm_szhge"),
    Feature("glszm", "SmallAreaLowGrayLevelEmphasis", "5RAI", "szm_szlge"),
    Feature("glszm", "ZoneEntropy", "GU8N", "szm_zs_entr"),
    Feature("glszm", "ZonePercentage", "P30P", "szm_z_perc"),
    Feature("glszm", "ZoneVariance", "3NSA", "szm_zs_var"),
)
NGTDM = (
    Feature("ngtdm", "Busyness", "NQ30", "ngt_busyness"),
    Feature("ngtdm", "Coarseness", "QCDE", "ngt_coarseness"),
    Feature("ngtdm", "Complexity", "HDEZ", "ngt_complexity"),
    Feature("ngtdm", "Contrast", "65HE", "ngt_contrast"),
    Feature("ngtdm", "Strength", "1X9X", "ngt_strength"),
)
INTENSITY = (*FIRSTORDER, *GLCM, *GLDM, *GLRLM, *GLSZM, *NGTDM)


def columns(modalities: Sequence[str]) -> list[str]:
    """Return the names of the features in the order of the table: shape, then each modality."""
    shape = [feature.column for feature in SHAPE]
    return shape + [f"{modality}_{feature.column}" for modality in modalities for feature in INTENSITY]


def named(features: Sequence[Feature], asked: dict[str, float], own: dict[str, float], of: Measured) -> dict:
    """Return feature → value of what MIRP answered (by its names) and of what is computed here (by column)."""
    values = {}
    for feature in features:
        value = own[feature.column] if feature.mirp is None else asked[feature.mirp]
        # An entropy of one level is −0.0.
        values[feature.column] = (feature.convert(value, of) if feature.convert else value) + 0.0
    return values
