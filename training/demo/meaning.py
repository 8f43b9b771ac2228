"""A first sense of words: embeddings in which tokens of the same problem are close together, and an attention layer that averages them.

A model this small, trained for minutes, spends most of them on finding out which words belong together. Counting finds it in a second:
tokens by problems, weighted by positive pointwise mutual information, reduced by a singular value decomposition (latent semantic analysis;
Deerwester et al. 1990, Bullinaria and Levy 2007). Both languages share the problems, so they share the directions.
"""

import torch
from transformers import MixtralForCausalLM
from transformers.models.mixtral.modeling_mixtral import MixtralAttention

from inference.note import Language
from training.demo.content import Content, Part, RiskPart
from training.demo.tokens import Encoder

DIRECTIONS = 64
"""How many dimensions tell what a token is about: about one a problem. The next as many carry the running average of what the text so far
is about, and the rest, random at first, tells tokens apart."""
GAIN = 0.2
"""How loud the average is: as loud as the tokens themselves, roughly."""
SMOOTHING = 0.75
"""Context counts to this power, so that rare tokens do not look too telling."""


@torch.no_grad()
def begin_with_meaning(model: MixtralForCausalLM, content: Content, encoder: Encoder) -> None:
    """Give a new model its first sense of words, and let its first attention layer pass on the average of what was said so far.

    Both are then left as they are: `keep_meaning` sees to it that training does not wash them out.
    """
    width, spread = model.config.hidden_size, model.config.initializer_range
    directions = directions_of(model)
    meanings = token_meanings(content, encoder, model.config.vocab_size)[:, :directions]
    for embedding in (model.get_input_embeddings().weight, model.get_output_embeddings().weight):
        embedding[:, :directions] = meanings * spread * width**0.5
        embedding[:, directions : 2 * directions] = 0
    _average_meaning(model.model.layers[0].self_attn, directions, width)


def keep_meaning(model: MixtralForCausalLM) -> None:
    """Freeze the first attention layer, its norm, and the dimensions of the input embedding that hold a meaning."""
    first, embedding = model.model.layers[0], model.get_input_embeddings().weight
    for parameter in (*first.self_attn.parameters(), *first.input_layernorm.parameters()):
        parameter.requires_grad_(False)
    free = torch.ones(embedding.shape[1], device=embedding.device)
    free[: directions_of(model)] = 0
    embedding.register_hook(lambda gradient: gradient * free)


def directions_of(model: MixtralForCausalLM) -> int:
    """How many dimensions hold a meaning in a model of this size."""
    values: torch.Tensor = model.model.layers[0].self_attn.v_proj.weight
    return min(DIRECTIONS, values.shape[1] // 4, values.shape[0])


def token_meanings(content: Content, encoder: Encoder, vocabulary: int) -> torch.Tensor:
    """What each token is about, (vocabulary, subjects), the strongest directions first; telling tokens have a length of about 1."""
    counts = torch.stack([_counts(texts, encoder, vocabulary) for texts in subjects(content)], dim=1)
    left, strengths, _ = torch.linalg.svd(_mutual_information(counts), full_matrices=False)
    meanings: torch.Tensor = left * strengths**0.5
    lengths: torch.Tensor = meanings.norm(dim=1)
    return meanings / lengths[lengths > 0].mean()


def subjects(content: Content) -> list[list[str]]:
    """All texts about each problem and each risk, in both languages."""
    problems = [[text for language in Language for text in _texts(problem.parts[language])] for problem in content.problems]
    risks = [[text for language in Language for text in _risk_texts(risk[language])] for risk in content.risks.values()]
    return [*problems, *risks]


def _texts(part: Part) -> list[str]:
    said = [text for aspect in part.aspects for text in aspect.say]
    return [part.topic, *part.complaint, *part.keywords, *said, *(item.text for item in part.items)]


def _risk_texts(risk: RiskPart) -> list[str]:
    return [*risk.mention, *risk.keywords, *(item.text for item in risk.items)]


def _counts(texts: list[str], encoder: Encoder, vocabulary: int) -> torch.Tensor:
    ids = [one for text in texts for one in encoder.pieces(text)]
    return torch.bincount(torch.tensor(ids), minlength=vocabulary).float()


def _mutual_information(counts: torch.Tensor) -> torch.Tensor:
    tokens = counts.sum(dim=1, keepdim=True).clamp(min=1)
    contexts = counts.sum(dim=0, keepdim=True) ** SMOOTHING
    expected = tokens * contexts / contexts.sum()
    trust = counts / (counts + 1)  # what was seen once proves little
    return torch.log(counts / expected).clamp(min=0).nan_to_num(0.0, 0.0, 0.0) * trust


def _average_meaning(attention: MixtralAttention, directions: int, width: int) -> None:
    """Equal attention to all that came before; values are the meanings, and the output puts them beside."""
    head_size = 32
    heads, kv_heads = attention.o_proj.weight.shape[1] // head_size, attention.v_proj.weight.shape[0] // head_size
    group = heads // kv_heads
    for projection in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
        projection.weight.zero_()
    attention.v_proj.weight[:directions] = torch.eye(directions, width)
    for place in range(directions):
        kv_head, inner = divmod(place, head_size)
        for head in range(kv_head * group, (kv_head + 1) * group):
            attention.o_proj.weight[directions + place, head * head_size + inner] = GAIN / group
