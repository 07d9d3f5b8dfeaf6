"""Segment a scan with a SegAN run, without segan_tl: python bare_keras.py runs/segan/flair scan.nii.gz tumour.nii.gz

Keras, NumPy, SciPy and nibabel, and the very steps of `python -m segan_tl predict`, for scans whose air is 0. A run of
several modalities takes one file for each, in the order of its config.json, all on one grid.
"""

import json
import sys

import keras
import nibabel
import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from scipy import ndimage

run, *scans, out = sys.argv[1:]
config = json.load(open(f"{run}/config.json", encoding="utf-8"))
crop, window = config["data"]["crop"], config["data"]["patch"][1:]
if config["data"].get("neighbours") or config["data"].get("plane", "axial") != "axial":
    sys.exit("expected a run of axial slices without neighbours; type the command predict instead")


def centre(shape, size):
    """Return where the centre of `size` voxels lies in the volume, and where in what is cut out."""
    inside, outside = [], []
    for length, wanted in zip(shape, size):
        shared, start, offset = min(length, wanted), max(length - wanted, 0) // 2, max(wanted - length, 0) // 2
        inside.append(slice(start, start + shared))
        outside.append(slice(offset, offset + shared))
    return tuple(inside), tuple(outside)


# === Read: indices that grow to the patient's left, back and head ===
files = [nibabel.load(scan) for scan in scans]
to_lps = ornt_transform(io_orientation(files[0].affine), axcodes2ornt("LPS"))
image = np.stack([np.asarray(file.as_reoriented(to_lps).dataobj, np.float32) for file in files], axis=-1)

# === Prepare: cut, clip at the percentiles of what was cut out, scale to [0, 1] ===
inside, outside = centre(image.shape, crop)
cut = np.zeros((*crop, len(files)), np.float32)
cut[outside] = image[inside]
low, high = np.percentile(cut, config["data"]["percentiles"], axis=(0, 1, 2)).astype(np.float32)
cut = np.clip((cut - low) / np.where(high > low, high - low, 1), 0, 1)
area = centre(crop, window if config["predict"]["area"] == "window" else crop[:2])[0]
slices = np.moveaxis(cut[area], 2, 0)  # (D, h, w, M)

# === Segment: height and width in multiples of what the network halves ===
multiple = 2 ** len(config["model"]["filters"])
missing = [-size % multiple for size in slices.shape[1:3]]
pads = [(size // 2, size - size // 2) for size in missing]
model = keras.models.load_model(f"{run}/best/segmentor.keras", compile=False)
found = model.predict(np.pad(slices, ((0, 0), *pads, (0, 0))), batch_size=8, verbose=0)
found = found[:, pads[0][0] : pads[0][0] + slices.shape[1], pads[1][0] : pads[1][0] + slices.shape[2]]

# === Back onto the scan's grid, then threshold, then the components that are not small ===
placed = np.zeros((*crop, found.shape[-1]), np.float32)
placed[area] = np.moveaxis(found, 0, 2)
probability = np.zeros((*image.shape[:3], found.shape[-1]), np.float32)
probability[inside] = placed[outside]
tumour = probability[..., 0] >= config["predict"]["threshold"]  # the first region
components, count = ndimage.label(tumour, np.ones((3, 3, 3)))
voxels = np.bincount(components.ravel())
voxels[0] = 0
share = config["predict"]["smallest_component"]  # of the largest component; of several, validation has chosen one
if isinstance(share, list):
    share = json.load(open(f"{run}/run.json", encoding="utf-8"))["smallest_component"]
tumour &= (voxels >= share * voxels.max())[components]

back = ornt_transform(axcodes2ornt("LPS"), io_orientation(files[0].affine))
stored = nibabel.orientations.apply_orientation(tumour.astype(np.uint8), back)
nibabel.save(nibabel.Nifti1Image(stored, files[0].affine), out)
