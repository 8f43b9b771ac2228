"""A safety card as Block Kit: a pure function of what was found, whom to turn to, and who has seen it."""

from bot.domain.safety_card import CrisisContact, SafetyCard, Seen
from bot.slack.blocks import Block, button, context, escape, fit, header, moment, section
from bot.slack.safety_texts import SafetyTexts, safety_texts
from bot.workflow.ports import SafetyCardView
from inference.screening import Danger

SEEN_ACTION = "safety_card_seen"
SECTION_CHARS = 2800
MOST_NAMED = 12
"""People whom a card names; more are counted."""


def card_blocks(view: SafetyCardView) -> tuple[str, tuple[Block, ...]]:
    """The notification's text, which says nothing of the case, and the blocks."""
    card, words = view.card, safety_texts(view.language)
    past = [context(words.past.format(dangers=_named(card.past, words)))] if card.past else []
    blocks = (
        header(words.title),
        section(words.found[card.found_in].format(dangers=_named(card.dangers, words))),
        *past,
        section("\n".join((words.practice, *(f"• {step}" for step in _steps(card, words))))),
        *(section("\n".join(lines)) for lines in fit((words.contacts, *_contacts(view.contacts, words)), SECTION_CHARS)),
        context(words.limits),
        {"type": "actions", "elements": [button(SEEN_ACTION, words.seen, card.id)]},
        context(_seen(card.seen, words)),
    )
    return words.posted, blocks


def _named(dangers: tuple[Danger, ...], words: SafetyTexts) -> str:
    return words.join.join(words.dangers[danger] for danger in dangers)


def _steps(card: SafetyCard, words: SafetyTexts) -> list[str]:
    """What always helps, and what these dangers ask for; writing it down comes last."""
    *first, last = words.steps
    return [*first, *(words.more_steps[danger] for danger in card.dangers if danger in words.more_steps), last]


def _contacts(contacts: tuple[CrisisContact, ...], words: SafetyTexts) -> list[str]:
    if not contacts:
        return [words.no_contacts]
    return [f"• {_contact(each, words)}" for each in contacts]


def _contact(contact: CrisisContact, words: SafetyTexts) -> str:
    pattern = words.contact_hours if contact.hours else words.contact
    return pattern.format(name=escape(contact.name), reach=escape(contact.reach), hours=escape(contact.hours))


def _seen(seen: tuple[Seen, ...], words: SafetyTexts) -> str:
    if not seen:
        return words.nobody
    people = [words.seen_one.format(who=f"<@{each.user_id}>", when=moment(each.at)) for each in seen[:MOST_NAMED]]
    if len(seen) > MOST_NAMED:
        people.append(words.and_more.format(number=len(seen) - MOST_NAMED))
    return words.seen_by.format(people=" · ".join(people))
