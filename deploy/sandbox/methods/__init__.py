"""The Web API: one function a method, registered by name. Importing this package registers all of them."""

from deploy.sandbox.methods import chat, conversations, files, people, platform, views
from deploy.sandbox.methods.registry import METHODS, Args, Method, Parts, Token

__all__ = ["METHODS", "Args", "Method", "Parts", "Token", "chat", "conversations", "files", "people", "platform", "views"]
