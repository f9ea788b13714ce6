"""The command line: `hourglass VERB ...`. Every verb imports what it needs, when asked.

Exit status: 0 done, 1 failure, 2 bad input, 130 interrupted, 143 ended by SIGTERM; a
training that can be saved then is saved.
"""

import importlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from hourglass_jax.compile_cache import enable_compile_cache
from hourglass_jax.errors import InputError
from hourglass_jax.memory import keep_memory

_OVERVIEW = """usage: hourglass VERB ...

Stacked hourglass networks for pose estimation.

  train      learn from a data set:   hourglass train --config FILE --workdir DIR
  evaluate   score on people unseen:  hourglass evaluate MODEL --dataset NAME
             or score files:          hourglass evaluate --predictions P
                                        --ground-truth G --metric pckh
  predict    poses in photographs     hourglass predict [MODEL] PHOTO... --out DIR
             and films
  export     a model for others:      hourglass export MODEL --to onnx --out FILE
  import     others' weights:         hourglass import CHECKPOINT --out DIR
  data       prepare a data set:      hourglass data build NAME [--raw-dir DIR]
             or find what is wrong:   hourglass data check NAME [--raw-dir DIR]
  info       what a model is:         hourglass info MODEL_OR_CONFIG
  benchmark  how fast it is:          hourglass benchmark MODEL_OR_CONFIG
  doctor     what is installed:       hourglass doctor

hourglass VERB --help shows the options of each. --debug shows tracebacks.
MODEL is the workdir of a training, a checkpoint inside of it, what export wrote, or the
name of a released model: hg-people-small.
"""

# The module whose `run(argv)` does it, and returns the exit status.
_VERBS = {
    "train": "hourglass_jax.training.command",
    "evaluate": "hourglass_jax.evaluation.command",
    "predict": "hourglass_jax.inference.command",
    "export": "hourglass_jax.interop.export_command",
    "import": "hourglass_jax.interop.import_command",
    "data": "hourglass_jax.data.command",
    "info": "hourglass_jax.diagnosis.info",
    "benchmark": "hourglass_jax.diagnosis.benchmark",
    "doctor": "hourglass_jax.diagnosis.doctor",
}

INTERRUPTED = 130
_COMPILES = {"train", "evaluate", "predict", "export", "benchmark", "doctor"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [a for a in arguments if a != "--debug"]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_OVERVIEW, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from hourglass_jax import __version__

        print(f"hourglass_jax {__version__}")
        return 0
    if arguments[0] not in _VERBS:
        print(_unknown_verb(arguments[0]), file=sys.stderr)
        return 2
    try:
        verb = importlib.import_module(_VERBS[arguments[0]])
        if arguments[0] in _COMPILES:
            enable_compile_cache()
        return int(verb.run(arguments[1:]))
    except KeyboardInterrupt:
        print(
            "interrupted; the same command goes on from what is saved", file=sys.stderr
        )
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        print(_one_line(error), file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, InputError):
        return f"error: {text}"
    return f"failed: {type(error).__name__}: {text} (--debug shows where)"


def _unknown_verb(verb: str) -> str:
    import difflib

    near = difflib.get_close_matches(verb, _VERBS, n=1)
    hint = f"; perhaps you meant {near[0]}" if near else ""
    return f"error: no verb {verb!r}{hint}; expected one of {', '.join(_VERBS)}"


def run(argv: Sequence[str] | None = None) -> NoReturn:
    """The command itself: `main`, whose status ends the process."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["train"]:
        keep_memory()
    status = main(arguments)
    if status == INTERRUPTED:
        # XLA may be compiling in another thread, under which Python must not be taken
        # down: that has ended in a segmentation fault.
        for child in multiprocessing.active_children():
            child.kill()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    run()
