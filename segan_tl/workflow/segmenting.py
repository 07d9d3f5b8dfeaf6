"""What `predict` does with each case: segment it, write it, and record what is to be said of it."""

import time

from segan_tl.console import case_progress, console, start_tensorflow
from segan_tl.errors import CannotWrite, UserError
from segan_tl.predict.decider import refuse_others
from segan_tl.predict.vote import RULES
from segan_tl.regions import region_masks
from segan_tl.workflow.segmented_before import keys_of, open_journal, records_before
from segan_tl.zoo.find import spell


def decided_otherwise(arguments) -> dict[str, float]:
    """Return what the command line says of how masks are decided: keys of `predict.*` → values."""
    asked = {name: getattr(arguments, name) for name in ("threshold", "smallest_component")}
    return {name: value for name, value in asked.items() if value is not None}


def segment_all(arguments, members, ensemble, cases, *, outputs, chosen, reviewer=None, left_out=None) -> list[str]:
    """Segment all cases; return those that came out.

    Args:
        arguments: of `predict`.
        members: the run, or those that vote; of an ensemble all of its members.
        ensemble: `joint.Ensemble`, None where there is none.
        reviewer: `reviewer.Reviewer` for a second look at every answer.
        left_out: case → why it is not among the cases.
    """
    lead, about = ensemble.lead if ensemble else members[0], _about(arguments, members, ensemble)
    refuse_others(outputs, about, {case.id for case in cases})
    journal, keys = open_journal(outputs), keys_of(arguments, cases, about, reviewer=reviewer)
    records = records_before(arguments, journal, keys, outputs=outputs)
    left = [case for case in cases if case.id not in records]
    if records:
        console.print(f"{len(records)} of {len(cases)} cases were segmented before the interruption", soft_wrap=True)
    if left and not all(member.artefact for member in members):
        start_tensorflow()
    outputs.begin(cases)

    def keep(case, record: dict) -> None:
        records[case.id] = record
        journal.add(keys[case.id], record)

    asked = {"outputs": outputs, "chosen": chosen, "reviewer": reviewer, "keep": keep}
    left_out = (left_out or {}) | _segment_left(arguments, members, ensemble, left, **asked)
    if not records:
        raise UserError("no case could be segmented; what is wrong with each of them stands above")
    records = {case.id: records[case.id] for case in cases if case.id in records}
    outputs.finish(cases, about, records, left_out)
    journal.remove()
    _sum_up(arguments, records, lead, outputs=outputs)
    return list(records)


def _segment_left(arguments, members, ensemble, cases, *, outputs, chosen, reviewer, keep) -> dict[str, str]:
    """Segment, write and say what there is to say of the cases that are left; `keep` gets each with its record.

    Returns:
        case → why it is left out.
    """
    left_out = {}
    if not cases:
        return left_out
    lead, steps = ensemble.lead if ensemble else members[0], len(cases) * (len(members) + 1 if ensemble else 1)

    def write(case, found) -> tuple:
        record, text, lines = _write_one(arguments, case, found, lead, ensemble, outputs=outputs, chosen=chosen)
        return record, text if reviewer is None else text + _review(record, found, reviewer), lines

    with case_progress("segmenting", total=steps) as advance:
        asked = {"outputs": outputs, "advance": advance, "reviewer": reviewer, "then": write}
        for case, written in _segmented(arguments, members, ensemble, cases, **asked):
            if isinstance(written, CannotWrite):
                raise written
            if isinstance(written, UserError):
                if not arguments.skip_bad_cases:
                    hint = "; --skip-bad-cases goes on without it" if len(cases) > 1 else ""
                    raise UserError(f"{written}{hint}") from written
                left_out[case.id] = str(written)
                advance(f"{case.id}  left out: {written}")
                continue
            record, text, lines = written
            keep(case, record)
            advance(f"{case.id}  {text}")
            for line in lines:
                console.print(f"    {line}", style="yellow", markup=False, soft_wrap=True)
    return left_out


