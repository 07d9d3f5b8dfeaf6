"""Who decided the masks in a folder: a network, a vote or an ensemble, of whose answers alone its tables tell."""

from collections.abc import Collection, Mapping

from segan_tl.errors import UserError, some


def decider_of(record: Mapping) -> tuple | None:
    """Return what tells one decider from another; None where a record does not say who it was.

    Args:
        record: of predictions.json.
    """
    if record.get("folders"):  # masks of several programs, brought together
        return record.get("ensemble"), *sorted(record["folders"])
    runs = _runs(record)
    known = sorted((run.get("segmentor_sha256") or "", *map(str, run.get("modalities") or ())) for run in runs)
    return (record.get("vote") or record.get("ensemble"), *known) if all(one[0] for one in known) else None


def refuse_others(outputs, about: Mapping, cases: Collection[str]) -> None:
    """Refuse to add cases to those of another network, a vote or an ensemble: tables would mix their answers.

    Args:
        outputs: `outputs.Outputs`.
        about: what predictions.json would say of who decides.
        cases: ids of those that are to be written; what is there of them is replaced.

    Raises:
        UserError: others are there, of another decider.
    """
    earlier = outputs.read_record()
    others, before = sorted(earlier.get("cases", {}).keys() - set(cases)), decider_of(earlier)
    if others and before not in (None, decider_of(about)):
        raise UserError(
            f"expected masks of {_names(about)} alone in {outputs.record}; found {some(others)} of {_names(earlier)}: "
            "volumes.csv and review.csv would mix them; give another OUT"
        )


def _runs(record: Mapping) -> list[Mapping]:
    return record.get("runs") or [record]


def _names(record: Mapping) -> str:
    return some(record.get("folders") or [str(run.get("run")) for run in _runs(record)])
