"""Learning from edits: which words were kept, brought in and taken out, and what DPO and SALT make of it."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from inference.adapters import read_base_shape
from inference.note import Kind, NoteItem, dump_note
from tests.training.qlora_support import DEMO, WORDS, a_base, a_dataset, a_pair, a_prompt, a_recipe
from training.data.dataset import load_dataset
from training.data.edits import align
from training.data.examples import Preference
from training.qlora import preference
from training.qlora.adapter import add_adapter, copy_weights, set_weights, trainable
from training.qlora.base import load_base
from training.qlora.loop import batch_of
from training.qlora.objectives import Dpo, Likelihood, answer_log_probabilities
from training.qlora.recipe import RECIPE_FILE, Recipe
from training.qlora.result import Result
from training.qlora.rows import Encoded, RowEncoder, Unit, with_references
from training.qlora.run import encode_dataset, run

TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
NOTES = st.lists(st.builds(NoteItem, st.sampled_from(Kind), TEXTS | st.sampled_from(['He said "no".', "规律作息。"])), max_size=6)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Mixtral."""
    return a_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def encoder() -> RowEncoder:
    """Of the demo model."""
    return RowEncoder(DEMO / "model")


def marked(draft: tuple[NoteItem, ...], edit: tuple[NoteItem, ...], encoder: RowEncoder) -> tuple[str, str]:
    """The tokens which only the draft has, and those which only the edit has, as text."""
    tokenizer = AutoTokenizer.from_pretrained(DEMO / "model")
    pair = Preference("c", a_prompt("One."), dump_note(edit), dump_note(draft), align(draft, edit).counts, None, "n")
    won, lost = preference.encode_pair(pair, encoder)
    in_draft, in_edit = preference.shared_tokens(pair.rejected, lost, pair.chosen, won)
    sides = ((lost, in_draft), (won, in_edit))
    taken = [[token for token, kept in zip(side.answer, flags, strict=True) if not kept] for side, flags in sides]
    return tokenizer.decode(taken[0]), tokenizer.decode(taken[1])


def test_words_taken_out_and_brought_in_are_found(encoder: RowEncoder) -> None:
    """Within an item that was rewritten, word by word; a cut and an added item wholly; what merely moved, not at all."""
    stays, dropped = NoteItem(Kind.ADVICE, "Keep a diary."), NoteItem(Kind.ADVICE, "Drink more water every day")
    draft = (NoteItem(Kind.ANALYSIS, "Sleep is short since the new work began"), stays, dropped)
    edit = (NoteItem(Kind.QUESTION, "Who else knows about it"), NoteItem(Kind.ANALYSIS, "Sleep is short since the old work began"), stays)
    removed, added = marked(draft, edit, encoder)
    assert removed.replace(" ", "") == "new" + dropped.text.replace(" ", "")
    assert sorted([added.replace(" ", "").replace("old", "", 1), "old"]) == ["Whoelseknowsaboutit", "old"]


@given(NOTES)
def test_the_places_of_items_are_found_in_a_note(items: list[NoteItem]) -> None:
    """The characters of each item's text are that text, as JSON writes it; quotation marks and other alphabets included."""
    text = dump_note(items)
    spans = preference.item_spans(text)
    assert spans is not None
    assert sorted(item.text for item, _ in spans) == sorted(item.text for item in items)
    for item, (begin, end) in spans:
        assert text[begin - 1] == text[end] == '"'
        assert text[begin:end].replace('\\"', '"') == item.text


@given(NOTES, NOTES)
def test_a_side_keeps_what_the_other_keeps(encoder: RowEncoder, draft: list[NoteItem], edit: list[NoteItem]) -> None:
    """Draft and edit have the same number of kept tokens inside items; the same note keeps all; sides change with the roles."""
    won, lost = (encoder.encode(a_prompt("One."), dump_note(items)) for items in (edit, draft))
    in_draft, in_edit = preference.shared_tokens(dump_note(draft), lost, dump_note(edit), won)
    if sorted(dump_note([item]) for item in draft) == sorted(dump_note([item]) for item in edit):
        assert all(in_draft)
        assert all(in_edit)
    assert in_draft[-1]
    assert in_edit[-1]
    if not draft:
        assert all(in_draft)


def test_text_that_is_no_note_is_compared_as_it_is(encoder: RowEncoder) -> None:
    """An answer in plain words loses and gains words too."""
    won, lost = (encoder.encode(a_prompt("One."), text) for text in ("keep the diary", "keep the lamp"))
    in_draft, in_edit = preference.shared_tokens("keep the lamp", lost, "keep the diary", won)
    assert in_draft[-1]
    assert False in in_draft
    assert False in in_edit


def test_salt_weighs_each_word_by_its_fate(encoder: RowEncoder, base: Path, tmp_path: Path) -> None:
    """Brought in: above what stays; taken out: below nothing; prompts: nothing."""
    pair = a_pair(1)
    won, lost = preference.encode_pair(pair, encoder)
    edit, draft = preference.salt_samples(pair, won, lost, a_recipe(base, tmp_path))
    assert set(edit.weights[len(won.prompt) :]) == {1.0, 1.5}
    assert set(draft.weights[len(lost.prompt) :]) == {1.0, -0.5}
    assert not any(edit.weights[: len(won.prompt)])