def _review(record, found, reviewer) -> str:
    """Add to a record what a second look says of the answer; return it in words."""
    from segan_tl.predict.signs import signs_of

    said = record["review"] = reviewer.review(found.signs or signs_of(found))
    return f"  predicted Dice {said['predicted_dice']:.2f} ({said['low']:.2f} to {said['high']:.2f})"


def _sum_up(arguments, records, lead, *, outputs) -> None:
    """Print what is to be said of all cases together."""
    from segan_tl.predict.plausibility import summarise
    from segan_tl.predict.remarks import mean_dice_lines
    from segan_tl.predict.review_table import review_lines

    meanings = {number: name for record in records.values() for number, name in record["labels"].items()}
    numbers = ", ".join(f"{number} = {name}" for number, name in sorted(meanings.items()))
    console.print(f"numbers in the files: {numbers}")
    for line in summarise(records.values(), lead.config):
        console.print(line, style="yellow", soft_wrap=True)
    for line in mean_dice_lines(records, lead.config.data.regions):
        console.print(line)
    for line in review_lines(records, outputs.review, flag_below=arguments.flag_below):
        console.print(line, soft_wrap=True)


def _segmented(arguments, members, ensemble, cases, *, outputs, advance, reviewer, then):
    """Yield each case with what `then` makes of what was found in it, or with what is wrong with it."""
    if ensemble is None:
        from segan_tl.predict.voters import segment_each

        promised = None
        if arguments.guarantee:
            promised = members[0].promise.thresholds(arguments.guarantee, members[0].config.data.regions)
        asked = {"promised": promised, "compared": reviewer is not None, "then": then}
        yield from segment_each(members, cases, rule=arguments.vote, **asked)
        return
    from segan_tl.predict.ensemble import segment_together
    from segan_tl.predict.reviewer import ALONE

    asked = {"shared": arguments.agreement, "signed": reviewer is not None and reviewer.together == ALONE}
    yield from segment_together(ensemble, cases, outputs.folder, advance=advance, then=then, **asked)


def _write_one(arguments, case, found, lead, ensemble, *, outputs, chosen) -> tuple:
    """Write one case; return what is recorded, a line for the terminal and what there is to say of it."""
    from segan_tl.clinical.space.recorded import failures_of
    from segan_tl.data.files.images import write_volume
    from segan_tl.predict.chosen import apply_chosen, cluster_text
    from segan_tl.predict.labels import label_scheme, paint_labels, painted_masks
    from segan_tl.predict.outputs import write_masks, write_probability
    from segan_tl.predict.plausibility import judge, not_segmented_text

    started = time.monotonic() - found.seconds
    regions, loaded = lead.config.data.regions, found.loaded
    scheme = label_scheme(regions, case.convention)
    painted = paint_labels(found.prediction, regions, scheme)
    painted, applied = apply_chosen(chosen, painted, regions, case, loaded.geometry)
    write_volume(outputs.labels(case.id), painted, loaded.geometry)
    prediction = painted_masks(painted, regions, scheme)  # what is said is said of the file
    if arguments.probabilities:
        write_probability(outputs.probability(case.id), found.probability, loaded.geometry)
    if found.share is not None:
        write_probability(outputs.agreement(case.id), found.share[..., None], loaded.geometry)
    if found.promised is not None:
        write_masks(outputs.promised(case.id, arguments.guarantee), found.promised, loaded.geometry)
    about, who = _asked(arguments, found, lead, ensemble)
    volumes_ml, scores, parts = _measure(loaded, prediction, regions)
    judgement = judge(loaded, prediction, found.voters)
    judgement = judgement._replace(doubtful=[*failures_of(case), *judgement.doubtful])
    parts = [*who, *parts, *cluster_text(applied), *not_segmented_text(judgement), *_promised_text(arguments, found)]
    seconds = round(time.monotonic() - started, 3)
    record = {"file": outputs.labels(case.id).name, "labels": scheme.meanings, "volume_ml": volumes_ml, "dice": scores}
    record |= applied | about | _intervals(arguments, lead, ensemble, volumes_ml, chosen=chosen)
    record |= {"unlike_training": judgement.unlike_training, "doubtful": judgement.doubtful}
    record |= {"head_not_segmented_ml": judgement.not_segmented_ml, "seconds": seconds}
    return record, "  ".join((*parts, f"{seconds:.1f} s")), judgement.lines


