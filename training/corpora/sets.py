"""The public sets by name, for the command line: `NAME=PATH`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from training.corpora.chatbot import NAME as CHATBOT
from training.corpora.chatbot import read_chatbot
from training.corpora.counsel_chat import NEW, OLD, read_counsel_chat
from training.corpora.imhi import SETS, read_imhi
from training.corpora.pieces import Corpus
from training.corpora.reading import UTF8, Progress, silent
from training.corpora.triples import NAME as TRIPLES
from training.corpora.triples import read_triples
from training.workbench.errors import WorkbenchError

Read = Callable[[Path, str, Progress], Corpus]
ALL_OF_IMHI = "imhi"


def _imhi(name: str, folder: Path, _encoding: str, progress: Progress) -> Corpus:
    return read_imhi(folder, name, progress)


READERS: Mapping[str, Read] = {
    **{f"imhi-{name}": partial(_imhi, name) for name in SETS},
    NEW.name: lambda path, encoding, progress: read_counsel_chat(path, NEW, encoding, progress),
    OLD.name: lambda path, encoding, progress: read_counsel_chat(path, OLD, encoding, progress),
    CHATBOT: read_chatbot,
    TRIPLES: read_triples,
}
"""How each set is read. The name `imhi` stands for its five sets together."""


def read_sets(wanted: Sequence[str], encoding: str = UTF8, progress: Progress = silent) -> tuple[Corpus, ...]:
    """The sets of `NAME=PATH` each, in this order. Of files of triples there may be several.

    Raises:
        WorkbenchError: a name is unknown or given twice, or a file can't be read.
    """
    corpora: list[Corpus] = []
    for one in wanted:
        name, mark, path = one.partition("=")
        if not mark or not path or name not in {ALL_OF_IMHI, *READERS}:
            raise WorkbenchError(f"--from takes NAME=PATH, where NAME is one of {', '.join([ALL_OF_IMHI, *READERS])}")
        names = [f"imhi-{each}" for each in SETS] if name == ALL_OF_IMHI else [name]
        corpora += [READERS[each](Path(path).expanduser(), encoding, progress) for each in names]
    return tuple(_named_apart(corpora))


def _named_apart(corpora: Sequence[Corpus]) -> list[Corpus]:
    """Several files of triples get numbers; any other set is given once."""
    apart: list[Corpus] = []
    for corpus in corpora:
        earlier = sum(other.name == corpus.name for other in corpora[: len(apart)])
        if earlier and corpus.name != TRIPLES:
            raise WorkbenchError(f"{corpus.name} is given twice")
        apart.append(replace(corpus, name=f"{corpus.name} {earlier + 1}") if earlier else corpus)
    return apart
