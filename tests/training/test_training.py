"""The training loop and the whole build, at a toy size."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.nn import functional
from transformers import MixtralForCausalLM

from inference.note import Language
from training.demo.batches import Batch
from training.demo.build import Build, content_hash
from training.demo.content import load_content
from training.demo.corpus import sample_texts
from training.demo.judge import unmentioned_names
from training.demo.loop import Schedule, losses_of, rate_factor, train
from training.demo.meaning import GAIN, begin_with_meaning, directions_of, keep_meaning, subjects, token_meanings
from training.demo.muon import orthogonal
from training.demo.sizes import QUICK, SHIPPED
from training.demo.tokens import Encoder, train_tokenizer

DEMO = Path(__file__).parents[2] / "training" / "demo"
MOST_MEGABYTES = 25


def a_model() -> MixtralForCausalLM:
    """A toy model with fixed weights."""
    torch.manual_seed(1)
    return MixtralForCausalLM(replace(QUICK, hidden=64, layers=1).config(300))


def some_batches() -> Iterator[Batch]:
    """Endless seeded batches of random tokens."""
    generator = torch.Generator().manual_seed(3)
    while True:
        ids = torch.randint(5, 300, (2, 9), generator=generator)
        yield Batch(ids[:, :-1], ids[:, 1:])


def test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    """A training that goes on from its saved state gives the same losses and the same weights."""
    schedule = Schedule(tokens=16 * 10, batch_tokens=16, rate=1e-3, matrix_rate=0.01, warmup_tokens=40, save_every=4)
    whole, halved, resumed = a_model(), a_model(), a_model()
    expected = train(whole, whole, some_batches(), schedule, tmp_path / "whole.pt")

    with pytest.raises(StopIteration):  # the stream runs dry a few steps after the state was saved
        train(halved, halved, islice(some_batches(), 6), schedule, tmp_path / "state.pt")
    curve = train(resumed, resumed, some_batches(), schedule, tmp_path / "state.pt")

    assert [point.loss for point in curve] == [point.loss for point in expected]
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_the_rate_rises_stays_and_falls() -> None:
    """The learning rate warms up, stays at its peak and falls towards the end."""
    schedule = Schedule(tokens=1000, batch_tokens=10, rate=1.0, warmup_tokens=100, falling=0.4)
    rates = [rate_factor(seen, schedule) for seen in (0, 50, 100, 500, 600, 800, 990)]
    assert rates[0] < rates[1] < rates[2] == rates[3] == rates[4] == 1.0
    assert 1.0 > rates[5] > rates[6] > 0


def test_padding_changes_nothing() -> None:
    """Rows padded on the right lose the same as the rows alone, so no padding mask is needed."""
    model = a_model().eval()
    batch = next(some_batches())
    ids = torch.cat([batch.ids, torch.full((2, 3), 2)], dim=1)
    labels = torch.cat([batch.labels, torch.full((2, 3), -100)], dim=1)
    with torch.no_grad():
        alone, padded = losses_of(model, batch)[0], losses_of(model, Batch(ids, labels))[0]
    assert torch.allclose(alone, padded, atol=1e-5)


def test_the_orthogonal_update_has_even_singular_values() -> None:
    """Muon's update turns each matrix of a stack into one whose singular values are all of the same order."""
    torch.manual_seed(0)
    stack = torch.randn(2, 24, 16) * torch.linspace(0.1, 10, 16)
    values = torch.linalg.svdvals(orthogonal(stack))
    assert values.min() > 0.2
    assert values.max() < 1.6


def test_words_of_one_problem_begin_close_together() -> None:
    """Before any training, words of one problem resemble each other more than words of another, across languages too."""
    content = load_content()
    encoder = Encoder(train_tokenizer(sample_texts(content, 100, 0), 4000))
    meanings = functional.normalize(token_meanings(content, encoder, 4000)[:, :64], dim=1)
    sleep, night, wedding, chinese = (meanings[encoder.pieces(word)[-1]] for word in ("sleep", "awake", "wedding", "睡"))
    assert sleep @ night > 0.4 > sleep @ wedding
    assert sleep @ chinese > 0.4


