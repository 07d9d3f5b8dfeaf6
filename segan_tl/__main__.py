"""Find the command and run it: `python -m segan_tl <command>`; heavy imports stay inside each command."""

if __name__ == "__main__":
    from segan_tl.interrupt import leave_quietly

    leave_quietly()

import contextlib
import importlib
import shlex
import sys

from segan_tl.console import error_console
from segan_tl.environment import settle, version_line
from segan_tl.errors import UserError, cannot_write, is_full, nearest
from segan_tl.interrupt import EXIT_GOES_ON, EXIT_INTERRUPTED, Terminated, raise_again, signals_as_interrupts
from segan_tl.parser import Parser

COMMANDS = {
    "train-segan": "train SegAN-CAT on one modality, on all four, or for any of them",
    "train": "train any network: 3-D U-Net, nnU-Net, MedNeXt, AlbuNet, SegAN, one of your own",
    "crossval": "run every fold of a training, several at a time, and gather their scores",
    "transfer": "move a trained model to another modality, scanner or disease, a part of it frozen or not",
    "finetune": "another name of transfer",
    "prepare": "bring patients as they left the scanner into the space of a cohort",
    "predict": "segment a case, a folder of cases or one file with a trained run",
    "restore": "bring a result of prepared images back onto the grid of a patient's own sequence",
    "ensemble": "bring the masks of several programs together: by majority or STAPLE, with their agreement",
    "retest": "test a run once more: on another cohort, at an operating point chosen on its validation cases",
    "second-look": "learn which answers of a run want to be looked at again",
    "learning-curve": "train with few cases from several starts, and say which start is worth it",
    "matrix": "apply single-modality models to every modality, and let them vote; one for any to every subset",
    "reproduce": "run every experiment of a paper; one page with its numbers beside ours",
    "import": "nnU-Net's, MedNeXt's or ImageNet weights from PyTorch as a .keras file or a run",
    "export": "a trained run as one file that runs without TensorFlow, as SavedModel, or for nnU-Net v2",
    "inspect": "show what a run's checkpoint holds, and what moved against another run",
    "compare": "who is better at what, by how much, with p and interval",
    "report": "show a run, or several side by side, in one HTML file",
    "evaluate": "score a folder of masks against the truth, ours or not",
    "tune-postprocess": "sizes below which parts of a predicted tumour are removed, and what that is worth",
    "calibrate": "make the probabilities of a run mean what they say",
    "guarantee": "what can be promised of a run's masks and volumes for new patients",
    "check": "read every case of a folder and name the bad ones",
    "dicom": "show which series a folder of DICOM holds; write T1, T1c, T2 and FLAIR as NIfTI",
    "radiomics": "write shape, intensities and texture of each case's tumour to a table",
    "zoo": "list the trained networks that come along, or show the model card of one",
    "doctor": "what this computer has for a training, what a configuration needs, how long it takes",
    "configs": "list the configurations that come along, show one, or copy one to change it",
    "phantom": "write a synthetic cohort of brain-tumour MRI",
    "cache": "say what prepared volumes take on disk, remove those that nobody uses any more",
}
GOES_ON = ("predict", "evaluate", "radiomics", "retest")  # after SIGTERM, too; trainings see to it themselves
MODULES = {"import": "imports"}  # a module cannot be called by a keyword
EPILOG = """examples:
  python -m segan_tl train-segan --modality flair                    the built-in synthetic cohort, nothing to download
  python -m segan_tl train-segan --modality flair --data BraTS2021   your own data
  python -m segan_tl transfer --source flair --target t2 --freeze-critic
  python -m segan_tl configs                                         which configurations there are
  python -m segan_tl check BraTS2021                                 is the folder understood, is every file sound?
  python -m segan_tl predict segan/flair PATIENT OUT                 segment a patient with the run runs/segan/flair

segan-tl is short for python -m segan_tl, train-segan and transfer-segan for its train-segan and transfer.
"""


def main(argv: list[str] | None = None, *, program: str | None = None) -> int:
    """Run one command; return its exit code (2 for what the user can mend, without a traceback)."""
    set_aside = settle()
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] not in COMMANDS:
        return _show_overview(argv)
    command = importlib.import_module(f"segan_tl.commands.{MODULES.get(argv[0], argv[0].replace('-', '_'))}")
    parser = Parser(prog=program or f"python -m segan_tl {argv[0]}")
    command.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    words = [program or f"python -m segan_tl {argv[0]}", *map(shlex.quote, argv[1:])]
    parser.set_defaults(command_line=" ".join(words), set_aside=set_aside)
    own = argv[1:]
    if "--" in own and getattr(command, "WRAPS", False):
        place = own.index("--")
        parser.set_defaults(wrapped=own[place + 1 :])
        own = own[:place]
    elif getattr(command, "WRAPS", False) and (training := next((word for word in own if word in COMMANDS), None)):
        print(f"error: put -- before {training}: what follows it is the training's", file=sys.stderr)
        return 2
    arguments = parser.parse_intermixed_args(own)  # predict RUN RUN --vote weighted IN OUT
    try:
        raise_again()
        with signals_as_interrupts() if argv[0] in GOES_ON else contextlib.nullcontext():
            return command.run(arguments)
    except UserError as error:
        if arguments.debug:
            raise
        error_console.print(f"error: {error}", soft_wrap=True)
        return 2
    except OSError as error:
        if arguments.debug or error.errno is None and not is_full(error):
            raise
        error_console.print(f"error: {_say(error)}", soft_wrap=True)
        return 2
    except Exception as error:
        if arguments.debug or not _is_out_of_memory(error):
            raise
        error_console.print(
            "error: there is not enough memory for this; choose a smaller train.batch_size, data.patch or data.crop, "
            f"or fewer --jobs ({str(error).splitlines()[0] if str(error) else type(error).__name__})",
            soft_wrap=True,
        )
        return 2
    except KeyboardInterrupt as interruption:
        if arguments.debug:
            raise
        words = (
            "Interrupted; what is written stays. Trainings, predict, evaluate, radiomics and retest go on with the "
            "same command, others begin anew."
        )
        print(f"\n{words}", file=sys.stderr)
        return EXIT_GOES_ON if isinstance(interruption, Terminated) else EXIT_INTERRUPTED


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether Python, NumPy or TensorFlow (which is not imported for it) had no memory left."""
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def _say(error: OSError) -> str:
    """Return what the system said, in one sentence."""
    if is_full(error):
        return str(cannot_write(error.filename or "any more", error))
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror}; check the path, or choose another folder"


def _show_overview(argv: list[str]) -> int:
    parser = Parser(
        prog="python -m segan_tl",
        description="Brain-tumour segmentation where data is scarce: adversarial training per MRI modality.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--version", action="version", version=version_line(), help="say which segan_tl, TensorFlow and Keras"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary)
    if not argv:
        parser.print_help()
        return 2
    if not argv[0].startswith("-"):
        near = nearest(argv[0], COMMANDS)
        hint = f"did you mean {near}?" if near else f"expected one of {', '.join(COMMANDS)}"
        parser.error(f"there is no command {argv[0]!r}; {hint}")
    parser.parse_args(argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