def test_dpo_is_the_papers_formula(base: Path, tmp_path: Path) -> None:
    """Packed into batches and with learned tokens alone it is what the plain formula gives, answer by answer."""
    recipe, encoder = a_recipe(base, tmp_path, dropout=0), RowEncoder(base)
    model = add_adapter(load_base(recipe), recipe, read_base_shape(base)).eval()
    pairs = [preference.encode_pair(a_pair(number), encoder) for number in range(2)]
    units = [preference.dpo_unit(won, lost) for won, lost in pairs]

    def log_probability(row: Encoded) -> torch.Tensor:
        logits = model(input_ids=torch.tensor([[*row.prompt, *row.answer]]), use_cache=False).logits[0].float().log_softmax(-1)
        return sum(logits[len(row.prompt) - 1 + place, token] for place, token in enumerate(row.answer))

    with torch.no_grad():
        before = [[log_probability(side) for side in pair] for pair in pairs]
        for parameter in trainable(model).values():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())) * 0.05)
        after = [[log_probability(side) for side in pair] for pair in pairs]
        batch = batch_of(with_references(units, [one.item() for pair in before for one in pair]), encoder.padding)
        found = Dpo(0.3)(model, batch)
    risen = [(new[0] - old[0]) - (new[1] - old[1]) for new, old in zip(after, before, strict=True)]
    expected = sum(torch.log1p(torch.exp(-0.3 * one)) for one in risen)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_the_reference_is_the_adapter_that_the_stage_begins_with(base: Path, tmp_path: Path) -> None:
    """Before the first step DPO's loss is log 2, also after a stage of examples; against the base, PEFT's usual reference, it isn't."""
    data = a_dataset(tmp_path / "data", pairs=2, heldout_pairs=2)
    recipe = a_recipe(base, data, preference="dpo", max_steps=2)
    stage = trained(recipe, tmp_path / "run").stages[1]
    assert stage.heldout_before == pytest.approx(0.6931472, abs=1e-5)
    encoder = RowEncoder(base)
    pairs = encode_dataset(load_dataset(data), encoder, recipe).heldout_pairs
    begin = recipe.model_copy(update={"begin": tmp_path / "run" / "adapter"})
    model = add_adapter(load_base(recipe), begin, read_base_shape(base)).eval()
    units: list[Unit] = [preference.dpo_unit(won, lost) for _, won, lost in pairs]
    with torch.no_grad(), model.disable_adapter():
        naive = [one for unit in units for one in answer_log_probabilities(model, batch_of([unit], encoder.padding)).tolist()]
    with torch.no_grad():
        loss = Dpo(0.1)(model, batch_of(with_references(units, naive), encoder.padding)) / len(units)
    assert abs(loss.item() - 0.6931472) > 1e-3


@pytest.mark.parametrize("step", ["dpo", "salt"])
def test_a_consistent_style_of_editing_is_learned(step: str, base: Path, tmp_path: Path) -> None:
    """Edits of cases that were not trained on become likelier than their drafts were."""
    data = a_dataset(tmp_path / "data", examples=0, heldout=0, pairs=8, heldout_pairs=3)
    result = trained(a_recipe(base, data, preference=step, max_steps=16, evaluate_every=8), tmp_path / "run")
    assert result.margin_before is not None
    assert result.margin_after is not None
    assert result.margin_after.mean > result.margin_before.mean + 5


def test_a_pull_holds_the_model_where_it_began(base: Path, tmp_path: Path) -> None:
    """Nothing where it began, more the further it went; and the adapter that is trained is left as it is."""
    recipe, encoder = a_recipe(base, tmp_path, dropout=0.1), RowEncoder(base)
    model = add_adapter(load_base(recipe), recipe, read_base_shape(base))
    model.train()
    origin = copy_weights(model)
    won, lost = preference.encode_pair(a_pair(1), encoder)
    batch = batch_of([((won.sample(),),), ((lost.sample(),),)], encoder.padding)

    def pulled(weight: float) -> float:
        torch.manual_seed(3)
        return Likelihood(weight, origin)(model, batch).item()

    model.eval()
    assert pulled(1.0) == pytest.approx(pulled(0.0), rel=1e-6)
    near = {name: tensor + 0.02 for name, tensor in origin.items()}
    set_weights(model, near)
    closer = pulled(1.0) - pulled(0.0)
    set_weights(model, {name: tensor + 0.2 for name, tensor in origin.items()})
    model.train()
    assert pulled(1.0) - pulled(0.0) > closer > 0
    assert model.training
    assert all(torch.equal(parameter, origin[name] + 0.2) for name, parameter in trainable(model).items())


def trained(recipe: Recipe, folder: Path) -> Result:
    """A run of a recipe in this process."""
    folder.mkdir()
    (folder / RECIPE_FILE).write_text(recipe.model_dump_json())
    return run(folder)
