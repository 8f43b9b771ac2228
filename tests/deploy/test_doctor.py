"""`phyassist doctor`: what it finds on a bare machine and on a well set one, and that it never shows a secret."""

import io
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from bot.settings import ContactSettings, InferenceSettings, NotesSettings, SafetySettings, SlackMode, SlackSettings, load_settings
from bot.store.migrate import upgrade
from deploy.checks.finding import Finding, Health, note, ok, problem
from deploy.checks.machine import check_home, check_key_file
from deploy.checks.model import check_model
from deploy.checks.notes import check_notes
from deploy.checks.safety import check_safety
from deploy.checks.slack import check_slack, wanted_scopes
from deploy.checks.store import check_store
from deploy.doctor import examine, show

PLANTED = "planted-secret"
TEMPLATE = """
letter:
  title: {en: Letter, zh: 信}
  sections:
    - {key: all, title: {en: All, zh: 全部}, takes: [analysis, advice, questions]}
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a `.env`."""
    monkeypatch.chdir(tmp_path)


def shown(findings: list[Finding]) -> tuple[int, str]:
    """The exit status and the printed report."""
    out = io.StringIO()
    status = show(findings, Console(file=out, width=200))
    return status, out.getvalue()


async def everything(findings: AsyncIterator[Finding]) -> list[Finding]:
    """All findings of one check."""
    return [finding async for finding in findings]


def problems(findings: list[Finding]) -> list[str]:
    """The texts of what does not work."""
    return [finding.text for finding in findings if finding.health is Health.PROBLEM]


async def test_a_bare_machine_gets_a_way_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing configured, every problem says how to mend it, and the way to try PhyAssist without Slack is named."""
    monkeypatch.setenv("PHYASSIST_INFERENCE__URL", f"http://127.0.0.1:{free_port()}/v1")
    findings = await examine()
    status, report = shown(findings)
    assert status == 1
    assert "phyassist demo" in report
    assert all(finding.mend for finding in findings if finding.health is Health.PROBLEM)


async def test_wrong_settings_are_reported_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unreadable settings become findings that name the variable."""
    monkeypatch.setenv("PHYASSIST_NIGHT__CRON", "whenever")
    assert any("PHYASSIST_NIGHT__CRON" in text for text in problems(await examine()))


async def test_misspelt_variables_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that nothing reads is a problem with a name."""
    monkeypatch.setenv("PHYASSIST_SLACK_MODE", "socket")
    assert any("PHYASSIST_SLACK_MODE" in text for text in problems(await examine(skip_model=True)))


def test_all_well_exits_zero() -> None:
    """Notes are no problems; square brackets in a finding are shown as they are."""
    status, report = shown([ok("A", "has [1]"), note("B", "empty")])
    assert status == 0
    assert "has [1]" in report


def test_one_problem_exits_one() -> None:
    """One problem is enough."""
    assert shown([ok("A", "fine"), problem("B", "broken", "mend it")])[0] == 1


def test_a_key_readable_by_others_is_a_problem(tmp_path: Path) -> None:
    """The master key must have mode 600."""
    key = tmp_path / "master.key"
    key.write_text("k")
    key.chmod(0o644)
    (finding,) = check_key_file(key)
    assert finding.health is Health.PROBLEM
    assert "chmod 600" in finding.mend
    key.chmod(0o600)
    (finding,) = check_key_file(key)
    assert finding.health is Health.OK


def test_a_data_directory_that_cannot_be_made_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the place of the data directory is reported with the setting that moves it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PHYASSIST_HOME", str(tmp_path / "file" / "home"))
    (finding,) = check_home(load_settings())
    assert finding.health is Health.PROBLEM
    assert "PHYASSIST_HOME" in finding.mend


async def test_a_database_is_looked_at_without_being_made(tmp_path: Path) -> None:
    """An SQLite file that is not there is a note, and still not there afterwards."""
    (finding,) = await everything(check_store(f"sqlite+aiosqlite:///{tmp_path}/new.db"))
    assert finding.health is Health.NOTE
    assert not (tmp_path / "new.db").exists()


async def test_a_database_of_this_version_is_fine(store_url: str) -> None:
    """After `db upgrade` the database is at this version's revision, on SQLite and on PostgreSQL."""
    await upgrade(store_url)
    (finding,) = await everything(check_store(store_url))
    assert finding.health is Health.OK


