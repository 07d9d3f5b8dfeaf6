"""How names are said in a message."""

import pytest

from segan_tl.errors import some


@pytest.mark.parametrize(
    ("names", "most", "said"),
    [([], 3, ""), (["a"], 3, "a"), (list("abc"), 3, "a, b, c"), (list("abcde"), 3, "a, b, c and 2 more"),
     (list("abcde"), 5, "a, b, c, d, e")],
)  # fmt: skip
def test_some(names, most, said):
    assert some(names, most) == said
