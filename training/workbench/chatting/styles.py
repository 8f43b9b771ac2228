"""How a conversation becomes a prompt: by the model's own chat template, or as text with markers for models that were trained on that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference.prompt import Message
from training.corpora.forms import ASSISTANT, HUMAN
from training.workbench.errors import WorkbenchError

Prompt = str | tuple[Message, ...]
"""Text as it is, or messages for the model's chat template."""


@dataclass(frozen=True)
class Exchange:
    """A question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class Template:
    """Messages for the chat template; the system's words stand before the first question, since some templates take no such message."""

    stops: tuple[str, ...] = ()
    """Where an answer ends, beside the model's own end-of-sequence token."""

    def prompt(self, system: str, earlier: Sequence[Exchange], question: str) -> Prompt:
        """The prompt that asks `question` after what was said earlier."""
        exchanges = [*earlier, Exchange(question, "")]
        said = [Message(role=role, content=text) for one in exchanges for role, text in (("user", one.question), ("assistant", one.answer))]
        if system:
            said[0] = Message(role="user", content=f"{system}\n\n{said[0]['content']}")
        return tuple(said[:-1])


@dataclass(frozen=True)
class Markers:
    """Running text with a marker before each turn, and `between` after each; an answer ends where the next marker begins."""

    human: str
    assistant: str
    between: str

    @property
    def stops(self) -> tuple[str, ...]:
        """A marker of either side: the model goes on with the conversation by itself."""
        return (self.human.strip(), self.assistant.strip())

    def prompt(self, system: str, earlier: Sequence[Exchange], question: str) -> Prompt:
        """The prompt that asks `question` after what was said earlier."""
        opening = f"{system}\n\n" if system else ""
        said = "".join(f"{self.human} {one.question}{self.between}{self.assistant} {one.answer}{self.between}" for one in earlier)
        return f"{opening}{said}{self.human} {question}{self.between}{self.assistant}"


Style = Template | Markers
TEMPLATE = "template"
MARKERS = "markers"
STYLES: Mapping[str, Style] = {
    TEMPLATE: Template(),
    MARKERS: Markers(HUMAN, ASSISTANT, "\n"),
    "belle": Markers("Human:", "Assistant:", "\n\n"),
}
"""By name: the chat template; the markers of running text that `phyassist data prepare` writes; BELLE's."""


def style(name: str | None, has_template: bool) -> Style:
    """The style of a name; None is the chat template where the model has one, else markers.

    Raises:
        WorkbenchError: there is none of this name, or the model has no chat template.
    """
    if name is None:
        return STYLES[TEMPLATE if has_template else MARKERS]
    if name not in STYLES:
        raise WorkbenchError(f"there is no style {name}; there are {', '.join(STYLES)}")
    if name == TEMPLATE and not has_template:
        raise WorkbenchError("this model has no chat template: choose --style markers, or another style that it was trained on")
    return STYLES[name]
