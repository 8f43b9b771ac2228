"""What the settings say about nights is what a night is told to do."""

from pathlib import Path

from bot.workflow.night_plan import plan_night
from inference.registry import Registry
from tests.bot.test_nights import wishes
from tests.support.fakes import ScriptedModel
from training.data.settings import Settings
from training.night.plan import read_plan


async def test_mixing_and_requests_at_a_time_reach_the_plan(tmp_path: Path) -> None:
    """As they are set; the dataset takes the shares as they stand there."""
    wished = wishes(tmp_path, mixing={"base": 0.25}, at_once=7)
    plan = read_plan(await plan_night("night-1", wished, Registry(tmp_path / "adapters"), ScriptedModel([])))
    assert (plan.recipe, plan.mixing, plan.at_once) == ({"epochs": 1}, {"base": 0.25}, 7)
    assert Settings(**plan.mixing) == Settings(base=0.25)
