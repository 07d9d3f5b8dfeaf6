"""What `export` makes of a run: a portable zip, TensorFlow's SavedModel, or the folder of a repository for hf://."""

import zipfile
from pathlib import Path

from segan_tl.errors import UserError

KERAS_PARTS = ("config.json", "metadata.json", "model.weights.h5")  # of a repository that Keras loads from hf://


def export_portable(
    member, out: Path, *, licence: str | None, postprocess: Path | None
) -> tuple[str, dict[str, bytes]]:
    """Write the zip of a run; return its sha256, and its parts.

    Args:
        member: the run.
        licence: of the network, None where nobody says.
        postprocess: thresholds of tune-postprocess, to be applied whenever it segments.

    Raises:
        UserError: the checkpoint is absent or damaged, its network has a layer that is not known, or onnx is missing.
    """
    from segan_tl.portable import archive
    from segan_tl.portable.graph import make_graph
    from segan_tl.predict.segment import load_segmentor
    from segan_tl.schemas.postprocess import Postprocess
    from segan_tl.schemas.reading import read_json
    from segan_tl.workflow.artefact_parts import about_of, labels_of, public_config
    from segan_tl.workflow.model_card import make_card

    model, digest = load_segmentor(member.run, member.config)
    about = about_of(member, model, digest=digest, licence=licence)
    config = member.config
    texts = {archive.ABOUT: about, archive.CONFIG: public_config(config), archive.LABELS: labels_of(config)}
    if member.cohort is not None:
        texts[archive.COHORT] = member.cohort
    if postprocess is not None:
        found = read_json(postprocess, Postprocess, absent="make it with python -m segan_tl tune-postprocess")
        texts[archive.POSTPROCESS] = {"thresholds": found["thresholds"]}
    if member.temperatures is not None:
        texts[archive.CALIBRATION] = member.temperatures.describe(config, digest)
    if member.promise is not None:
        texts[archive.GUARANTEE] = {"segmentor_sha256": digest} | member.promise.describe(whole=True)
    parts = {name: archive.to_json(text) for name, text in texts.items()}
    parts[archive.NETWORK] = make_graph(model, source=member.run.best / "segmentor.keras")
    parts[archive.CARD] = make_card(member, about).encode()
    return archive.write_archive(out, parts), parts


def export_saved_model(member, out: Path) -> tuple[int | None, ...]:
    """Write a run's network as TensorFlow's SavedModel, in float32; return the shape of its image.

    The batch is open, the rest has the size that prediction needs: upsampling of unknown sizes is not in TensorFlow.

    Raises:
        UserError: the checkpoint is absent or damaged.
    """
    import keras

    from segan_tl.disk.atomic import atomic_folder
    from segan_tl.models.precision import as_float32
    from segan_tl.predict.segment import load_segmentor
    from segan_tl.workflow.artefact_parts import image_shape

    model = as_float32(load_segmentor(member.run, member.config)[0])
    shape = (None, *image_shape(member.config, model))
    with atomic_folder(out) as folder:
        image = keras.InputSpec(shape=shape, dtype="float32", name="image")
        model.export(folder, format="tf_saved_model", input_signature=[image], verbose=False)
    return shape


def export_repository(member, out: Path, *, licence: str | None) -> None:
    """Write what a repository of hf:// holds: the network as Keras reads it from there, and its model card.

    It is what `keras.saving.save_model(model, "hf://USER/NAME")` would upload, with a card that says something. The
    names of the cases that it learnt from, which the .keras file of a run holds, stay behind.

    Raises:
        UserError: the checkpoint is absent or damaged.
    """
    from segan_tl.disk.atomic import atomic_folder
    from segan_tl.disk.manifest import verify
    from segan_tl.models.weights import load_network
    from segan_tl.workflow.artefact_parts import about_of
    from segan_tl.workflow.model_card import make_card

    verify(member.run.best)
    file = member.run.best / "segmentor.keras"
    about = about_of(member, load_network(file), digest=member.digest, licence=licence)
    with atomic_folder(out) as folder:
        with zipfile.ZipFile(file) as archive:
            for name in KERAS_PARTS:
                (folder / name).write_bytes(archive.read(name))
        (folder / "README.md").write_text(make_card(member, about, repository=True), encoding="utf-8")


def require_free(out: Path, *, folder: bool, overwrite: bool) -> None:
    """Refuse an OUT that exists, or is of another kind than what is to be written.

    Raises:
        UserError: it is.
    """
    if out.exists() and out.is_dir() != folder:
        kind, wanted = ("a folder", "a file") if out.is_dir() else ("a file", "a folder")
        raise UserError(f"expected {wanted} as OUT; {out} is {kind}; give another OUT")
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"expected a new or an empty folder as OUT; {out} holds files; remove it, or give another OUT")
    if out.is_file() and not overwrite:
        raise UserError(f"{out} exists already; add --overwrite to replace it, or give another OUT")
