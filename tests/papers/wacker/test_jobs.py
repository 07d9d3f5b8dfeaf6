"""The plan of the reproduction of Wacker 2020: its commands, what is done, what is refused or said to be missing."""

import argparse
import json
from pathlib import Path

import keras
import pytest

from segan_tl.__main__ import main
from segan_tl.commands import reproduce, train
from segan_tl.config.load import load_config
from segan_tl.disk.manifest import sha256
from segan_tl.models.weights import save_network
from segan_tl.papers.wacker.jobs import SCALES
from segan_tl.papers.wacker.paper import PAPER
from segan_tl.runs import Run
from tests.small_study import write_run

NAME = "wacker-2020-quick"


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "resnet34-x.pth"
    path.write_bytes(b"the plan does not read it")
    return path


def plan(tmp_path, *words, scale="quick"):
    parser = argparse.ArgumentParser()
    reproduce.add_arguments(parser)
    places = ["--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache")]
    arguments = parser.parse_args(["wacker-2020", *places, *words])
    study = PAPER.make_study(arguments, scale, tmp_path / "out")
    return PAPER.plan(study, arguments), study


def options_of(job):
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(job.command[4:])


def config_of(job):
    options = options_of(job)
    return load_config(options.config, [*options.set, f"seed={options.seed}"])


def test_four_networks_of_five_seeds_after_the_import(tmp_path, checkpoint):
    jobs, study = plan(tmp_path, "--resnet34", str(checkpoint))
    imported = tmp_path / "cache" / f"resnet34-{sha256(checkpoint)[:8]}.keras"
    assert jobs[0].command[3:6] == ("import", str(checkpoint), str(imported))
    assert {job.name for job in jobs[1:]} == {f"{run.root.parent.name}/glioma-3t" for run in PAPER.runs(study)}
    assert len(jobs) == 21
    for job in jobs[1:]:
        pretrained = "imagenet" in job.name
        assert config_of(job).model.pretrained == (str(imported) if pretrained else None)
        assert job.needs == ((jobs[0].name,) if pretrained else ())


def test_without_weights_half_of_it_is_run_and_the_rest_is_named(tmp_path, checkpoint):
    jobs, _ = plan(tmp_path)
    assert len(jobs) == 10 and not any("imagenet" in job.name or job.needs for job in jobs)
    assert "resnet34-b627a593.pth" in PAPER.notice(argparse.Namespace(resnet34=None))
    assert PAPER.notice(argparse.Namespace(resnet34=checkpoint)) is None


def test_imported_weights_are_taken_as_they_are(tmp_path):
    image = keras.Input((None, None, 3), name="image")
    model = keras.Model(image, keras.layers.Conv2D(1, 1)(image))
    for configuration, accepted in (("ResNet34", True), ("PlainConvUNet", False)):
        path = tmp_path / f"{configuration}.keras"
        save_network(model, path, {"configuration": configuration})
        if accepted:
            jobs, _ = plan(tmp_path, "--resnet34", str(path))
            assert len(jobs) == 20 and sum(config_of(job).model.pretrained == str(path) for job in jobs) == 10
        else:
            assert main(["reproduce", "wacker-2020", "--resnet34", str(path)]) == 2


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_every_command_leads_to_its_run_and_differs_in_what_is_compared_only(tmp_path, scale):
    jobs, study = plan(tmp_path, "--data", "some/BraTS", scale=scale)
    assert study.target == "BraTS"
    for job in jobs:
        config, options = config_of(job), options_of(job)
        assert job.name == f"{config.name}/BraTS" and options.data == Path("some/BraTS")
        assert config.model.family in config.name and config.name.endswith(f"seed{config.seed}")
        assert config.data.patch[0] == 1 if config.model.family == "albunet2d" else config.data.patch[0] > 1
        assert config.train.loss.startswith("multiple_dice") and config.data.modalities == ("flair", "t1c", "t2")
        assert (config.train.epochs * config.train.steps_per_epoch == 5000) == (scale == "full")


def test_the_quick_networks_see_as_many_slices():
    three, two = (load_config(*SCALES["quick"][network]) for network in ("albunet3d", "albunet2d"))
    assert three.train.batch_size * three.data.patch[0] == two.train.batch_size * two.data.patch[0] == 24
    assert three.data.patch[1:] == two.data.patch[1:]


def test_a_run_is_done_with_the_same_settings_only(tmp_path):
    jobs, study = plan(tmp_path)
    job = next(job for job in jobs if job.name == f"{NAME}-albunet2d-random-seed2/glioma-3t")
    run = Run(study.runs / job.name)
    assert not PAPER.is_done(job, study)
    write_run(run, (0.5, 0.7), config=json.loads(config_of(job).model_dump_json()))
    assert PAPER.is_done(job, study)
    assert PAPER.describe(job, study) == "test Dice WT 0.600"  # it has rows of WT alone
    write_run(run, (0.5, 0.7), config=json.loads(config_of(job).model_dump_json()) | {"seed": 5})
    assert not PAPER.is_done(job, study)


# === What is refused ===


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["wacker-2020", "--resnet34", "nowhere.pth"], "there is no nowhere.pth"),
        (["wacker-2020", "--only", "tables"], "--only belongs to reproduce giacomello-2020"),
        (["giacomello-2020", "--resnet34", "x.pth"], "--resnet34 belongs to reproduce wacker-2020"),
        (["wacker-2020", "--scale", "full"], "--data"),
    ],
)
def test_refusals_come_before_any_work(words, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words]) == 2
    assert reason in capsys.readouterr().err and list(tmp_path.iterdir()) == []
