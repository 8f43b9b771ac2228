"""`phyassist train expand-vocabulary`: a model with more tokens, each of which begins as the mean of what it stands for.

    FOLDER/model files, tokenizer files     loads in transformers as any model does
           manifest.json                    kind "model"; `made["new_rows"]` are the first new row and the one behind the last,
                                            `made["savings"]` what the expansion is good for

Rows of the input and of the output embeddings, tied or not, are treated alike; so is the output's bias, where there is one. The mean of the
old pieces' rows is the usual beginning: Hewitt, "Initializing new word embeddings for pretrained language models", 2021, says why.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from training.weights.origin import lineage_of, made_of
from training.workbench.artifacts import Manifest, new_folder, read_manifest, sha256_of, write_manifest
from training.workbench.config import Dtype, Model
from training.workbench.errors import WorkbenchError
from training.workbench.models import load_base, load_tokenizer
from training.workbench.places import fingerprint, model_folder
from training.workbench.rows import FORMS, Comparison, Conversation, PromptCompletion, Row, Source, Split, Text, read_file, read_rows
from training.workbench.vocabulary import Expansion, expand

KIND = "model"
NEW_ROWS = "new_rows"
HELD_OUT_EVERY = 20
"""Every so many lines one is measured on and not learned from, where no other text is given for that."""
HAN_SHARE = 0.3
"""Of a text's letters; above it, a text counts as Chinese."""
STALE = ("tokenizer.model", "vocab.json", "merges.txt", "spiece.model")
"""Files of the old tokenizer, which some libraries would read in place of the new one."""


@dataclass(frozen=True)
class Savings:
    """How much text a token holds, on text that nothing was learned from: characters, and tokens before and after."""

    characters: int
    before: int
    after: int

    def told(self, language: str) -> str:
        """One line for people."""
        rates = f"{self.characters / self.before:.2f} characters a token before, {self.characters / self.after:.2f} after"
        return f"{language}: {rates} ({1 - self.after / self.before:.0%} fewer tokens)"


@dataclass(frozen=True)
class Texts:
    """Texts to learn tokens from, others to measure on, and the files that they come from; `paths` are where those lie."""

    learned: Sequence[str]
    held_out: Sequence[str]
    sources: Sequence[Source]
    paths: Sequence[Path]


def read_texts(paths: Sequence[Path], held_out: Sequence[Path] = ()) -> Texts:
    """Lines of plain text files, rows of JSON lines files, or rows of folders that `phyassist data` made.

    Raises:
        WorkbenchError: a file is missing, not UTF-8, or has no text.
    """
    learned, measured, sources = list[str](), list[str](), list[Source]()
    for path in (*paths, *held_out):
        found, apart = _texts_of(path)
        named = path / "manifest.json" if path.is_dir() else path
        sources.append(Source(path.name, sha256_of(named), len(found) + len(apart)))
        if path in held_out:
            measured += [*found, *apart]
        elif apart or held_out:
            learned += found
            measured += apart
        else:
            measured += found[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY]
            learned += [text for number, text in enumerate(found, start=1) if number % HELD_OUT_EVERY]
    if not learned:
        raise WorkbenchError(f"there is no text in {', '.join(path.name for path in paths)}")
    return Texts(learned, measured, sources, (*paths, *held_out))


def expand_model(model: str, texts: Texts, tokens: int, target: Path, dtype: Dtype = Dtype.BF16) -> Manifest:
    """Writes a model with up to `tokens` new tokens into a new folder.

    Raises:
        WorkbenchError: the tokenizer can't be expanded, the text has nothing new, or nothing can be written at `target`.
    """
    folder = model_folder(model)
    tokenizer = load_tokenizer(folder)
    old: Tokenizer | None = getattr(tokenizer, "backend_tokenizer", None)
    if old is None:
        raise WorkbenchError("the tokenizer is written in Python (a slow one): only those of the tokenizers library can be expanded")
    with new_folder(target) as out:
        expansion = expand(old, texts.learned, tokens)
        expanded = add_rows(load_base(Model(path=str(folder), dtype=dtype)), expansion)
        expanded.save_pretrained(out)
        tokenizer.save_pretrained(str(out))
        for name in STALE:
            (out / name).unlink(missing_ok=True)
        expansion.tokenizer.save(str(out / "tokenizer.json"))
        _check_saved(out, expansion, texts.held_out or texts.learned)
        measured = savings(old, expansion.tokenizer, texts.held_out)
        made = {
            **made_of("train expand-vocabulary", [lineage_of(folder, "base"), *(lineage_of(path, "rows") for path in texts.paths)]),
            "base": {"name": Path(model).name, "sha256": fingerprint(folder)},
            "sources": [asdict(source) for source in texts.sources],
            "asked": tokens,
            "characters": expansion.characters,
            NEW_ROWS: [expansion.first, expansion.first + len(expansion.pieces)],
            "savings": {language: asdict(one) for language, one in measured.items()},
        }
        return write_manifest(out, KIND, made)


