"""Runs that are to work together: what fits and what is refused."""

import pytest

from segan_tl.config.load import validate
from segan_tl.errors import UserError
from segan_tl.predict.members import joint_settings, open_alike, open_members, same_modality, weights_of
from tests.small_runs import make_run, small_config


def test_runs_are_opened_by_name(tmp_path):
    make_run(tmp_path / "small" / "t2", small_config(("t2",)), best_dice=0.4)
    make_run(tmp_path / "small" / "flair", small_config(), best_dice=0.75)
    members = open_members(["small/t2", "small/flair"], runs=tmp_path)
    assert [member.modality for member in members] == ["t2", "flair"]
    assert [member.name for member in members] == ["small/t2", "small/flair"]
    assert members[0].synthetic and same_modality(members) is None
    assert weights_of(members, "weighted") == [0.4, 0.75] and weights_of(members, "majority") is None


def test_settings_of_a_vote(tmp_path):
    make_run(tmp_path / "t2", small_config(("t2",), threshold=0.4, smallest_component=0.5))
    make_run(tmp_path / "flair", small_config(threshold=0.6))
    members = open_members([tmp_path / "t2", tmp_path / "flair"])
    joint = joint_settings(members)
    assert (joint.threshold, joint.smallest_component) == (pytest.approx(0.5), 0.5)
    assert joint_settings(members[1:]) == members[1].config.predict


def test_two_runs_of_one_modality_are_named(tmp_path):
    for name in ("t2", "flair-to-t2"):
        make_run(tmp_path / "small" / name, small_config(("t2",)))
    members = open_members([tmp_path / "small" / "t2", tmp_path / "small" / "flair-to-t2"])
    assert same_modality(members) == "small/t2 and small/flair-to-t2 were both trained on t2"


def test_runs_of_the_same_name_are_told_apart_by_their_folders(tmp_path):
    for place in ("here", "there"):
        make_run(tmp_path / place / "small" / "t2", small_config(("t2",)))
    members = open_members([tmp_path / place / "small" / "t2" for place in ("here", "there")])
    assert [member.name for member in members] == [str(member.run.root.resolve()) for member in members]


def test_what_does_not_fit_is_refused(tmp_path):
    make_run(tmp_path / "flair", small_config())
    make_run(tmp_path / "all", small_config(("flair", "t2")))
    make_run(tmp_path / "core", small_config(("t2",), ("tc",)))
    with pytest.raises(UserError, match="was trained on flair, t2; leave it out"):
        open_members([tmp_path / "flair", tmp_path / "all"])
    with pytest.raises(UserError, match="segments wt and .*core tc"):
        open_members([tmp_path / "flair", tmp_path / "core"])
    with pytest.raises(UserError, match="is named twice"):
        open_members([tmp_path / "flair", tmp_path / "core" / ".." / "flair"])
    with pytest.raises(UserError, match="no run at"):
        open_members([tmp_path / "flair", tmp_path / "nothing"])


def test_a_weight_must_be_known(tmp_path):
    make_run(tmp_path / "flair", small_config(), best_dice=-0.1)
    with pytest.raises(UserError, match="no best validation Dice"):
        weights_of(open_members([tmp_path / "flair"]), "weighted")


@pytest.mark.parametrize("dice", [None, float("nan"), "high"])
def test_a_weight_must_be_a_number(tmp_path, dice):
    make_run(tmp_path / "flair", small_config(), best_dice=dice)
    with pytest.raises(UserError, match="run.json is damaged: .*best_dice"):
        open_members([tmp_path / "flair"])


def test_runs_that_answer_together_see_the_same(tmp_path):
    values = small_config().model_dump(mode="json")
    values["data"] |= {"plane": "sagittal", "patch": [1, 8, 16], "neighbours": 1}
    values |= {"critic": None, "model": {"family": "segan", "filters": [4, 8, 8], "deep_supervision": False}}
    make_run(tmp_path / "flair", small_config(threshold=0.4))
    make_run(tmp_path / "turned", validate(values, source="the test"))
    make_run(tmp_path / "both", small_config(("flair", "t2")))
    make_run(tmp_path / "core", small_config(regions=("tc",)))
    names = [tmp_path / name for name in ("flair", "turned")]
    members = open_alike([*names, tmp_path / "core"])[:2]  # whose regions are no concern of it
    assert [member.config.data.plane for member in members] == ["axial", "sagittal"]
    assert joint_settings(members).threshold == pytest.approx(0.45)
    with pytest.raises(UserError, match="runs of the same images.*flair has flair and .*both flair, t2; leave one out"):
        open_alike([*names, tmp_path / "both"])
    with pytest.raises(UserError, match="is named twice"):
        open_alike([names[0], names[0]])