def _promised_text(arguments, found) -> list[str]:
    """Say how large the mask of a guarantee is: it may be most of the head, and the air around it."""
    if found.promised is None:
        return []
    head = (found.loaded.image != 0).any(axis=-1)
    whole = found.promised.any(axis=-1)
    voxel_ml = found.loaded.geometry.voxel_volume_mm3 / 1000
    share = (whole & head).sum() / max(head.sum(), 1)
    return [f"{arguments.guarantee} mask {whole.sum() * voxel_ml:.0f} ml, {share:.0%} of the head"]


def _asked(arguments, found, lead, ensemble) -> tuple[dict, list[str]]:
    """Return who decided a case: what is recorded, and words for the terminal."""
    from statistics import fmean

    from segan_tl.predict.plausibility import used_modalities

    data, about, who = lead.config.data, {}, []
    if arguments.vote in RULES:
        about["voted"] = [voter.modality for voter in found.voters]
        who.append(f"vote of {'+'.join(about['voted'])}")
    elif data.any_subset:
        about["used"] = used_modalities(found.loaded.image, data)
        who.append("+".join(about["used"]))
    if ensemble is not None:
        mean = fmean(found.agreement.values())
        about["agreement"] = {"mean": mean} | found.agreement
        who += [f"{ensemble.rule} of {len(ensemble.members)} members", f"agreement {mean:.3f}"]
    return about, who


def _intervals(arguments, lead, ensemble, volumes_ml: dict, *, chosen) -> dict:
    """Return where the true volumes lie, as far as that is known of masks that were decided in this way."""
    otherwise = ensemble or arguments.vote or chosen or decided_otherwise(arguments)
    if otherwise or lead.promise is None:
        return {}
    found = {region: lead.promise.interval_ml(region, volume_ml) for region, volume_ml in volumes_ml.items()}
    return {"interval_ml": {name: one and [round(end, 3) for end in one] for name, one in found.items()}}


def _measure(loaded, prediction, regions) -> tuple[dict, dict, list[str]]:
    """Return the volume of each region in ml, its Dice where there is a label map, and both in words."""
    from segan_tl.metrics.overlap import dice

    truth = None if loaded.labels is None else region_masks(loaded.labels, regions)
    voxel_ml = loaded.geometry.voxel_volume_mm3 / 1000
    volumes_ml, scores, parts = {}, {}, []
    for i, region in enumerate(regions):
        volumes_ml[region] = float(prediction[..., i].sum() * voxel_ml)
        parts.append(f"{region} {volumes_ml[region]:.1f} ml")
        if truth is not None:
            scores[region] = dice(truth[..., i], prediction[..., i])
            parts.append(f"Dice {scores[region]:.3f}")
    return volumes_ml, scores, parts


def _about(arguments, members, ensemble) -> dict:
    """Return what made the predictions."""
    from segan_tl import __version__
    from segan_tl.predict.ensemble import digests_of

    several = arguments.vote or ensemble
    runs = [
        {"run": spell(member.run.root), "segmentor_sha256": digest, "modalities": list(member.config.data.modalities)}
        | {"predict": member.config.predict.model_dump(mode="json")}
        | ({"temperatures": list(member.temperatures.values)} if member.temperatures else {})
        | ({"guarantee": member.promise.describe()} if member.promise else {})
        | ({"best_validation_dice": member.state.get("best_dice")} if several else {})
        for member, digest in zip(members, digests_of(members), strict=True)
    ]
    regions = (ensemble.lead if ensemble else members[0]).config.data.regions
    about = {"regions": list(regions), "segan_tl": __version__}
    about |= {} if arguments.flag_below is None else {"flag_below": arguments.flag_below}
    if ensemble is None:
        return ({"vote": arguments.vote, "runs": runs} if arguments.vote else runs[0]) | about
    for run, model, share in zip(runs, ensemble.models, ensemble.shares, strict=True):
        run |= {"model": model, "share": share}
    return {"ensemble": ensemble.rule, "runs": runs} | about
