"""Read an HDF5 weight file in a process of its own, with limits: a damaged or hostile file can harm nothing else.

Run as a script by weights_file.py; it imports neither Keras nor this package. The HDF5 library has known memory faults,
so no file is opened elsewhere before it was read here to its end. Arguments: memory limit in bytes, HDF5 file, and
perhaps a .npz file to write. Prints JSON: {"names": {group: layer name that Keras noted there}, "values": how many
numbers there are} or {"error": reason}.
"""

import json
import sys

LARGEST_SECONDS = 120
MOST_OBJECTS = 100_000
DEEPEST_GROUP = 24
LONGEST_NAME = 500
# Keras stores weights uncompressed, so a file cannot hold more than its own size; a bomb declares it.
SPARE_BYTES = 1_000_000


def limit_resources(memory_bytes: int) -> None:
    """Cap address space, processor time and core dumps of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    caps = {"RLIMIT_AS": memory_bytes, "RLIMIT_CPU": LARGEST_SECONDS, "RLIMIT_CORE": 0}
    for name, value in caps.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (ValueError, OSError):  # macOS refuses RLIMIT_AS
            pass


def read_arrays(path: str) -> tuple[dict, dict]:
    """Return group path → array and group path → layer name.

    Raises:
        ValueError: the file points outside of itself or declares more than it can hold.
    """
    import os

    import h5py

    arrays, names, budget = {}, {}, [os.path.getsize(path) + SPARE_BYTES, MOST_OBJECTS]
    with h5py.File(path, "r") as file:
        _walk(h5py, file, "", arrays=arrays, names=names, budget=budget, depth=0)
    return arrays, names


def _walk(h5py, group, prefix: str, *, arrays: dict, names: dict, budget: list[int], depth: int) -> None:
    if depth > DEEPEST_GROUP:
        raise ValueError(f"groups are nested more than {DEEPEST_GROUP} deep")
    name = group.attrs.get("name") if "name" in group.attrs else None
    if isinstance(name, str):
        names[prefix] = name[:LONGEST_NAME]
    for key in group:
        place = f"{prefix}/{key}" if prefix else key
        budget[1] -= 1
        if budget[1] < 0:
            raise ValueError(f"more than {MOST_OBJECTS} objects")
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"{place} is a link to somewhere else")
        member = group[key]
        if isinstance(member, h5py.Group):
            _walk(h5py, member, place, arrays=arrays, names=names, budget=budget, depth=depth + 1)
        else:
            arrays[place] = _read_dataset(member, place, budget)


def _read_dataset(dataset, place: str, budget: list[int]):
    import numpy

    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{place} keeps its values in another file")
    budget[0] -= dataset.size * dataset.dtype.itemsize
    if budget[0] < 0:
        raise ValueError(f"{place} declares more values than the file holds")
    if dataset.attrs.get("dtype") == "bfloat16" and dataset.dtype.itemsize == 2:
        high = numpy.frombuffer(numpy.asarray(dataset[()]).tobytes(), numpy.uint16).astype(numpy.uint32) << 16
        return high.view(numpy.float32).reshape(dataset.shape)
    if dataset.dtype.kind not in "fiub":
        raise ValueError(f"{place} holds {dataset.dtype}, not numbers")
    return dataset[()]


def main(memory_bytes: str, path: str, output: str | None = None) -> int:
    """Read `path`, write `output`, print what is there; return the exit code."""
    limit_resources(int(memory_bytes))
    try:
        arrays, names = read_arrays(path)
        if output:
            import numpy

            numpy.savez(output, **arrays)
    except Exception as error:  # whatever HDF5 trips over, the parent says it in one sentence
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:LONGEST_NAME]}))
        return 3
    print(json.dumps({"names": names, "values": sum(array.size for array in arrays.values())}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