async def test_an_unreachable_database_is_a_problem_without_its_password() -> None:
    """The report names the address and hides the password."""
    (finding,) = await everything(check_store(f"postgresql+asyncpg://user:{PLANTED}@127.0.0.1:{free_port()}/name"))
    assert finding.health is Health.PROBLEM
    assert "127.0.0.1" in finding.text
    assert PLANTED not in finding.text + finding.mend


async def test_no_model_server_is_a_problem_that_names_the_command() -> None:
    """Where nobody answers, the report says how to start a server."""
    (finding,) = await everything(check_model(InferenceSettings(url=f"http://127.0.0.1:{free_port()}/v1")))
    assert finding.health is Health.PROBLEM
    assert "phyassist model serve" in finding.mend


class Workspace:
    """Just as much of Slack's Web API as the doctor asks for, with answers that a test can change."""

    def __init__(self) -> None:
        self.scopes = ",".join(wanted_scopes())
        self.answers: dict[str, dict[str, object]] = {
            "auth.test": {"ok": True, "team": "Practice", "team_id": "T1", "user": "phyassist"},
            "users.info": {"ok": True},
            "usergroups.users.list": {"ok": True, "users": ["U1"]},
            "conversations.info": {"ok": True, "channel": {"is_private": True}},
            "apps.connections.open": {"ok": True, "url": "wss://127.0.0.1/"},
        }

    async def answer(self, request: web.Request) -> web.Response:
        """One Web API call."""
        return web.json_response(self.answers[request.match_info["method"]], headers={"X-OAuth-Scopes": self.scopes})


@pytest.fixture
async def workspace() -> AsyncIterator[tuple[Workspace, SlackSettings]]:
    """A workspace on a real socket, and the settings that fit it."""
    state = Workspace()
    application = web.Application()
    application.router.add_post("/api/{method}", state.answer)
    application.router.add_get("/api/{method}", state.answer)
    async with TestServer(application) as server:
        values = {"api_url": str(server.make_url("/api/")), "bot_token": f"xoxb-{PLANTED}", "app_token": f"xapp-{PLANTED}"}
        yield (
            state,
            SlackSettings.model_validate(
                {**values, "admin_users": ["U1"], "admin_usergroup": "S1", "supervisor_usergroup": "S2", "admin_channel": "G1"}
            ),
        )


async def test_a_well_set_workspace_has_no_problem(workspace: tuple[Workspace, SlackSettings]) -> None:
    """Token, scopes, admins, supervisors, channel and Socket Mode are each confirmed."""
    findings = await everything(check_slack(workspace[1]))
    assert problems(findings) == []
    assert len(findings) == 6


@pytest.mark.parametrize(
    ("method", "answer", "word"),
    [
        ("auth.test", {"ok": False, "error": "invalid_auth"}, "invalid_auth"),
        ("users.info", {"ok": False, "error": "user_not_found"}, "user_not_found"),
        ("usergroups.users.list", {"ok": False, "error": "no_such_subteam"}, "no_such_subteam"),
        ("conversations.info", {"ok": False, "error": "channel_not_found"}, "channel_not_found"),
        ("conversations.info", {"ok": True, "channel": {"is_private": False}}, "not private"),
        ("apps.connections.open", {"ok": False, "error": "not_allowed_token_type"}, "not_allowed_token_type"),
    ],
)
async def test_each_refusal_of_slack_is_told(
    workspace: tuple[Workspace, SlackSettings], method: str, answer: dict[str, object], word: str
) -> None:
    """Slack's own error name is shown, with a way to mend it and without the token."""
    workspace[0].answers[method] = answer
    findings = await everything(check_slack(workspace[1]))
    assert any(word in text for text in problems(findings))
    assert PLANTED not in "".join(finding.text + finding.mend for finding in findings)


