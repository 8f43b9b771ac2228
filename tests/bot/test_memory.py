"""What is remembered of Slack's answers: for so long, of so many, and the newest answer always."""

from hypothesis import given
from hypothesis import strategies as st

from bot.slack.guards import CHANNEL_MEMORY_S, MOST_CHANNELS, MOST_USERS, SlackGuard
from bot.slack.memory import Memory
from bot.workflow.ports import Sign
from deploy.sandbox.server import running_sandbox
from tests.deploy.sandbox_app import web_client

SECONDS, MOST = 10.0, 3
STEPS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from([0.0, 1.0, 4.0, 11.0])), max_size=40)


@given(STEPS)
def test_it_never_grows_beyond_its_bounds(steps: list[tuple[str, float]]) -> None:
    """After each answer: it holds, no more than the most are there, and each that holds is young and the last word on its id."""
    now = 1.0
    memory: Memory[int] = Memory(SECONDS, MOST, lambda: now)
    newest: dict[str, tuple[float, int]] = {}
    for number, (key, pause) in enumerate(steps):
        now += pause
        memory.keep(key, number)
        newest[key] = (now, number)
        assert memory.holds(key)
        assert len(memory) <= MOST
        for each in "abcde":
            if memory.holds(each):
                assert memory[each] == newest[each][1]
                assert now - newest[each][0] < SECONDS


def test_what_ran_out_makes_room_for_itself() -> None:
    """Answers that nobody asks for again don't stay."""
    now = 1.0
    memory: Memory[int] = Memory(SECONDS, 100, lambda: now)
    for number in range(50):
        memory.keep(str(number), number)
    now += SECONDS
    memory.keep("new", 1)
    assert len(memory) == 1


async def test_the_guard_forgets_channels_that_nobody_asks_for() -> None:
    """However many channels and people come by, what it remembers is what was asked within its time."""
    now = 1.0
    async with running_sandbox() as sandbox:
        guard = SlackGuard(web_client(sandbox, retry_handlers=[]), [sandbox.team_id], lambda: now)
        for number in range(20):
            assert await guard.refusal(sandbox.team_id, f"C{number}", "U0ANNA") is Sign.NOT_INVITED
        assert len(guard._channels) == 20
        now += CHANNEL_MEMORY_S + 1
        await guard.refusal(sandbox.team_id, "C20", "U0ANNA")
        assert len(guard._channels) == 1
    assert MOST_CHANNELS < MOST_USERS
