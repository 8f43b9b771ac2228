"""Encryption at rest: AES-256-GCM under one data key a case, each wrapped by a master key in a file.

A sealed value is nonce (12 bytes) + ciphertext + tag. The associated data binds it to its place, so a value moved to another
row or column does not open. Destroying a case's wrapped key makes everything sealed under it unreadable.
"""

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.store.errors import KeyFileUnusable, SealBroken

KEY_BYTES = 32
NONCE_BYTES = 12


def load_master_key(path: Path) -> bytes:
    """The master key, made at the first start with mode 600.

    Raises:
        KeyFileUnusable: the file can be read by others, or does not hold a key.
    """
    if not path.exists():
        _create_key_file(path)
    if path.stat().st_mode & 0o077:
        raise KeyFileUnusable(f"{path} can be read by other users; run: chmod 600 {path}")
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileUnusable(f"{path} does not hold a master key; restore it from your backup")
    return key


def _create_key_file(path: Path) -> None:
    """Written beside and linked into place, so that two first starts at once agree on one key and none is half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def new_key() -> bytes:
    """A fresh data key."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, text: str, place: str) -> bytes:
    """`text` encrypted for `place` (table, column and row in words)."""
    return seal_bytes(key, text.encode(), place)


def unseal(key: bytes, sealed: bytes, place: str) -> str:
    """The text sealed for `place`.

    Raises:
        SealBroken: wrong key, wrong place, or changed bytes.
    """
    return unseal_bytes(key, sealed, place).decode()


def seal_bytes(key: bytes, value: bytes, place: str) -> bytes:
    """Like `seal`, for bytes (data keys)."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, place.encode())


def unseal_bytes(key: bytes, sealed: bytes, place: str) -> bytes:
    """Like `unseal`, for bytes."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
        raise SealBroken(
            f"a sealed value in {place.split(':', maxsplit=1)[0]} does not open: wrong master key, or the row was changed"
        ) from None
