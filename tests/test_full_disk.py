"""A disk that fills up while a command writes: one sentence, and the same command goes on where there is room again."""

import subprocess
import sys

import pytest

from tests.small_commands import LEFTOVER, call, files, make_more, make_place, read, words_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
SHARES = (0.05, 0.4, 0.75, 0.95)  # of the room that a command needs
COMMANDS = ("phantom", "train", "transfer", "finetune", "crossval", "predict", "evaluate", "retest", "matrix", "report",
            "compare", "export", "import")  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_more(make_place(tmp_path_factory.mktemp("disk")))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_sentence_and_loses_nothing(place, command, small_disk):
    words, now, whole = words_of(command), place / "now", place / f"whole-{command}"
    call(place, *words)
    now.rename(whole)
    expected = {name: read(path) for name, path in files(whole).items()}
    need_kilobytes = sum(-(-path.stat().st_size // 4096) * 4 for path in whole.rglob("*") if path.is_file())
    # A disk has whole pages, one at least: the filler takes them all where a command needs no more than one.
    for pages in sorted({min(int(share * need_kilobytes / 4), need_kilobytes // 4 - 1) for share in SHARES}):
        disk = small_disk(4 * pages + 4)
        filler = disk / "filler"
        filler.write_bytes(b"x" * 4096)
        now.symlink_to(disk)
        done = subprocess.run(
            [sys.executable, "-m", "segan_tl", *words], cwd=place, capture_output=True, text=True, check=False
        )
        said = done.stderr.splitlines()
        print(f"{command} with {4 * pages} of {need_kilobytes} kB: {done.returncode}, {said[-1][:150] if said else ''}")
        assert done.returncode == 2 and "Traceback" not in done.stderr
        # A cross-validation repeats what its folds have said, in its own list of them.
        folds = done.stdout.count("FAILED with code 2: error: ")
        assert len([line for line in said if line.startswith("error: ")]) == (0 if folds else 1)
        told = done.stdout if folds else done.stderr
        assert "the disk is full" in told and "free some space and run again" in told
        assert not [path for path in disk.rglob("*") if path.is_file() and LEFTOVER.search(path.name)]
        filler.unlink()
        subprocess.run(["mount", "-o", f"remount,size={3 * need_kilobytes + 1000}k", disk], check=True)
        call(place, *words)
        assert files(disk).keys() == expected.keys()
        assert [name for name, path in files(disk).items() if read(path) != expected[name]] == []
        now.unlink()
