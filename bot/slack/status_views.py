"""`/phyassist status` as Slack's Block Kit: what waits in a case, for the person who asks."""

from bot.slack.blocks import Block, button, context, escape, fit, moment, section
from bot.slack.overview_texts import OverviewTexts, overview_texts
from bot.slack.questions_views import OPEN_ACTION
from bot.workflow.status import ModelNow, Status
from inference.note import Language

QUESTIONS_SHOWN = 5
QUESTION_CHARS = 300
DRAFTS_SHOWN = 5


def status_blocks(status: Status, model: ModelNow, workspace_url: str) -> list[Block]:
    """The message. `workspace_url` ends with a slash, and is empty where it isn't known: then drafts are named without a link."""
    overview, case = status.overview, status.overview.case
    words = overview_texts(case.language)
    lines = [words.status.format(code=escape(case.code))]
    if overview.safety:
        lines.append(f"• {words.safety.format(number=overview.safety)}")
    if overview.failed:
        lines.append(f"• {words.failed}")
    if status.drafts:
        lines.append(f"• {words.drafts.format(number=len(status.drafts), which=_drafts(status, workspace_url, words))}")
    if status.questions:
        lines.append(f"• {words.questions.format(number=len(status.questions))}")
    blocks: list[Block] = [section("\n".join(lines if overview.waits else [*lines, words.nothing_waits]))]
    if status.questions:
        shown = [f"– {_short(question.text)}" for question in status.questions[:QUESTIONS_SHOWN]]
        more = len(status.questions) - len(shown)
        blocks.append(context("\n".join([*shown, *([words.more_questions.format(number=more)] if more else [])])))
        blocks.append({"type": "actions", "elements": [button(OPEN_ACTION, words.tick_off, case.id)]})
    rest = [words.posts.format(number=overview.posts)] if overview.posts else []
    rest += [words.unaccepted.format(number=status.unaccepted)] if status.unaccepted else []
    return [*blocks, context("\n".join([*rest, model_line(model, case.language)]))]


def status_text(status: Status) -> str:
    """The message where blocks can't be shown, as in a notification: the case's code alone."""
    return overview_texts(status.overview.case.language).status.format(code=escape(status.overview.case.code))


def model_line(model: ModelNow, language: Language) -> str:
    """The model's state as one sentence."""
    words = overview_texts(language)
    until = words.until.format(when=moment(model.until)) if model.until else ""
    return words.models[model.state].format(until=until)


def message_url(workspace_url: str, channel_id: str, ts: str) -> str:
    """The address of a message, as Slack makes them."""
    return f"{workspace_url}archives/{channel_id}/p{ts.replace('.', '')}"


def _drafts(status: Status, workspace_url: str, words: OverviewTexts) -> str:
    shown = []
    for draft in status.drafts[-DRAFTS_SHOWN:]:
        when = f"{draft.drafted_at:%Y-%m-%d}"  # a date in a link can't be in the reader's own zone
        if draft.thread_ts and workspace_url:
            url = message_url(workspace_url, status.overview.case.channel_id, draft.thread_ts)
            shown.append(words.draft_shown.format(url=url, when=when))
        else:
            shown.append(words.draft.format(when=when))
    return " · ".join(shown)


def _short(text: str) -> str:
    first, *rest = fit([escape(text)], QUESTION_CHARS)
    return " ".join(first) + (" …" if rest else "")
