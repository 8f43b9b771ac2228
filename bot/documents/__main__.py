"""`python -m bot.documents KIND`: a document on standard input becomes one JSON object on standard output, its text or a fault.

Says nothing else anywhere: what a library has to complain of may quote the document.
"""

import contextlib
import json
import logging
import os
import sys
import warnings

from bot.documents.limits import lower_limits
from bot.documents.reading import read
from bot.workflow.attachments import DocumentKind, Fault, Unreadable


def main(kind: str) -> None:
    """Reads, and answers."""
    lower_limits()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    content, answer = sys.stdin.buffer.read(), sys.stdout.buffer
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):  # noqa: PTH123
        try:
            said = {"text": read(DocumentKind(kind), content)}
        except Unreadable as error:
            said = {"fault": error.fault.value}
        except (MemoryError, RecursionError):
            said = {"fault": Fault.TOO_MUCH.value}
        except Exception:  # noqa: BLE001 (a broken file breaks a parser in any way; the message may quote it)
            said = {"fault": Fault.BROKEN.value}
    answer.write(json.dumps(said).encode())
    answer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
