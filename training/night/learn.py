"""The first half of a night: what there is to learn, and an adapter that learns it."""

import asyncio
import contextlib
import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from inference.adapters import CONFIG_FILE
from inference.sharing import Gpus
from training.data.dataset import Dataset
from training.data.examples import Budget
from training.night.collect import collect, forget, forget_rewritten
from training.night.desk import Desk, registry_of
from training.night.errors import Interrupted, NightFailed
from training.night.handover import Cases
from training.night.past import Beginning, Earlier, beginning, earlier_nights
from training.night.plan import DATASET, Plan
from training.night.told import Stage, Told
from training.qlora.inputs import finished
from training.qlora.process import train
from training.qlora.progress import Progress
from training.qlora.recipe import RECIPE_FILE, Recipe
from training.qlora.result import Result

TRAINING = "training"


@dataclass(frozen=True)
class Material:
    """What is learned tonight: from where, on what, and what earlier nights left."""

    begin: Beginning
    dataset: Dataset
    earlier: Earlier
    sealed: int = 0
    """How many cases were left out because they can't be decrypted."""

    @property
    def cases(self) -> tuple[str, ...]:
        """Ids of the cases in rows and pairs that are trained on, sorted."""
        files = self.dataset.manifest.files
        return tuple(sorted({*files["train.jsonl"].cases, *files["preferences.jsonl"].cases}))


def gather(plan: Plan, cases: Cases, budget: Budget) -> Material:
    """Forgets what may not be trained on any more, then makes tonight's dataset. Raises: BadDataset, BadAdapter."""
    forget(plan.home, cases.consenting)
    forget_rewritten(plan.home, cases, budget)
    begin = beginning(plan, registry_of(plan), cases.consenting)
    earlier = earlier_nights(plan, begin)
    return Material(begin, collect(plan, cases, budget, earlier), earlier, cases.sealed)


async def train_challenger(plan: Plan, material: Material, desk: Desk) -> Result:
    """Trains, on GPUs that it may share; steps aside while a counselor's urgent post is answered."""
    recipe, folder = _recipe(plan, material.begin), plan.folder / TRAINING
    await asyncio.to_thread(_drop_other_training, folder, recipe)
    done = await asyncio.to_thread(finished, folder, recipe)
    if done is not None:
        return done
    gpus = Gpus(plan.home)

    def should_stop() -> bool:
        return desk.should_stop() or (plan.shared_gpus and gpus.urgent)

    while True:
        desk.tell(Told(Stage.TRAIN))
        async with gpus.for_training() if plan.shared_gpus else contextlib.nullcontext(()) as held:
            tell_step = partial(_tell_step, desk)
            result = await asyncio.to_thread(train, recipe, folder, tell_step, should_stop, hold=held)
        if result is not None:
            return result
        if desk.should_stop():
            raise Interrupted
        desk.tell(Told(Stage.ASIDE))
        await gpus.until_calm()


def _recipe(plan: Plan, begin: Beginning) -> Recipe:
    """The training's settings; rank, alpha and modules of an adapter that it goes on from can't be others."""
    fixed: dict[str, object] = {} if begin.path is None else {"begin": begin.path.absolute(), **_shape_of(begin.path)}
    paths = {"base": plan.base.absolute(), "dataset": (plan.folder / DATASET).absolute()}
    try:
        return Recipe.model_validate({"seed": plan.seed, **plan.recipe, **paths, **fixed})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise NightFailed(f"the recipe can't be used: {wrong}") from None


def _drop_other_training(folder: Path, recipe: Recipe) -> None:
    """Throws away a training with another beginning, as when consent for a case in the champion was withdrawn since."""
    with contextlib.suppress(FileNotFoundError):
        if (folder / RECIPE_FILE).read_text() != recipe.model_dump_json(indent=1):
            shutil.rmtree(folder)


def _shape_of(adapter: Path) -> dict[str, object]:
    config = json.loads((adapter / CONFIG_FILE).read_text())
    return {"rank": config["r"], "alpha": config["lora_alpha"], "modules": tuple(sorted(config["target_modules"]))}


def _tell_step(desk: Desk, step: Progress) -> None:
    desk.tell(Told(Stage.TRAIN, step.step, step.steps, step.loss, step.seconds_left, step.memory_bytes, step.stage, step.stages))
