"""`python -m segan_tl predict`: segment a case, a folder of cases or one file with a trained run."""

import argparse
import time
from pathlib import Path

MODALITIES = ("t1", "t1c", "t2", "flair")
EPILOG = """examples:
  python -m segan_tl predict segan/flair patients/ OUT                 every case of a folder
  python -m segan_tl predict segan/flair patients/0001 OUT             one case
  python -m segan_tl predict segan/flair scan.nii.gz tumour.nii.gz     one file
  python -m segan_tl predict segan/flair scan.nii.gz OUT --modality flair --probabilities

The result lies on the grid of the input, with its affine. Only the run's own modalities are read. Where a case has a
label map, Dice is printed too. Research software: not for diagnosis."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Segment a case, a folder of cases or a single file with the best checkpoint of a run."
    parser.epilog = EPILOG
    parser.add_argument("run", metavar="RUN", help="folder of a run, or its name below --runs")
    parser.add_argument("input", metavar="INPUT", type=Path, help="folder of cases, case folder or image file")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder, or a name ending in .nii.gz for a single case")
    parser.add_argument("--modality", choices=MODALITIES, help="modality of a file whose name does not tell it")
    parser.add_argument("--batch-size", type=_positive, metavar="N", help="slices in one pass (the run's own)")
    parser.add_argument("--threshold", type=_fraction, metavar="P", help="probability of tumour (the run's own)")
    parser.add_argument("--probabilities", action="store_true", help="also write <case>_probability.nii.gz, float32")
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave out cases that cannot be used")
    parser.add_argument("--overwrite", action="store_true", help="replace predictions that exist")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Segment everything and say where it is."""
    from segan_tl.config import validate
    from segan_tl.console import console
    from segan_tl.errors import UserError
    from segan_tl.predict.inputs import find_inputs, missing_modalities
    from segan_tl.predict.outputs import plan_outputs
    from segan_tl.runs import open_run, read_json

    # === What, with what, and where to: everything that can be refused is refused before work begins ===
    this_run = open_run(arguments.run, runs=arguments.runs)
    config = _override(validate(read_json(this_run.config), source=str(this_run.config)), arguments)
    modalities = config.data.modalities
    cases, remarks = find_inputs(arguments.input, modalities=modalities, stated=arguments.modality)
    lacking = [reason for case in cases if (reason := missing_modalities(case, modalities))]
    if lacking and not arguments.skip_bad_cases:
        more = f" ({len(lacking)} of {len(cases)} cases)" if len(lacking) > 1 else ""
        hint = ", or --skip-bad-cases" if len(lacking) < len(cases) else ""
        raise UserError(f"{lacking[0]}{hint}{more}")
    cases = [case for case in cases if missing_modalities(case, modalities) is None]
    if not cases:
        raise UserError(f"no case at {arguments.input} has {', '.join(modalities)}: {lacking[0]}")
    outputs = plan_outputs(arguments.out, cases, probabilities=arguments.probabilities, overwrite=arguments.overwrite)
    remarks += [f"left out: {reason}" for reason in lacking]
    remarks += _warn_of_synthetic_training(this_run, cases) + _warn_of_training_cases(this_run, cases)
    for remark in remarks:
        console.print(remark, markup=False, soft_wrap=True)

    # === Segment ===
    started = time.monotonic()
    done = _segment_all(arguments, config, cases, this_run=this_run, outputs=outputs)
    seconds = time.monotonic() - started
    console.print(
        f"segmented {done} of {len(cases)} cases in {seconds:.1f} s: {outputs.single or outputs.folder}", soft_wrap=True
    )
    return 0


def _segment_all(arguments, config, cases, *, this_run, outputs) -> int:
    """Segment case after case; return how many came out."""
    from segan_tl.console import start_tensorflow

    start_tensorflow()
    from importlib.metadata import version

    from segan_tl.console import console
    from segan_tl.errors import UserError
    from segan_tl.predict.segment import load_segmentor
    from segan_tl.report.terminal import case_progress
    from segan_tl.runs import read_json, write_json

    segmentor, digest = load_segmentor(this_run, config)
    records, meanings = {}, {}
    with case_progress("segmenting", total=len(cases)) as advance:
        for case in cases:
            try:
                record, text = _segment_one(segmentor, case, config=config, outputs=outputs, arguments=arguments)
            except UserError as error:
                if not arguments.skip_bad_cases:
                    hint = "; --skip-bad-cases --overwrite goes on without it" if len(cases) > 1 else ""
                    raise UserError(f"{error}{hint}") from error
                advance(f"{case.id}  left out: {error}")
                continue
            meanings |= record["labels"]
            records[case.id] = record
            advance(f"{case.id}  {text}")
    if not records:
        raise UserError("no case could be segmented; what is wrong with each of them stands above")
    earlier = read_json(outputs.record).get("cases", {}) if outputs.record.is_file() else {}
    write_json(
        outputs.record,
        {
            "run": str(this_run.root),
            "segmentor_sha256": digest,
            "modalities": list(config.data.modalities),
            "regions": list(config.data.regions),
            "predict": config.predict.model_dump(mode="json"),
            "segan_tl": version("segan_tl"),
            "cases": earlier | records,
        },
    )
    numbers = ", ".join(f"{number} = {name}" for number, name in sorted(meanings.items()))
    console.print(f"numbers in the files: {numbers}")
    for region in config.data.regions:
        scores = [record["dice"][region] for record in records.values() if record["dice"]]
        if len(scores) > 1:
            console.print(
                f"{region}: mean Dice {sum(scores) / len(scores):.3f} of {len(scores)} cases with a label map"
            )
    return len(records)


