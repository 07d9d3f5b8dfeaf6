"""Move a trained model to another MRI modality: `python transfer.py --help`."""

if __name__ == "__main__":
    from segan_tl.interrupt import leave_quietly

    leave_quietly()

import sys

from segan_tl.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["transfer", *sys.argv[1:]], program="python transfer.py"))
