"""The demo model's tokenizer: byte-level BPE with Mistral's [INST] template, trained on the generated corpus."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from inference.note import Language
from inference.prompt import INSTRUCTIONS, Message, TurnKind, reported
from training.demo.tasks import Row

PLACEHOLDER = re.compile(r"\s*\{\w+\}\s*")
SPECIAL = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]")
BOS, EOS = 1, 2

# Chinese one character at a time, and the end of a sentence always a token of its own: unseen text is then cut as seen text is,
# and a sentence is the same tokens in prose and in JSON.
APART = r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef.?!\d]"

STARTS = tuple(f"{text}\n\n" for text in INSTRUCTIONS.values())
# The instructions never change and this model was made to follow them, so they are left out of what it reads: a third of a short prompt.
REPORT_KINDS = (TurnKind.DESCRIPTION, TurnKind.INFORMATION)
REPORTS = tuple(reported(kind, "", language).text.split("\n")[0] for kind in REPORT_KINDS for language in Language)
# What a counselor reports is read in lower case: a model that met few words should meet each in one form. Listed notes keep their case.
_IS_REPORT = " or ".join(f"said.startswith({json.dumps(start, ensure_ascii=False)})" for start in REPORTS)
_LOWER = "{%- if " + _IS_REPORT + " %}{%- set said = said | lower %}{%- endif %}"
_LEAVE_OUT = "{{%- set said = said[{length}:] if said[:{length}] == {text} else said %}}"
CHAT_TEMPLATE = (
    "{%- if messages[0]['role'] == 'system' %}{%- set turns = messages[1:] %}{%- else %}{%- set turns = messages %}{%- endif %}"
    "{{- bos_token }}{%- for turn in turns %}"
    "{%- if (turn['role'] == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('roles must alternate user/assistant') }}{%- endif %}"
    "{%- if turn['role'] == 'user' %}{%- set said = turn['content'] %}"
    + "".join(_LEAVE_OUT.format(length=len(start), text=json.dumps(start, ensure_ascii=False)) for start in STARTS)
    + _LOWER
    + "{{- '[INST] ' + said + ' [/INST]' }}"
    "{%- else %}{{- turn['content'] + eos_token }}{%- endif %}{%- endfor %}"
)


@dataclass(frozen=True)
class Encoded:
    """Token ids, and for each whether the model is to learn to say it."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


def train_tokenizer(texts: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `size` pieces."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    apart = pre_tokenizers.Split(Regex(APART), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([apart, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", BOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer saved in `folder`."""
    return PreTrainedTokenizerFast.from_pretrained(str(folder))


def as_read(content: str) -> str:
    """A counselor's message as the chat template passes it on: without the instructions, a report in lower case."""
    for start in STARTS:
        content = content.removeprefix(start)
    return content.lower() if content.startswith(REPORTS) else content


class Encoder:
    """Rows and texts as token ids, exactly as the chat template would have them."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.backend: Tokenizer = tokenizer.backend_tokenizer

    def count(self, text: str) -> int:
        """How many tokens `text` has, without any template."""
        return len(self._ids(text))

    def pieces(self, text: str) -> list[int]:
        """The tokens of a text as a report has it, placeholders left out."""
        return self._ids(" " + PLACEHOLDER.sub(" ", text).lower())

    def row(self, row: Row) -> Encoded:
        """A conversation; the learned tokens are those of the model's answers."""
        ids, learned = [BOS], [False]
        for place, message in enumerate(row.messages):
            piece, learn = self._message(message), message["role"] == "assistant"
            if learn and not row.learn_all:
                learn = place == len(row.messages) - 1
            ids += piece
            learned += [learn] * len(piece)
        return Encoded(tuple(ids), tuple(learned))

    def text(self, text: str) -> Encoded:
        """Plain text, all of it to be learned."""
        ids = [BOS, *self._ids(text), EOS]
        return Encoded(tuple(ids), (False, *[True] * (len(ids) - 1)))

    def _message(self, message: Message) -> Sequence[int]:
        if message["role"] == "user":
            return self._ids(f"[INST] {as_read(message['content'])} [/INST]")
        return [*self._ids(message["content"]), EOS]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.backend.encode(text, add_special_tokens=False).ids
        return ids
