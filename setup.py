"""What setup.cfg cannot say: the folder configs/ goes into the wheel as a part of the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["segan_tl*"]), "segan_tl.presets"],
    package_dir={"segan_tl.presets": "configs"},
)
