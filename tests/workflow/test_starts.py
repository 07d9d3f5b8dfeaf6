"""The starts of a learning curve as they are typed, and what is refused."""

import pytest

from segan_tl.errors import UserError
from segan_tl.workflow.starts import Start, read_start, require_distinct


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("scratch", Start("scratch", "scratch")),
        ("flair:freeze-encoder", Start("flair-freeze-encoder", "flair", "freeze-encoder")),
        ("flair:ft_all", Start("flair-last-three-all", "flair", "last-three-all")),  # a paper's word for it
        ("runs/segan/all", Start("all", "runs/segan/all")),
        ("models/other.keras", Start("other", "models/other.keras")),
        ("slow=flair,train.learning_rate=1e-4", Start("slow", "flair", "full", ("train.learning_rate=1e-4",))),
    ],
)
def test_starts(text, start):
    assert read_start(text) == start


def test_what_is_simulated_is_the_sources_matter():
    start = read_start("other=phantom,phantom.seed=5,train.epochs=9")
    assert (start.of_source, start.of_target) == (("phantom.seed=5",), ("train.epochs=9",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("flair,fast", "expected KEY=VALUE behind the comma"),
        ("flair:freeze-encodr", "expected one such as flair:freeze-encoder"),
        ("scratch:full-of-it", "unknown strategy"),
        ("scratch:freeze-encoder", "nothing comes over"),
    ],
)
def test_a_start_that_cannot_be_meant(text, reason):
    with pytest.raises(UserError, match=reason):
        read_start(text)


def test_starts_need_names_of_their_own_and_something_to_compare_with():
    with pytest.raises(UserError, match="has flair twice"):
        require_distinct(tuple(map(read_start, ("scratch", "flair", "flair,train.epochs=2"))))
    with pytest.raises(UserError, match="lacks scratch"):
        require_distinct((read_start("flair"),))
