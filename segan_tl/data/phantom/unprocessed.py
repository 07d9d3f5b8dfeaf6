"""A synthetic patient as a scanner leaves it: a skull around the brain, moved, sliced and shaded, each sequence alone.

What was done is returned beside it, so that a preparation can be held against it.
"""

from dataclasses import dataclass

import numpy as np

from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import Volume
from segan_tl.data.phantom.fields import generator, smooth_field
from segan_tl.data.phantom.subject import FIELD_OF_VIEW_MM, simulate_case

# Outwards from the brain, mm: fluid, bone, fat and skin. Signal as a share of the brain's 90th percentile.
LAYERS_MM = (3.0, 9.0, 15.0)
SIGNAL = {
    "t1": (0.25, 0.08, 1.5), "t1c": (0.25, 0.08, 1.5), "t2": (1.3, 0.08, 1.0), "flair": (0.15, 0.08, 0.9),
}  # fmt: skip
PIXEL_MM, SLICE_MM, HEIGHT_MM = 1.0, 5.0, 200.0
DEGREES, SHIFT_MM = 12.0, 15.0  # of the head in the scanner, at most about or along each axis
BETWEEN_DEGREES, BETWEEN_MM = 3.0, 4.0  # of the head between two sequences
TILT_DEGREES = 12.0  # of the slices, at most
BIAS = 0.25  # deviation of the logarithm of the field
BIAS_WAVELENGTH_MM = 150.0


@dataclass(frozen=True, eq=False)
class UnprocessedCase:
    """A patient before any preparation, and the truth about it.

    Attributes:
        volumes: modality → image on a grid of its own.
        labels: modality → (H, W, D) labels on that image's grid.
        transforms: modality → (4, 4), takes points of its scanner space to the phantom's, RAS+ mm.
        biases: modality → (H, W, D) the field that the image was multiplied by.
        brains: modality → (H, W, D) bool.
        images: the phantom itself, (H, W, D), without skull, movement or shading.
        truth: (H, W, D) labels of the phantom.
        geometry: the grid of the phantom.
    """

    volumes: dict[str, Volume]
    labels: dict[str, np.ndarray]
    transforms: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]
    brains: dict[str, np.ndarray]
    images: dict[str, np.ndarray]
    truth: np.ndarray
    geometry: Geometry


def simulate_unprocessed(
    cohort: str, *, case_index: int, shape: tuple[int, int, int], seed: int,
    modalities: tuple[str, ...] = tuple(SIGNAL), pixel_mm: float = PIXEL_MM,
    slice_mm: float = SLICE_MM, skull: bool = True, bias: float = BIAS,
) -> UnprocessedCase:  # fmt: skip
    """Simulate a patient as the scanner leaves it; the first four arguments as for `simulate_case`.

    Args:
        modalities: that are scanned.
        pixel_mm: edge of a pixel in its slice.
        slice_mm: thickness of the slices, whole millimetres.
        skull: whether a head is drawn around the brain.
        bias: deviation of the logarithm of the field.
    """
    case = simulate_case(cohort, case_index=case_index, shape=shape, seed=seed)
    voxel_mm = FIELD_OF_VIEW_MM / shape[0]
    affine = np.diag([-voxel_mm, -voxel_mm, voxel_mm, 1.0])
    affine[1, 3] = (shape[1] - 1) * voxel_mm
    geometry = Geometry(tuple(shape), affine)
    rng = generator(seed, case_index, "unprocessed")
    brain = case.images["t1"] > 0
    pose = _pose(rng, DEGREES, SHIFT_MM, geometry)
    found = UnprocessedCase({}, {}, {}, {}, {}, case.images, case.labels, geometry)
    for modality, image in ((name, case.images[name]) for name in modalities):
        head = draw_skull(image, brain, modality, voxel_mm=voxel_mm, rng=rng) if skull else image
        transform = _pose(rng, BETWEEN_DEGREES, BETWEEN_MM, geometry) @ pose
        how = {"transform": transform, "edges_mm": (pixel_mm, slice_mm), "bias": bias, "rng": rng}
        _scan(found, modality, head.astype(np.float32), brain, **how)
    return found


