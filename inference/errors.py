"""Errors of the inference package.

InferenceError
├── InvalidNote            the model's answer is not a note
├── ModelUnavailable       no server, still starting, or draining: try again later
├── ModelRefused           the server rejected the request for good (too long, bad key)
│   └── UnknownModel       it has no model or adapter of that name, or not yet
├── StreamBroken           the stream ended before its last event
├── BadAdapter             an adapter's files are wrong: names, shapes, rank, numbers
├── UnknownAdapter         no such version in the registry
├── RetiredAdapter         the version was retired and can't go into service again
├── NoAdapterRoutes        the model server can't load adapters while it runs
├── AdapterExists          the registry already has an adapter of that name
└── ServerFailed           the model server could not be started
    └── PortTaken          another program listens on its port
"""


class InferenceError(Exception):
    """Base of all; messages never hold case text."""


class InvalidNote(InferenceError):
    """The model's answer is not a note."""


class ModelUnavailable(InferenceError):
    """The model server is down, starting or draining; the same request may succeed later."""


class ModelRefused(InferenceError):
    """The server rejected the request for good: too long, wrong key."""


class UnknownModel(ModelRefused):
    """The server has no model or adapter of that name, or not yet."""


class StreamBroken(InferenceError):
    """The stream ended before its last event; what came is not an answer."""


class BadAdapter(InferenceError):
    """An adapter's files are wrong and must not reach the server."""


class UnknownAdapter(InferenceError):
    """The registry has no adapter of that name."""


class RetiredAdapter(InferenceError):
    """The adapter was retired, for the reason given, and can't go into service again."""


class NoAdapterRoutes(InferenceError):
    """The model server can't load adapters while it runs: no server of ours, or started without that."""


class AdapterExists(InferenceError):
    """The registry already has an adapter of that name; names are never used twice."""


class ServerFailed(InferenceError):
    """The model server could not be started or stopped working."""


class PortTaken(ServerFailed):
    """Another program listens on the model server's port."""
