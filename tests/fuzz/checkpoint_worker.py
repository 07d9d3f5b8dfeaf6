"""Read files of weights in a process with little memory: one line of JSON before and after each.

Arguments: files. Prints {"file"} when it begins, {"file", "outcome", "digest"} when it ends; the outcome is "read",
"refused" (by the one sentence) or what was raised.
"""

import hashlib
import json
import resource
import sys
from pathlib import Path

SPARE_BYTES = 2**30


def digest_of(path: Path) -> str:
    """Read a file in every way there is; return the sha256 of its weights.

    Raises:
        UserError: it is refused.
    """
    from segan_tl.models.foreign.checkpoint_files import import_weights
    from segan_tl.models.foreign.find import find_files, read_known
    from segan_tl.models.provenance import read_provenance
    from segan_tl.models.weights import load_network
    from segan_tl.report.inspect.checkpoint import content_sha256, read_network

    if path.suffix == ".pth":
        files = find_files(path)
        weights, kind = read_known(files.checkpoint)
        model, _ = import_weights(files, weights, kind=kind)
        digest = hashlib.sha256()
        for values in model.get_weights():
            digest.update(values.tobytes())
        return digest.hexdigest()
    read_provenance(path)
    network = read_network(path)
    load_network(path)
    return content_sha256(network)


def main(paths: list[str]) -> int:
    """Read one file after another."""
    from segan_tl.console import start_tensorflow
    from segan_tl.environment import settle
    from segan_tl.errors import UserError

    settle()
    start_tensorflow()
    digest_of(Path(paths[0]))  # everything is imported before the memory is limited
    used_bytes = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used_bytes + SPARE_BYTES, resource.RLIM_INFINITY))
    for path in map(Path, paths):
        print(json.dumps({"file": path.name}), flush=True)
        digest = None
        try:
            digest = digest_of(path)
            outcome = "read"
        except UserError as error:
            outcome = "refused" if str(error).count("\n") == 0 else f"several lines: {error}"
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        print(json.dumps({"file": path.name, "outcome": outcome, "digest": digest}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