def draw_skull(image: np.ndarray, brain: np.ndarray, modality: str, *, voxel_mm: float, rng) -> np.ndarray:
    """Return an image of a brain with fluid, bone and fat around it."""
    from scipy.ndimage import binary_closing, distance_transform_edt

    width = max(int(round(8 / voxel_mm)), 1)
    closed = binary_closing(np.pad(brain, width), iterations=width)[(slice(width, -width),) * 3] | brain
    distance_mm = distance_transform_edt(~closed) * voxel_mm
    bright = np.percentile(image[brain], 90)
    head = image.astype(np.float32)
    head[closed & ~brain] = SIGNAL[modality][0] * bright
    inner = 0.0
    for outer, signal in zip(LAYERS_MM, SIGNAL[modality]):
        head[(distance_mm > inner) & (distance_mm <= outer)] = signal * bright
        inner = outer
    outside = ~brain
    head[outside] = np.abs(head[outside] + rng.normal(0, 0.03 * bright, int(outside.sum())))
    return head


def _scan(found: UnprocessedCase, modality: str, head, brain, *, transform, edges_mm, bias: float, rng) -> None:
    """Put one sequence of a head that lies as `transform` says into `found`."""
    from scipy.ndimage import affine_transform, uniform_filter1d

    pixel_mm, slice_mm = edges_mm
    across = FIELD_OF_VIEW_MM // pixel_mm
    fine = np.array([across, across, HEIGHT_MM])  # 1 mm along the normal
    grid = np.diag([-pixel_mm, -pixel_mm, 1.0, 1.0])
    middle = found.geometry.affine @ [*((np.array(found.geometry.shape) - 1) / 2), 1]
    grid[:3, 3] = middle[:3] - grid[:3, :3] @ ((fine - 1) / 2)
    grid = _tilt(rng, middle[:3]) @ grid
    index = np.linalg.inv(found.geometry.affine) @ transform @ grid

    def read(array, order):
        return affine_transform(array, index[:3, :3], index[:3, 3], fine.astype(int).tolist(), order=order)

    step = int(round(slice_mm))
    profile = uniform_filter1d(read(head, 1), step, axis=2, mode="nearest")
    chosen = slice(step // 2, None, step)
    axes_mm = [np.linspace(-half, half, size) for half, size in zip((95, 115, 95), fine.astype(int))]
    field = np.exp(np.float32(bias) * smooth_field(rng, axes_mm, BIAS_WAVELENGTH_MM))[:, :, chosen]
    place = grid @ np.diag([1.0, 1.0, step, 1.0])
    place[:3, 3] = (grid @ [0, 0, step // 2, 1])[:3]
    image = np.round(profile[:, :, chosen] * field).astype(np.float32)
    found.volumes[modality] = Volume(image, place, Geometry(image.shape, place))
    found.labels[modality] = read(found.truth, 0)[:, :, chosen]
    found.brains[modality] = read(brain.astype(np.float32), 1)[:, :, chosen] >= 0.5
    found.biases[modality] = field
    found.transforms[modality] = transform


def _tilt(rng: np.random.Generator, about: np.ndarray) -> np.ndarray:
    """Draw how the slices of a sequence are tilted about the left-right axis: every one has a grid of its own."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("x", rng.uniform(-TILT_DEGREES, TILT_DEGREES), degrees=True).as_matrix()
    matrix[:3, 3] = about - matrix[:3, :3] @ about
    return matrix


def _pose(rng: np.random.Generator, degrees: float, shift_mm: float, geometry: Geometry) -> np.ndarray:
    """Draw a rotation about the middle of a grid and a shift, uniform about and along each axis."""
    from scipy.spatial.transform import Rotation

    middle = (geometry.affine @ [*((np.array(geometry.shape) - 1) / 2), 1])[:3]
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-degrees, degrees, 3), degrees=True).as_matrix()
    matrix[:3, 3] = middle - matrix[:3, :3] @ middle + rng.uniform(-shift_mm, shift_mm, 3)
    return matrix