async def test_a_missing_scope_is_named(workspace: tuple[Workspace, SlackSettings]) -> None:
    """The scopes of the manifest are compared with those that the token has."""
    workspace[0].scopes = "chat:write"
    assert any("groups:history" in text for text in problems(await everything(check_slack(workspace[1]))))


async def test_another_workspace_is_told(workspace: tuple[Workspace, SlackSettings]) -> None:
    """A token of a workspace which the settings do not name is a problem."""
    settings = workspace[1].model_copy(update={"team_ids": ("T9",)})
    assert any("T1" in text for text in problems(await everything(check_slack(settings))))


async def test_swapped_tokens_are_told() -> None:
    """A bot token in the place of the app token is noticed by how it starts."""
    settings = SlackSettings.model_validate({"app_token": f"xoxb-{PLANTED}"})
    findings = await everything(check_slack(settings))
    assert any("does not start with xapp-" in text for text in problems(findings))


async def test_a_taken_port_is_told(workspace: tuple[Workspace, SlackSettings]) -> None:
    """In HTTP mode the bot's port must be free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = workspace[1].model_copy(update={"mode": SlackMode.HTTP, "http_port": port})
        assert any(str(port) in text for text in problems(await everything(check_slack(settings))))


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_missing_crisis_contacts_are_told_and_stop_nobody() -> None:
    """None at all, none in one language, and one that names no way to reach it are worth knowing; none of it is a problem."""
    known, vague = ContactSettings(name="City line", reach="000 000"), ContactSettings(name="Ward", reach="ring the bell")
    found = {
        "none": list(check_safety(SafetySettings())),
        "one language": list(check_safety(SafetySettings(contacts_en=(known,)))),
        "both": list(check_safety(SafetySettings(contacts_en=(known,), contacts_zh=(known,)))),
        "vague": list(check_safety(SafetySettings(contacts_en=(known, vague), contacts_zh=(known,)))),
    }
    health = {name: [finding.health for finding in findings] for name, findings in found.items()}
    assert health == {
        "none": [Health.NOTE],
        "one language": [Health.OK, Health.NOTE],
        "both": [Health.OK, Health.OK],
        "vague": [Health.OK, Health.NOTE, Health.OK],
    }
    assert "Ward has no number, link or address" in found["vague"][1].text
    assert shown(found["none"])[0] == 0


async def test_the_doctor_looks_at_crisis_contacts(monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything else it says whether there are any."""
    monkeypatch.setenv("PHYASSIST_INFERENCE__URL", f"http://127.0.0.1:{free_port()}/v1")
    assert "Crisis contacts" in [finding.subject for finding in await examine(skip_model=True)]


def test_note_formats_are_read_as_the_bot_reads_them(tmp_path: Path) -> None:
    """Built in, with the team's own, and, where its file is wrong, the place and how to mend it."""
    (built_in,) = check_notes(NotesSettings())
    assert built_in == ok("Note formats", "itemized, soap, dap, birp, girp")
    file = tmp_path / "templates.yaml"
    file.write_text(TEMPLATE, encoding="utf-8")
    (with_team,) = check_notes(NotesSettings(templates=file))
    assert with_team == ok("Note formats", "itemized, soap, dap, birp, girp, letter (1 from the team's file)")
    file.write_text(TEMPLATE.replace("advice, ", "").replace("zh: 信", "de: Brief"), encoding="utf-8")
    wrong = list(check_notes(NotesSettings(templates=file)))
    assert [finding.health for finding in wrong] == [Health.PROBLEM] * 2
    assert [finding.text for finding in wrong] == [
        "PHYASSIST_NOTES__TEMPLATES: letter.title.zh: Field required",
        "PHYASSIST_NOTES__TEMPLATES: letter.title.de: Extra inputs are not permitted",
    ]
    (absent,) = check_notes(NotesSettings(templates=tmp_path / "absent.yaml"))
    assert "can't be read (FileNotFoundError)" in absent.text
