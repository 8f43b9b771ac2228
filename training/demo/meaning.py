"""A first sense of words: embeddings which say for what a word speaks, and an attention layer that averages them.

A model this small, trained for minutes, spends most of them on finding out which words belong together. Counting finds it in a
second: how much likelier a token is in texts about one problem or risk than anywhere, as the logarithm of the ratio. The average over a
text is then what a naive Bayes classifier sums up (Manning, Raghavan, Schütze 2008, "Introduction to Information Retrieval", chapter 13).
"""

import torch
from transformers import MixtralForCausalLM
from transformers.models.mixtral.modeling_mixtral import MixtralAttention

from training.demo.content import Content
from training.demo.tokens import Encoder

SUBJECTS = 68
"""The problems and the risks of the content files."""
LOUDNESS = 6.0
"""The length of a telling token's meaning, as a multiple of the length of a whole embedding at the start."""
GAIN = 0.5
"""How loud the average is: as loud as the tokens themselves, roughly."""
DOUBT = 300.0
"""Texts of everything that are added to the texts of each subject, so that a word which was met once or twice proves little."""


@torch.no_grad()
def begin_with_meaning(model: MixtralForCausalLM, content: Content, encoder: Encoder) -> None:
    """Give a new model its first sense of words, and let its first attention layer pass on the average of what was said so far.

    Both are then left as they are: `keep_meaning` sees to it that training does not wash them out.
    """
    width, spread = model.config.hidden_size, model.config.initializer_range
    directions = directions_of(model)
    meanings = token_meanings(content, encoder, model.config.vocab_size)[:, :directions]
    for embedding in (model.get_input_embeddings().weight, model.get_output_embeddings().weight):
        embedding[:, :directions] = meanings * LOUDNESS * spread * width**0.5
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
    """How many dimensions hold a meaning, one a subject: `SUBJECTS`, or what a model smaller than the shipped one has room for.

    As many again, the next ones, carry the running average; the rest, random at first, tells tokens apart.
    """
    values: torch.Tensor = model.model.layers[0].self_attn.v_proj.weight
    return min(SUBJECTS, values.shape[1] // 3, values.shape[0])


def token_meanings(content: Content, encoder: Encoder, vocabulary: int) -> torch.Tensor:
    """How much each token speaks for each subject, (vocabulary, subjects), nothing below 0; telling tokens have a length of about 1."""
    counts = torch.stack([_counts(texts, encoder, vocabulary) for texts in subjects(content)], dim=1)
    anywhere = counts.sum(dim=1, keepdim=True)
    anywhere = anywhere / anywhere.sum()
    among = (counts + DOUBT * anywhere) / (counts.sum(dim=0) + DOUBT)
    meanings = torch.log(among / anywhere).clamp(min=0).nan_to_num(0.0, 0.0, 0.0)
    lengths: torch.Tensor = meanings.norm(dim=1)
    return meanings / lengths[lengths > 0].mean()


def subjects(content: Content) -> list[list[str]]:
    """All that is said about each problem and each risk, in both languages."""
    problems = [[text for part in problem.parts.values() for text in part.said] for problem in content.problems]
    risks = [[text for part in risk.values() for text in (*part.mention, *part.keywords)] for risk in content.risks.values()]
    return [*problems, *risks]


def _counts(texts: list[str], encoder: Encoder, vocabulary: int) -> torch.Tensor:
    """In how many texts each token occurs."""
    ids = [one for text in texts for one in sorted(set(encoder.pieces(text)))]
    return torch.bincount(torch.tensor(ids), minlength=vocabulary).float()


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
