"""Draw docs/phantom.png: a high-grade and a low-grade glioma at 3 T and a high-grade one at 1.5 T, all synthetic.

    python benchmarks/phantom_picture.py docs/phantom.png
"""

import sys

from segan_tl.data.phantom.picture import draw_cases

CHOSEN = [("glioma-3t", 6), ("glioma-3t", 8), ("glioma-1.5t", 5)]

if __name__ == "__main__":
    path = sys.argv[1] if len(sys.argv) > 1 else "docs/phantom.png"
    print(f"synthetic cases drawn: {draw_cases(CHOSEN, path=path, shape=(240, 240, 155), seed=0)}")