def add_rows(model: Any, expansion: Expansion) -> Any:
    """The model with a row for each new token in its input and output embeddings: the mean of the rows of its old pieces."""
    new = sorted(expansion.pieces)
    have: int = model.get_input_embeddings().weight.shape[0]
    if new[-1] >= have:  # some models have spare rows
        model.resize_token_embeddings(new[-1] + 1, mean_resizing=False)
    with torch.no_grad():
        for table in embedding_tables(model):
            old = table.detach().clone()
            for token in new:
                table[token] = old[list(expansion.pieces[token])].float().mean(0).to(table.dtype)
    return model


def embedding_tables(model: Any) -> list[torch.nn.Parameter]:
    """What has a row for each token: input embeddings (tokens, width), output embeddings (tokens, width) unless they are the same, and the
    output's bias (tokens), where there is one."""
    inputs, outputs = model.get_input_embeddings().weight, model.get_output_embeddings()
    tables = [inputs] if outputs.weight is inputs else [inputs, outputs.weight]
    bias = getattr(outputs, "bias", None)
    return tables if bias is None else [*tables, bias]


def savings(before: Tokenizer, after: Tokenizer, texts: Sequence[str]) -> Mapping[str, Savings]:
    """By language: "Chinese" and "other languages", as far as the texts have any."""
    found = dict[str, Savings]()
    for language, some in _by_language(texts).items():
        counts = (sum(len(one.ids) for one in each.encode_batch(some, add_special_tokens=False)) for each in (before, after))
        found[language] = Savings(sum(map(len, some)), *counts)
    return found


def new_rows(model: str | Path) -> range:
    """The rows that the expansion of a model has added.

    Raises:
        WorkbenchError: the model's folder does not say that it was expanded.
    """
    folder = model_folder(model)
    made = read_manifest(folder, KIND, verify=False).made if (folder / "manifest.json").is_file() else {}
    if NEW_ROWS not in made:
        raise WorkbenchError(f"{folder.name} has no new tokens to train: make it with `phyassist train expand-vocabulary`")
    return range(*made[NEW_ROWS])


def _texts_of(path: Path) -> tuple[list[str], list[str]]:
    """Texts to learn from, and those that a folder of rows holds back."""
    if path.is_dir():
        splits = read_rows(path).splits
        apart = [text for split in (Split.DEV, Split.TEST) for row in splits.get(split, ()) for text in _texts_in(row)]
        return [text for row in splits[Split.TRAIN] for text in _texts_in(row)], apart
    if path.suffix == ".jsonl":
        return [text for row in read_file(path, _form(path)) for text in _texts_in(row)], []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise WorkbenchError(f"there is no file {path.name}") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{path.name} is not UTF-8: convert it first, for example with `iconv -f GB18030 -t UTF-8`") from None
    return [line for line in lines if line.strip()], []


def _form(path: Path) -> str:
    """The form whose columns the first line has; the reader tells what is wrong with others."""
    try:
        first = path.read_text(encoding="utf-8-sig").partition("\n")[0]
    except (FileNotFoundError, UnicodeDecodeError):
        return "text"
    return next((form for form, kind in FORMS.items() if all(f'"{name}"' in first for name in kind.__dataclass_fields__)), "text")


def _texts_in(row: Row) -> list[str]:
    match row:
        case Text(text):
            texts = [text]
        case PromptCompletion(prompt, completion):
            texts = [prompt, completion]
        case Comparison(prompt, chosen, rejected):
            texts = [prompt, chosen, rejected]
        case Conversation(_, messages):
            texts = [turn.content for turn in messages]
    return [line for text in texts for line in text.splitlines() if line.strip()]


def _by_language(texts: Sequence[str]) -> Mapping[str, list[str]]:
    found = dict[str, list[str]]()
    for text in texts:
        letters = [unicodedata.name(one, "").startswith("CJK") for one in text if one.isalpha()]
        chinese = letters and sum(letters) >= HAN_SHARE * len(letters)
        found.setdefault("Chinese" if chinese else "other languages", []).append(text)
    return dict(sorted(found.items()))


def _check_saved(folder: Path, expansion: Expansion, texts: Sequence[str]) -> None:
    """That transformers reads the tokenizer back as it was made: some of its classes put parts of their own in place of the file's."""
    read = load_tokenizer(folder)
    sample = texts[:1000]
    if [read.encode(text, add_special_tokens=False) for text in sample] != [
        expansion.tokenizer.encode(text, add_special_tokens=False).ids for text in sample
    ]:
        raise WorkbenchError(
            f"transformers' class {type(read).__name__} reads the expanded tokenizer in another way: "
            'set "tokenizer_class": "PreTrainedTokenizerFast" in the tokenizer_config.json of the old model'
        )
