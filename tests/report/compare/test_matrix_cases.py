"""On which cases runs may be compared."""

import pytest

from segan_tl.config.adaptation import StartConfig
from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import atomic_checkpoint
from segan_tl.errors import UserError
from segan_tl.models.weights import save_network
from segan_tl.predict.members import open_members
from segan_tl.report.compare.matrix_cases import check_finished, common_cases, find_data, shared_modalities
from tests.small_runs import make_run, small_config, small_labels, threshold_segmentor, write_case


def members_of(root, *splits, **state):
    """Make one run a split, on T2, FLAIR, T1 in turn."""
    paths = []
    for modality, split in zip(("t2", "flair", "t1"), splits):
        run = make_run(root / "runs" / "small" / modality, small_config((modality,)), **state)
        write_json(run.splits, split)
        paths.append(run.root)
    return open_members(paths)


def split(train, validation, test):
    return {"train": list(train), "validation": list(validation), "test": list(test)}


def test_the_same_cases_in_any_order(tmp_path):
    members = members_of(tmp_path, split("ab", "c", "ed"), split("a", "bc", "de"))
    assert common_cases(members, "test") == ["d", "e"]


def test_validation_cases(tmp_path):
    members = members_of(tmp_path, split("ab", "c", "ed"), split("ae", "c", "d"))
    assert common_cases(members, "validation") == ["c"]


def test_other_cases_are_named(tmp_path):
    members = members_of(tmp_path, split("ab", "c", "de"), split("ab", "c", "df"))
    with pytest.raises(UserError, match="small/t2 and .*small/flair differ in e, f;"):
        common_cases(members, "test")


@pytest.mark.parametrize("other", [split("ad", "c", "e"), split("a", "cd", "e")])
def test_a_case_that_another_run_has_learnt_from_is_named(tmp_path, other):
    members = members_of(tmp_path, split("ab", "c", "de"), other)
    with pytest.raises(UserError, match="small/flair was trained or tuned on the patients of d,.*--split RUN"):
        common_cases(members, "test")


def test_a_case_that_the_source_of_a_transfer_has_learnt_from(tmp_path):
    (member,) = members_of(tmp_path, split("ab", "c", "de"))
    for learnt_from, part in (("abcx", "test"), ("abcd", "validation")):
        with atomic_checkpoint(member.run.best) as folder:
            provenance = {"modalities": ["t2"], "learnt_from": list(learnt_from)}
            save_network(threshold_segmentor(1), folder / "segmentor.keras", provenance)
        assert common_cases([member], part)
    with pytest.raises(UserError, match="tuned on the patients of d, of the test cases"):
        common_cases([member], "test")


def test_another_time_point_of_a_patient_is_no_test(tmp_path):
    first, second = "BraTS-GLI-00008-000", "BraTS-GLI-00008-001"
    members = members_of(tmp_path, split("a", "b", [second]), split([first], "b", [second]))
    with pytest.raises(UserError, match=f"small/flair was trained or tuned on the patients of {second}, of the test"):
        common_cases(members, "test")


def test_no_test_case(tmp_path):
    with pytest.raises(UserError, match="names no test case"):
        common_cases(members_of(tmp_path, split("ab", "c", "")), "test")


@pytest.mark.parametrize("state", ["training", "interrupted"])
def test_a_run_that_is_not_finished(tmp_path, state):
    members = members_of(tmp_path, split("a", "b", "c"), state=state)
    with pytest.raises(UserError, match=f"{state}, epoch 4.*segan_tl train-segan --modality t2 --set name=small"):
        check_finished(members)


def test_a_transfer_that_is_not_finished(tmp_path):
    settings = StartConfig(source="runs/small/flair", source_sha256="0", strategy="full", inputs={"t2": "flair"})
    make_run(tmp_path / "t2", small_config(("t2",)).model_copy(update={"transfer": settings}), state="training")
    with pytest.raises(UserError, match="segan_tl transfer --source runs/small/flair ... --set name=small"):
        check_finished(open_members([tmp_path / "t2"]))


def test_data_is_found_where_the_first_run_was_trained(tmp_path):
    for name in "ab":
        write_case(tmp_path / "cohort", f"BraTS2021_0000{name}", small_labels())
    members = members_of(tmp_path, split("a", "b", "c"), data={"folder": str(tmp_path / "cohort")})
    cohort = find_data(members, ["BraTS2021_0000b"], folder=None)
    assert cohort.folder == tmp_path / "cohort" and [case.id for case in cohort.cases] == ["BraTS2021_0000b"]
    moved = find_data(members_of(tmp_path / "x", split("a", "b", "c")), ["BraTS2021_0000a"], folder=cohort.folder)
    assert [case.id for case in moved.cases] == ["BraTS2021_0000a"]
    with pytest.raises(UserError, match="lacks BraTS2021_0000z of the cases of .*--data"):
        find_data(members, ["BraTS2021_0000a", "BraTS2021_0000z"], folder=None)


def test_data_that_has_moved(tmp_path):
    members = members_of(tmp_path, split("a", "b", "c"), data={"folder": str(tmp_path / "gone")})
    with pytest.raises(UserError, match="gone any more; say where it is with --data"):
        find_data(members, ["a"], folder=None)


def test_a_case_without_label_map(tmp_path):
    write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels(), with_mask=False)
    members = members_of(tmp_path, split("a", "b", "c"))
    with pytest.raises(UserError, match="BraTS2021_00001 in .* no label map"):
        find_data(members, ["BraTS2021_00001"], folder=tmp_path / "cohort")


def test_modalities_that_every_case_has(tmp_path):
    write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels())
    write_case(tmp_path / "cohort", "BraTS2021_00002", small_labels(), modalities=("flair", "t2"))
    members = members_of(tmp_path, split("a", "b", "c"), split("a", "b", "c"), split("a", "b", "c"))
    ids = ["BraTS2021_00001", "BraTS2021_00002"]
    cases = find_data(members, ids, folder=tmp_path / "cohort").cases
    assert shared_modalities(cases[:1], members) == ("t1", "t1c", "t2", "flair")
    assert shared_modalities(cases, members[:2]) == ("t2", "flair")
    with pytest.raises(UserError, match="BraTS2021_00002 lack t1, which .*small/t1 was trained on"):
        shared_modalities(cases, members)
