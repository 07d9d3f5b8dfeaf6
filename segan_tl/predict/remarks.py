"""What a user should know of the runs before believing what they make of these cases, and how good they were."""

from collections.abc import Mapping, Sequence

from segan_tl.clinical.space.recorded import lacking_steps
from segan_tl.data.find.cases import Case
from segan_tl.data.learnt import Learnt, learnt_by
from segan_tl.disk.manifest import verify
from segan_tl.errors import UserError, some
from segan_tl.predict.members import Member
from segan_tl.zoo.find import PREFIX, is_zoo, spell


def warn_of_synthetic_training(members: Sequence[Member], cases: Sequence[Case]) -> list[str]:
    """Say that a model of synthetic patients tells little about real ones."""
    if all(case.id.startswith("phantom-") for case in cases):
        return []
    runs = [spell(member.run.root) for member in members if member.synthetic]
    if not runs:
        return []
    end = "on real MRI its result means little"
    if all(is_zoo(run) for run in runs):  # their cards have scores of patients
        end = f"what real ones say stands on its card: python -m segan_tl zoo show {runs[0].removeprefix(PREFIX)}"
    was = "were" if len(runs) > 1 else "was"
    return [f"note: {', '.join(runs)} {was} trained on SYNTHETIC patients; {end}"]


def warn_of_unknown_cohort(members: Sequence[Member]) -> list[str]:
    """Say which runs do not keep what their training cases looked like."""
    unknown = ", ".join(spell(member.run.root) for member in members if member.cohort is None)
    keep = "keep" if "," in unknown else "keeps"
    return [
        f"note: {unknown} {keep} no {members[0].run.fingerprint.name} (trained before there was one, or imported): "
        "whether these scans are like those of the training is not known"
    ] * bool(unknown)


def warn_of_missing_preparation(members: Sequence[Member], cases: Sequence[Case]) -> list[str]:
    """Say which cases lack steps of `prepare` that the cohort of a run had.

    Raises:
        UserError: a prepare.json is damaged.
    """
    lines = []
    for member in members:
        wanted = (member.state.get("data", {}).get("prepared") or {}).get("steps", ())
        found = {case.id: lacking_steps(case, wanted) for case in cases} if wanted else {}
        name = spell(member.run.root)
        if unknown := [case for case, lacking in found.items() if lacking is None]:
            lines.append(
                f"note: the cases of {name} were prepared ({', '.join(wanted)}), and nothing says that "
                f"{some(unknown)} {'was' if len(unknown) == 1 else 'were'}: python -m segan_tl prepare IN OUT --like "
                f"{name}"
            )
        if short := {case: lacking for case, lacking in found.items() if lacking}:
            case, lacking = next(iter(short.items()))
            more = f", and {len(short) - 1} more cases lack steps" if len(short) > 1 else ""
            lines.append(f"note: {case} lacks {', '.join(lacking)}, which the cases of {name} had{more}")
    return lines


def tell_calibration(members: Sequence[Member], *, asked: bool) -> list[str]:
    """Say by which temperatures probabilities are calibrated, where they are written or several are brought together.

    Args:
        asked: whether probabilities are written.

    Raises:
        UserError: a calibration.json is damaged, or of other weights.
    """
    lines = []
    for member in members:
        found = member.temperatures  # read in any case: a stale one is refused before work begins
        if found is not None and (asked or len(members) > 1):
            values = ", ".join(f"{name} {value:.3f}" for name, value in zip(member.config.data.regions, found.values))
            lines.append(f"probabilities of {spell(member.run.root)} are calibrated, temperatures {values}")
    return lines


def tell_promise(member: Member, kind: str | None, *, otherwise: bool = False) -> list[str]:
    """Say what is promised of the answer of a run.

    Args:
        kind: of masks that are asked for, out of `schemas.trust.KINDS`; None for none.
        otherwise: whether masks are decided in another way than when it was made: no interval is known of them then.

    Raises:
        UserError: the guarantee is damaged, of other weights, or empty where one is asked for.
    """
    found, name = member.promise, spell(member.run.root)  # read in any case: a stale one is refused before work begins
    if found is None:
        if kind is None:
            return []
        more = " --data PATIENTS --out guarantee.json, and add --guarantee-file" if is_zoo(name) else ""
        raise UserError(f"{name} has no guarantee; make one: python -m segan_tl guarantee {name}{more}")
    known = [region for region in member.config.data.regions if found.regions[region]["volume"]["reach"] is not None]
    if not kind and (otherwise or not known):
        why = "masks are decided in another way than when it was made" if known else "its guarantee is empty"
        return [f"{name}: no interval of volumes, {why}"]
    lines = [f"volumes: low_ml to high_ml holds the true one in {1 - found.alpha:.0%} of patients, on average"]
    if kind:
        found.thresholds(kind, member.config.data.regions)
        lines = [f"<case>_{kind}.nii.gz: at most {found.alpha:.0%} of a tumour's volume is {kind}, on average"]
    return [f"{line}, if patients are like the {found.patients} that calibrated it" for line in lines]


def warn_of_unfinished_training(members: Sequence[Member]) -> list[str]:
    """Say which runs are not finished: what they published is their best so far."""
    return [
        f"note: {member.run.root} is not finished (epoch {member.state.get('epochs', 0)}): its best so far is used"
        for member in members
        if member.state.get("state", "finished") != "finished"
    ]


def warn_of_training_cases(members: Sequence[Member], cases: Sequence[Case]) -> list[str]:
    """Say how many of the cases a run, or what it started from, has learnt from: their Dice is no test.

    An artefact names no patient, so that of it nothing is known.

    Raises:
        UserError: a checkpoint is absent or damaged.
    """
    learnt = Learnt()
    for member in members:
        if member.artefact:
            continue
        verify(member.run.best)
        learnt |= learnt_by(member.run) or Learnt()
    known = learnt.seen({case.id: case.patient for case in cases if case.mask is not None})
    if not known:
        return []
    who = "the run was" if len(members) == 1 else "a run was"
    some = ", ".join(known[:3]) + ("…" if len(known) > 3 else "")
    patients = f"{len(known)} of these cases carry names of patients that {who} trained or tuned on ({some})"
    return [f"{patients}: their Dice is no test"]


def mean_dice_lines(records: Mapping[str, Mapping], regions: Sequence[str]) -> list[str]:
    """Say the mean Dice of cases with a label map, and by how many modalities there were.

    Args:
        records: case → what predictions.json says of it.
    """
    lines = []
    for region in regions:
        known = [record for record in records.values() if record["dice"]]
        scored = [(record["dice"][region], len(record.get("voted", record.get("used", ())))) for record in known]
        if len(scored) > 1:
            mean = sum(score for score, _ in scored) / len(scored)
            lines.append(f"{region}: mean Dice {mean:.3f} of {len(scored)} cases with a label map")
        for number in sorted({number for _, number in scored if number}):
            some = [score for score, voters in scored if voters == number]
            what = f"{number} {'modality' if number == 1 else 'modalities'} available"
            lines.append(f"  {what}: mean Dice {sum(some) / len(some):.3f} of {len(some)}")
    return lines