def test_the_first_layer_passes_on_the_average_meaning() -> None:
    """After the first attention layer each position carries the average of the meanings up to there, which names a problem by itself."""
    content = load_content()
    encoder = Encoder(train_tokenizer(sample_texts(content, 100, 0), 4000))
    torch.manual_seed(0)
    model = MixtralForCausalLM(replace(SHIPPED, layers=1).config(encoder.backend.get_vocab_size()))
    begin_with_meaning(model, content, encoder)
    kept, first = directions_of(model), model.model.layers[0]
    assert kept == len(subjects(content)), "every problem and every risk has a direction"
    seen: list[torch.Tensor] = []
    first.self_attn.register_forward_hook(lambda _module, _inputs, output: seen.append(output[0]))
    right = 0
    for number, problem in enumerate(content.problems):
        ids = torch.tensor([encoder.pieces(problem.parts[Language.ENGLISH].accounts[0])])
        with torch.no_grad():
            model.model(ids)
            meanings = first.input_layernorm(model.get_input_embeddings()(ids))[0, :, :kept]
        average = seen[-1].reshape(-1, model.config.hidden_size)[-1, kept : 2 * kept]
        assert torch.allclose(average, GAIN * meanings.mean(0), atol=1e-3)
        right += int(average[: len(content.problems)].argmax()) == number
    assert right >= 0.9 * len(content.problems)


def test_what_was_counted_is_kept() -> None:
    """Training leaves the meanings of words and the layer that averages them as they were counted."""
    model = a_model()
    keep_meaning(model)
    before = model.get_input_embeddings().weight.detach().clone(), model.model.layers[0].self_attn.v_proj.weight.detach().clone()
    schedule = Schedule(tokens=64, batch_tokens=16, rate=1e-2, matrix_rate=0.01, warmup_tokens=16)
    train(model, model, some_batches(), schedule, Path("unused"))
    kept = directions_of(model)
    after = model.get_input_embeddings().weight
    assert torch.allclose(after[:, :kept], before[0][:, :kept], rtol=1e-2)
    assert not torch.allclose(after[:, kept:], before[0][:, kept:], rtol=1e-2)
    assert torch.equal(model.model.layers[0].self_attn.v_proj.weight, before[1])


def test_one_command_builds_the_same_model_twice(tmp_path: Path) -> None:
    """A quick build is complete, and a second one has the same weights."""
    manifests = []
    for name in ("first", "second"):
        out = tmp_path / name
        out.mkdir()
        Build(QUICK, tmp_path / f"{name}-work", load_content(), "cpu").run(out)
        manifests.append(json.loads((out / "manifest.json").read_text(encoding="utf-8")))
        assert (out / "adapter" / "adapter_model.safetensors").exists()
        with Image.open(out / "loss.png") as picture:
            assert picture.width > 300
    assert manifests[0]["sha256"] == manifests[1]["sha256"]
    assert manifests[0]["stages"]["base"]["final_loss"] < 7.0


def test_the_shipped_model_is_small_and_belongs_to_the_content() -> None:
    """Model, tokenizer and adapter stay under 25 MB, and the manifest says that they were made from the content files as they are."""
    files = [path for name in ("model", "adapter") for path in (DEMO / name).iterdir()]
    assert sum(path.stat().st_size for path in files) <= MOST_MEGABYTES * 1e6
    manifest = json.loads((DEMO / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["size"] == "shipped"
    assert manifest["content_sha256"] == content_hash()
    assert set(manifest["sha256"]) == {str(path.relative_to(DEMO)) for path in files}


def test_words_for_persons_count_unless_mentioned() -> None:
    """A person is unmentioned where the description speaks of nobody of the kind; a diagnosis where the description does not name it."""
    from inference.note import Language

    assert unmentioned_names("Talk with the mother.", "She cannot sleep.", Language.ENGLISH) == ("mother",)
    assert unmentioned_names("Talk with the mother.", "Her mum calls every day.", Language.ENGLISH) == ()
    assert unmentioned_names("This may be depression.", "He is tired.", Language.ENGLISH) == ("depression",)
    assert unmentioned_names("和同事谈谈。", "她睡不好。", Language.CHINESE) == ("同事",)
