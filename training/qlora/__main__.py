"""python -m training.qlora RUN_FOLDER

Does what RUN_FOLDER/recipe.json says and writes everything into that folder. Ends with 0 when the adapter is there, with 75 when it was
told to stop (SIGTERM, SIGINT) and left a checkpoint at the end of a step, so that the same command goes on, and with 1 when it failed; the
reason is then in failure.json. Whatever goes wrong, neither log nor reason holds text of a row: of an unexpected error only its type and
place are told.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path

from training.qlora.errors import Stopped, TrainingFailed
from training.qlora.process import EXIT_FAILED, EXIT_STOPPED, FAILURE_FILE
from training.qlora.recipe import read_recipe

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for equal results on a GPU; read when it is first used
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def main(arguments: list[str]) -> int:
    """Run the training of a folder; the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: told.append(got))
    (folder / FAILURE_FILE).unlink(missing_ok=True)
    try:
        _run(folder, told)
    except Stopped:
        return EXIT_STOPPED
    except Exception as error:  # noqa: BLE001  # the end of a process: everything becomes a reason that its parent can read
        reason = reason_of(error)
        print(reason, *_places(error), sep="\n", file=sys.stderr)
        (folder / FAILURE_FILE).write_text(json.dumps({"reason": reason}))
        return EXIT_FAILED
    return 0


def reason_of(error: Exception) -> str:
    """Why a training failed, fit for a report: the messages of our own errors, of others only type and place."""
    from inference.errors import BadAdapter
    from training.data.dataset import BadDataset

    if isinstance(error, TrainingFailed | BadAdapter | BadDataset):
        return str(error)
    if type(error).__name__ == "OutOfMemoryError":
        return "the GPU's memory was not enough: a shorter sequence_length needs less"
    return f"{type(error).__name__} at {_places(error)[-1]}"


def _run(folder: Path, told: list[int]) -> None:
    recipe = read_recipe(folder)
    for name, path in {"base model": recipe.base, "dataset": recipe.dataset, "adapter to begin with": recipe.begin}.items():
        if path is not None and not path.is_dir():
            raise TrainingFailed(f"there is no {name} directory {path.name}")
    import torch  # takes seconds, so what is missing is told first

    from training.qlora.alone import alone
    from training.qlora.run import run

    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)
    if told:
        raise Stopped
    with alone(folder, lambda: bool(told)):
        run(folder, lambda: bool(told))


def _places(error: Exception) -> list[str]:
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)] or ["start"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
