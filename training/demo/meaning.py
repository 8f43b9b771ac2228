"""A first sense of words: embeddings in which tokens of the same problem begin close together.

A model this small, trained for minutes, spends most of them on finding out which words belong together. Counting finds it in a second:
tokens by problems, weighted by positive pointwise mutual information, reduced by a singular value decomposition (latent semantic analysis;
Deerwester et al. 1990, Bullinaria and Levy 2007). Both languages share the problems, so they share the directions.
"""

import torch

from inference.note import Language
from training.demo.content import Content, Part, RiskPart
from training.demo.tokens import Encoder

DIRECTIONS = 68
"""Dimensions of the embedding that start with a meaning: about one a problem and risk. The others start at random and tell tokens apart."""
SMOOTHING = 0.75
"""Context counts to this power, so that rare tokens do not look too telling."""


def first_embedding(content: Content, encoder: Encoder, vocabulary: int, width: int, spread: float) -> torch.Tensor:
    """Initial embeddings, (vocabulary, width), every number of the order of `spread`."""
    embedding = torch.randn(vocabulary, width) * spread
    counts = torch.stack([_counts(texts, encoder, vocabulary) for texts in subjects(content)], dim=1)  # (vocabulary, subjects)
    left, strengths, _ = torch.linalg.svd(_mutual_information(counts), full_matrices=False)
    directions = min(DIRECTIONS, width // 2, left.shape[1])
    meaning = left[:, :directions] * strengths[:directions] ** 0.5
    known = meaning.norm(dim=1)
    typical = known[known > 0].mean()
    embedding[:, :directions] = meaning / typical * spread * width**0.5
    return embedding


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


@torch.no_grad()
def listen_to_meaning(attention: torch.nn.Module, width: int, gain: float = 0.3) -> None:
    """Let an attention layer begin as a running average of meanings: its values carry the first dimensions through, unchanged.

    Queries and keys stay small, so attention begins nearly even, and what follows sees from the first step on what a text is about.
    """
    values, output = attention.v_proj.weight, attention.o_proj.weight  # (kv heads x 32, width), (width, heads x 32)
    directions = min(DIRECTIONS, width // 2, values.shape[0])
    heads, kv_heads = output.shape[1] // 32, values.shape[0] // 32
    group = heads // kv_heads
    values[:directions] = torch.eye(directions, width)
    for place in range(directions):
        kv_head, inner = divmod(place, 32)
        for head in range(kv_head * group, (kv_head + 1) * group):
            output[place, head * 32 + inner] = gain / group
