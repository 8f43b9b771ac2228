"""python -m training.workbench.worker RUN: one of the processes that train a run together; torchrun or DeepSpeed's launcher starts it.

It does what `phyassist train resume RUN` does, in company. Why it failed is written into the run's folder, for the process that waits.
"""

import os
import sys
from pathlib import Path

from training.workbench.distributed import FAILURE, check_gpus, end_with_parent


def main(arguments: list[str]) -> int:
    """Train the run in a folder together with the others; the exit code."""
    from training.qlora.errors import TrainingFailed
    from training.workbench.commands.train_sft import train_run
    from training.workbench.errors import WorkbenchError
    from training.workbench.runs import open_run

    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        check_gpus()
        train_run(open_run(folder))
    except (WorkbenchError, TrainingFailed) as error:
        partial = folder / f".{FAILURE}.{os.getpid()}"
        partial.write_text(str(error), encoding="utf-8")
        partial.replace(folder / FAILURE)
        print(str(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(sys.argv[1:]))
