"""What there is to say of the test cases of a run: unlike its training, doubtful answers, what was not segmented."""

import numpy as np

from segan_tl.console import console
from segan_tl.data.find.cases import LoadedCase
from segan_tl.data.fingerprint import number
from segan_tl.predict.members import Member
from segan_tl.predict.plausibility import area_text, count_outside, judge, remark_lines
from segan_tl.regions import region_masks

CASES_SHOWN = 10


def remarks_on_test(loaded: LoadedCase, prediction: np.ndarray, member: Member) -> dict:
    """Return what summary.json says of a case; its truth tells how much tumour lies outside of the segmented area.

    Args:
        prediction: (H, W, D, R) bool, before labels that contradict each other are joined.
    """
    judgement = judge(loaded, prediction, (member,))
    truth = region_masks(loaded.labels, member.config.data.regions).any(axis=-1)
    outside = count_outside(truth, member.config, spacing_mm=loaded.spacing_mm)
    outside_ml = outside * loaded.geometry.voxel_volume_mm3 / 1000
    return {
        "unlike_training": judgement.unlike_training,
        "doubtful": judgement.doubtful,
        "head_not_segmented_ml": judgement.not_segmented_ml,
        "truth_not_segmented_ml": round(outside_ml, 3),
    }


def print_remarks(remarks: dict[str, dict], member: Member) -> None:
    """Print what is to be said, a line each."""
    lines = {case: remark_lines(said["unlike_training"], said["doubtful"]) for case, said in remarks.items()}
    remarkable = [case for case in lines if lines[case]]
    for case in remarkable[:CASES_SHOWN]:
        for line in lines[case]:
            console.print(f"{case}  {line}", style="yellow", markup=False, soft_wrap=True)
    if more := remarkable[CASES_SHOWN:]:
        text = f"{len(more)} more case{'s' * (len(more) > 1)} with such remarks: summary.json, report.html"
        console.print(text, style="yellow", soft_wrap=True)
    heads = {case_id: said["head_not_segmented_ml"] for case_id, said in remarks.items()}
    most = max(heads, key=heads.get, default=None)
    if most is None or heads[most] < 1:
        return
    lost = {case_id: said["truth_not_segmented_ml"] for case_id, said in remarks.items()}
    missed = ", ".join(f"{number(lost[case_id])} ml of {case_id}" for case_id in lost if lost[case_id])
    console.print(
        f"outside of the {area_text(member.config)} that are segmented: up to {number(heads[most])} ml of the head "
        f"({most}); of the truth {missed or 'nothing'}",
        markup=False, soft_wrap=True,
    )  # fmt: skip
