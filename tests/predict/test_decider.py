"""Tables of one OUT are of one network: who decided is told by digests, and another one is refused."""

import pytest

from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.predict.decider import decider_of, refuse_others
from segan_tl.predict.outputs import Outputs


def network(name, digest, modality="flair"):
    return {"run": name, "segmentor_sha256": digest * 64, "modalities": [modality]}


A, B = network("segan/flair", "a"), network("segan/t2", "b", "t2")


def write(folder, about, *cases) -> Outputs:
    write_json(folder / "predictions.json", about | {"cases": {case: {} for case in cases}})
    return Outputs(folder)


def test_who_decided():
    assert decider_of(A) == (None, ("a" * 64, "flair")) != decider_of(B)
    assert decider_of(A | {"threshold": 0.3}) == decider_of(A | {"run": "another/place"}) == decider_of(A)
    assert decider_of(A) != decider_of(network("segan/flair", "a", "t2"))  # the same weights see another image
    vote = {"vote": "majority", "runs": [A, B]}
    assert decider_of(vote) == decider_of({"vote": "majority", "runs": [B, A]})
    others = (vote | {"vote": "weighted"}, {"ensemble": "mean", "runs": [A, B]}, A)
    assert len({decider_of(one) for one in (vote, *others)}) == 4
    assert decider_of({"cases": {}}) is None and decider_of({"vote": "majority", "runs": [A, {}]}) is None


def test_masks_of_several_programs_are_told_by_their_folders(tmp_path):
    ours = {"ensemble": "majority", "folders": ["ours", "theirs"]}
    assert decider_of(ours) == decider_of(ours | {"folders": ["theirs", "ours"]})
    assert decider_of(ours) != decider_of(ours | {"ensemble": "staple"})
    outputs = write(tmp_path, A, "one")
    with pytest.raises(UserError, match="masks of ours, theirs alone in .*; found one of segan/flair"):
        refuse_others(outputs, ours, {"two"})
    with pytest.raises(UserError, match="masks of segan/flair alone in .*; found one of ours, theirs"):
        refuse_others(write(tmp_path, ours, "one"), A, {"two"})


def test_other_cases_of_another_network_are_refused(tmp_path):
    outputs = write(tmp_path, A, "one", "two")
    for same in (A, A | {"flag_below": 0.5}):
        refuse_others(outputs, same, {"three"})
    with pytest.raises(UserError, match="masks of segan/t2 alone in .*; found two of segan/flair: .* another OUT"):
        refuse_others(outputs, B, {"one", "three"})
    refuse_others(outputs, B, {"one", "two", "three"})  # all of them are replaced
    refuse_others(Outputs(tmp_path / "new"), B, {"one"})
    refuse_others(write(tmp_path, {}, "one"), B, {"two"})  # of a version that did not write who it was


def test_what_another_network_has_left_out_does_not_stay(tmp_path):
    """The second network replaces case one and could not read case two, of which the first one tells."""
    outputs = write(tmp_path, A, "one", "two")
    outputs.finish([], B, {"one": {"volume_ml": {"wt": 3.0}}})
    assert outputs.read_record()["cases"] == {"one": {"volume_ml": {"wt": 3.0}}}
    outputs.finish([], B, {"three": {}})
    assert sorted(outputs.read_record()["cases"]) == ["one", "three"]
