"""The request for a question: one text for training and prediction, from which the document can be had back."""

from hypothesis import given
from hypothesis import strategies as st

from inference.note import Language
from training.corpora.questions import document_of, language_of, question_prompt, question_row

DOCUMENT = "散步能帮助入睡。晚饭后一小时慢走二十分钟，比睡前剧烈运动更好。"
TEXTS = st.text(st.sampled_from("散步入睡。\n abc：答案文档问题"), min_size=1).filter(lambda text: bool(text.strip()))


def test_a_question_is_asked_with_its_answer_or_without() -> None:
    """With an answer the request names it; without, any question will do; the question is the completion."""
    row = question_row(DOCUMENT, " 晚饭后多久去散步好？ ", "一小时")
    assert DOCUMENT in row.prompt
    assert "答案：一小时" in row.prompt
    assert row.completion == "晚饭后多久去散步好？"
    assert "答案" not in question_prompt(DOCUMENT)


def test_the_request_speaks_the_documents_language() -> None:
    """Chinese with a Latin name in it stays Chinese; the language may be named."""
    assert language_of("她每天用 Headspace 练习呼吸十分钟。") is Language.CHINESE
    assert language_of("She walks for twenty minutes after supper.") is Language.ENGLISH
    assert question_prompt("She walks.", language=Language.CHINESE).startswith("请")
    assert question_prompt("She walks.").startswith("Ask")


@given(TEXTS, st.one_of(st.none(), st.text(st.sampled_from("一小时 hour"))), st.sampled_from(Language))
def test_the_document_can_be_read_back(document: str, answer: str | None, language: Language) -> None:
    """Rows of one document can be kept on one side of a split by their prompts alone."""
    assert document_of(question_prompt(document, answer, language)) == document.strip()


def test_another_prompt_has_no_document() -> None:
    """Only requests of this module are read back."""
    assert document_of("文档：散步。\n\n问题：") is None
