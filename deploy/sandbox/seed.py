"""The workspace as it is at the start: a small counseling team with its case channels."""

from dataclasses import dataclass

from deploy.sandbox.model import BOT_ID, BOT_USER_ID, FOREIGN_TEAM_ID, User, Usergroup
from deploy.sandbox.state import Workspace

ANNA = User("U0ANNA", "anna", "Anna Berg")
LI = User("U0LI", "li", "Li Wei", locale="zh-CN")
SOL = User("U0SOL", "sol", "Sol Moreno")
ADA = User("U0ADA", "ada", "Ada Okafor", is_admin=True)
GUS = User("U0GUS", "gus", "Gus Lind", is_restricted=True)
EVE = User("U0EVE", "eve", "Eve Foreign", team_id=FOREIGN_TEAM_ID, is_stranger=True)
BOT = User(BOT_USER_ID, "phyassist", "PhyAssist", is_bot=True, bot_id=BOT_ID)

ADMIN_GROUP = Usergroup("S0ADMINS", "phyassist-admins", "PhyAssist admins", (ADA.id,))
SUPERVISOR_GROUP = Usergroup("S0SUPERVISORS", "phyassist-supervisors", "PhyAssist supervisors", (SOL.id,))


@dataclass(frozen=True, slots=True)
class Seed:
    """How many case channels there are at the start, and whether the bot is in them already."""

    cases: int = 3
    bot_in_cases: bool = False


def seeded_workspace(seed: Seed | None = None) -> Workspace:
    """Return the workspace: anna, li (counselors), sol (supervisor), ada (admin), gus (guest), eve (another company)."""
    seed = seed or Seed()
    workspace = Workspace()
    for user in (ANNA, LI, SOL, ADA, GUS, EVE, BOT):
        workspace.add_user(user)
    for group in (ADMIN_GROUP, SUPERVISOR_GROUP):
        workspace.usergroups[group.id] = group
    everybody = [LI.id, SOL.id, ADA.id]
    workspace.create_channel("general", ANNA.id, [*everybody, BOT.id], is_private=False)
    with_bot = [BOT.id] if seed.bot_in_cases else []
    for number in range(1, seed.cases + 1):
        workspace.create_channel(f"case-{number:03d}", ANNA.id, [LI.id, SOL.id, *with_bot])
    workspace.create_channel("with-partner", ANNA.id, [LI.id, EVE.id], is_ext_shared=True)
    workspace.create_channel("with-guest", ANNA.id, [LI.id, GUS.id])
    workspace.create_channel("phyassist-admin", ADA.id, [SOL.id, BOT.id])
    return workspace
