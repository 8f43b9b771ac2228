"""HTTP mode: events and actions are posted to the app's request URL with Slack's signature."""

import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import aiohttp

from deploy.sandbox.delivery import Answer, Envelope, EnvelopeKind, Failure, Timing
from deploy.sandbox.faults import Mischief
from deploy.sandbox.model import SIGNING_SECRET, VERIFICATION_TOKEN, Json


class SignedHttp:
    """Posts envelopes to one request URL."""

    def __init__(self, request_url: str, session: aiohttp.ClientSession, mischief: Mischief, secret: str = SIGNING_SECRET) -> None:
        self.request_url = request_url
        self._session = session
        self._mischief = mischief
        self._secret = secret

    async def verify(self) -> bool:
        """Ask the URL for Slack's challenge, as Slack does when it is set."""
        challenge = {"token": VERIFICATION_TOKEN, "challenge": "are-you-there", "type": "url_verification"}
        body = json.dumps(challenge).encode()
        async with self._session.post(self.request_url, data=body, headers=self.headers(body, "application/json")) as answer:
            return answer.status == 200 and "are-you-there" in await answer.text()

    async def send(self, envelope: Envelope, timing: Timing) -> Answer:
        """Post an envelope; status 200 in time is the ack."""
        body, content_type = _body(envelope)
        headers = self.headers(body, content_type)
        if envelope.attempt:
            headers |= {"X-Slack-Retry-Num": str(envelope.attempt), "X-Slack-Retry-Reason": _http_reason(envelope.reason)}
        limit = aiohttp.ClientTimeout(total=timing.ack_s)
        try:
            async with self._session.post(self.request_url, data=body, headers=headers, timeout=limit) as answer:
                text = await answer.text()
                if answer.status != 200:
                    return Answer(Failure.HTTP_ERROR)
        except TimeoutError:
            return Answer(Failure.TIMEOUT)
        except aiohttp.ClientError:
            return Answer(Failure.NO_CONNECTION)
        if envelope.kind is EnvelopeKind.EVENT and self._mischief.drops_ack():
            return Answer(Failure.TIMEOUT)
        return Answer(payload=_payload(text))

    def headers(self, body: bytes, content_type: str) -> dict[str, str]:
        """Return Slack's headers for a body: the time and the signature over both."""
        now = str(int(time.time()))
        digest = hmac.new(self._secret.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
        return {"Content-Type": content_type, "X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={digest}"}


def _body(envelope: Envelope) -> tuple[bytes, str]:
    if envelope.kind is EnvelopeKind.EVENT:
        return json.dumps(envelope.payload).encode(), "application/json"
    fields = envelope.payload if envelope.kind is EnvelopeKind.COMMAND else {"payload": json.dumps(envelope.payload)}
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _payload(text: str) -> Json:
    if not text.strip():
        return {}
    try:
        answer = json.loads(text)
    except ValueError:
        return {"text": text}
    return answer if isinstance(answer, dict) else {"text": text}


def _http_reason(reason: Failure | None) -> str:
    return {Failure.TIMEOUT: "http_timeout"}.get(reason or Failure.TIMEOUT, (reason or Failure.TIMEOUT).value)
