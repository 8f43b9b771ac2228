"""`phyassist train reward`."""

from training.workbench.commands.groups import train
from training.workbench.commands.train_sft import Adapter, Changes, ModelPath, Out, Rows, Source, configured, start
from training.workbench.config import Task


@train.command("reward")
def reward(config: Source, out: Out, model: ModelPath = None, adapter: Adapter = None, data: Rows = None, changes: Changes = None) -> None:
    """Make a reward model from comparisons: which of two answers to a prompt people would choose."""
    result = start(configured(Task.REWARD, config, model, adapter, data, changes), out)
    more = result.more
    print(
        f"it gives the chosen answer more in {more['accuracy']:.1%} of {more['pairs']} {more['pairs_of']} pairs: {more['chosen']:.2f} on "
        f"average, and {more['rejected']:.2f} the other; always taking the longer one would be right in {more['longer_is_chosen']:.1%}"
    )
