"""Train SegAN-CAT on one MRI modality or all four: `python train_segan.py --help`."""

if __name__ == "__main__":
    from segan_tl.interrupt import leave_quietly

    leave_quietly()

import sys

from segan_tl.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["train-segan", *sys.argv[1:]], program="python train_segan.py"))
