"""Question generation: a document, and where known the answer that stands in it, ask for their question.

The words of the request are made here and nowhere else, for training rows and for prediction alike. What they ask for is what a counselor
can use as well: the questions that a report leaves open.

After the `d2q` (document to question) example that came with the early ChatGLM tuning scripts, which asks without an answer, and the TCM
question generation set (Tianchi 86895), whose rows have one.
"""

from inference.note import Language
from training.workbench.rows import PromptCompletion

_REQUESTS = {
    Language.CHINESE: ("请根据下面的文档提出一个问题。", "请根据下面的文档提出一个问题，使给出的答案正好回答它。"),
    Language.ENGLISH: (
        "Ask one question about the document below.",
        "Ask the question about the document below that its answer answers.",
    ),
}
_LABELS = {
    Language.CHINESE: ("文档：", "答案：", "问题："),
    Language.ENGLISH: ("Document: ", "Answer: ", "Question:"),
}
_SHARE_OF_HAN = 0.2
"""Of a text's characters; Chinese texts have more even when they quote Latin names and numbers, others have none."""


def question_prompt(document: str, answer: str | None = None, language: Language | None = None) -> str:
    """The request for a question about `document` that `answer` answers, or for any question if there is none; in the document's language,
    or in `language`."""
    spoken = language or language_of(document)
    document_label, answer_label, question_label = _LABELS[spoken]
    parts = [_REQUESTS[spoken][answer is not None], document_label + document.strip()]
    if answer is not None:
        parts.append(answer_label + answer.strip())
    return "\n\n".join((*parts, question_label))


def question_row(document: str, question: str, answer: str | None = None) -> PromptCompletion:
    """A row to learn from: the request, and the question that people asked."""
    return PromptCompletion(question_prompt(document, answer), question.strip())


def document_of(prompt: str) -> str | None:
    """The document that a prompt of `question_prompt` asks about, or None if it is another prompt."""
    for spoken, requests in _REQUESTS.items():
        document_label, answer_label, question_label = _LABELS[spoken]
        opening, separator, rest = prompt.partition(f"\n\n{document_label}")
        if not separator or opening not in requests or not rest.endswith(f"\n\n{question_label}"):
            continue
        rest = rest.removesuffix(f"\n\n{question_label}")
        return rest.rpartition(f"\n\n{answer_label}")[0] if opening == requests[1] else rest
    return None


def language_of(text: str) -> Language:
    """Chinese if a fair share of the text is Han characters, else English."""
    han = sum("\u4e00" <= char <= "\u9fff" for char in text)
    return Language.CHINESE if han > _SHARE_OF_HAN * len(text) else Language.ENGLISH
