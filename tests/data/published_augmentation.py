"""The published sets of random changes of a training patch."""

from segan_tl.config.augment import AugmentConfig

# [nnU-Net v2, nnUNetTrainer.get_training_transforms]
NNUNET = AugmentConfig(
    rotation=0.2, scaling=0.2, mirror=0.5, noise=0.1, blur=0.2, brightness=0.15, contrast=0.15, low_resolution=0.25,
    gamma=0.3, gamma_inverted=0.1,
)  # fmt: skip

# [Wacker 2020, code]
WACKER = AugmentConfig(
    rotation=0.1, rotation_degrees=15, scaling=0.1, scale=(0.75, 1.25), elastic=0.1, mirror=0.5,
    noise=0.15, noise_std=(0, 0.05), blur=0.15, blur_sigma_voxels=(0.5, 1.5),
    brightness=0.15, brightness_factor=(0.7, 1.5), gamma=0.15, gamma_inverted=0.15, gamma_exponent=(0.5, 2),
    gamma_keeps_statistics=False, balanced=False,
)  # fmt: skip
