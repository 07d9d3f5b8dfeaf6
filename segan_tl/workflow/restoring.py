"""What `restore` does with one file."""

import time


def restore_file(arguments) -> tuple[str, float]:
    """Bring RESULT onto the grid of a sequence and write it; return that grid in words, and the seconds it took.

    Raises:
        UserError: RESULT is none of the prepared case, or the regions do not fit.
    """
    import numpy as np

    from segan_tl.clinical.space.back import restore
    from segan_tl.clinical.space.record import native_grid, read_record
    from segan_tl.data.files.images import write_volume

    started = time.monotonic()
    record = read_record(arguments.prepared)
    geometry = native_grid(record, arguments.onto)
    values = restore(read_result(arguments.result, record), record, arguments.onto)
    if arguments.threshold is not None and values.dtype.kind == "f":
        values = _threshold(values, arguments)
    write_volume(arguments.out, values, geometry, dtype=np.float32 if values.dtype.kind == "f" else None)
    return "×".join(map(str, geometry.shape)), time.monotonic() - started


def read_result(path, record):
    """Return the voxels of a result of a prepared case in LPS order: whole numbers where they are labels.

    Raises:
        UserError: it lies on another grid.
    """
    import numpy as np

    from segan_tl.clinical.space.record import as_geometry
    from segan_tl.data.files.geometry import find_grid_fault
    from segan_tl.data.files.images import Source, read_volume
    from segan_tl.errors import UserError

    opened, volumes = {}, []
    for channel in range(_channels(path)):
        volumes.append(read_volume(Source(path, channel), opened=opened))
    if fault := find_grid_fault(as_geometry(record["grid"]), volumes[0].geometry, than="that of the prepared case"):
        raise UserError(
            f"expected a result on the prepared grid of {record['case']}; found of {path} that {fault}; "
            "give one that was made of the prepared images"
        )
    if len(volumes) > 1:
        return np.stack([volume.data for volume in volumes], axis=-1).astype(np.float32)
    data = volumes[0].data
    if data.dtype.kind == "f" and np.array_equal(data, np.round(data)) and data.min() >= 0:
        return data.astype(np.uint8 if data.max() < 256 else np.int32)
    return data


def _channels(path) -> int:
    """Return how many volumes a file holds."""
    from segan_tl.data.files.images import Source, read_header
    from segan_tl.data.files.nifti import read_nifti_header

    if path.name.lower().endswith((".nii", ".nii.gz")) and path.is_file():
        shape, _ = read_nifti_header(path)
        return shape[3] if len(shape) == 4 else 1
    read_header(Source(path))
    return 1


def _threshold(values, arguments):
    """Return labels of probabilities: 1, or the numbers 1, 2, 3 of several regions as `predict` would paint them."""
    from segan_tl.data.find.layouts import UNKNOWN_CONVENTION
    from segan_tl.errors import UserError
    from segan_tl.predict.labels import label_scheme, paint_labels
    from segan_tl.predict.postprocess import drop_small_components

    masks = (values if values.ndim == 4 else values[..., None]) >= arguments.threshold
    masks = drop_small_components(masks, arguments.smallest_component or 0.0)
    regions = tuple(arguments.regions or (("wt",) if masks.shape[-1] == 1 else ()))
    if len(regions) != masks.shape[-1]:
        raise UserError(
            f"expected {masks.shape[-1]} --regions, one for each volume of {arguments.result}; found {len(regions)}; "
            "name them in the order of the network"
        )
    return paint_labels(masks, regions, label_scheme(regions, UNKNOWN_CONVENTION))


def whose(arguments) -> str:
    """Return the warning that RESULT does not bear the name of the prepared case, "" where it does.

    A grid tells no patients apart: all that were prepared for one cohort share it.
    """
    from segan_tl.clinical.space.record import read_record

    case, name = read_record(arguments.prepared)["case"], arguments.result.name
    if name.startswith(case) or arguments.result.parent.name == case:
        return ""
    return (
        f"warning: {arguments.result} does not bear the name of {case}, whose grid it was brought to; all prepared "
        "patients share one grid, so another one's mask fits as well: make sure that it is this patient's"
    )


def share_of_the_run(arguments) -> float:
    """Return the share of the largest part below which the run that made RESULT drops one; 0 where none is told."""
    from segan_tl.predict.outputs import Outputs

    said = Outputs(arguments.result.parent).read_record()
    found = said.get("predict", {}).get("smallest_component", 0.0)
    return float(found) if isinstance(found, (int, float)) else 0.0