def _segment_one(segmentor, case, *, config, outputs, arguments) -> tuple[dict, str]:
    """Segment and write one case; return what is recorded and a line for the terminal."""
    from segan_tl.data.images import write_volume
    from segan_tl.metrics import dice
    from segan_tl.predict.labels import label_scheme, paint_labels
    from segan_tl.predict.outputs import write_probability
    from segan_tl.predict.postprocess import binarise
    from segan_tl.predict.segment import segment_case
    from segan_tl.regions import region_masks

    started = time.monotonic()
    regions = config.data.regions
    loaded = _load(case, config)
    probability = segment_case(segmentor, loaded.image, config)
    prediction = binarise(probability, config.predict)
    scheme = label_scheme(regions, case.convention)
    write_volume(outputs.labels(case.id), paint_labels(prediction, regions, scheme), loaded.geometry)
    if arguments.probabilities:
        write_probability(outputs.probability(case.id), probability, loaded.geometry)
    truth = None if loaded.labels is None else region_masks(loaded.labels, regions)
    voxel_ml = loaded.geometry.voxel_volume_mm3 / 1000
    volumes_ml, scores, parts = {}, {}, []
    for i, region in enumerate(regions):
        volumes_ml[region] = float(prediction[..., i].sum() * voxel_ml)
        parts.append(f"{region} {volumes_ml[region]:.1f} ml")
        if truth is not None:
            scores[region] = dice(truth[..., i], prediction[..., i])
            parts.append(f"Dice {scores[region]:.3f}")
    seconds = round(time.monotonic() - started, 3)
    record = {"file": outputs.labels(case.id).name, "labels": scheme.meanings, "volume_ml": volumes_ml, "dice": scores}
    return record | {"seconds": seconds}, "  ".join((*parts, f"{seconds:.1f} s"))


def _load(case, config):
    """Load a case, with its labels where they can tell the run's regions."""
    from segan_tl.data.cases import load_case
    from segan_tl.data.naming import UNKNOWN_CONVENTION
    from segan_tl.errors import UserError
    from segan_tl.regions import convention_regions

    known = case.mask is not None and case.convention != UNKNOWN_CONVENTION
    if known and set(config.data.regions) <= set(convention_regions(case.convention)):
        try:
            return load_case(case, config.data.modalities)
        except UserError:  # a bad label map is no reason not to segment; a bad image fails again below
            pass
    return load_case(case, config.data.modalities, with_mask=False)


def _warn_of_synthetic_training(this_run, cases) -> list[str]:
    """Say that a model of synthetic patients tells little about real ones."""
    from segan_tl.runs import read_json

    state = read_json(this_run.state) if this_run.state.is_file() else {}
    if not state.get("data", {}).get("synthetic") or all(case.id.startswith("phantom-") for case in cases):
        return []
    return [f"note: {this_run.root} was trained on SYNTHETIC patients; on real MRI its result means little"]


def _warn_of_training_cases(this_run, cases) -> list[str]:
    """Say how many of the cases the run has learnt from: their Dice is no test."""
    from segan_tl.runs import read_json

    if not this_run.splits.is_file():
        return []
    split = read_json(this_run.splits)
    learnt = {case_id for part in ("train", "validation") for case_id in split.get(part, [])}
    known = [case.id for case in cases if case.id in learnt and case.mask is not None]
    if not known:
        return []
    return [
        f"{len(known)} of these cases carry names the run was trained or tuned on ({known[0]}): their Dice is no test"
    ]


def _override(config, arguments):
    changes = {"batch_size": arguments.batch_size, "threshold": arguments.threshold}
    predict = config.predict.model_copy(update={key: value for key, value in changes.items() if value is not None})
    return config.model_copy(update={"predict": predict})


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text}")
    return int(text)


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, got {text}")
    return value
