"""The counter mat: commands that are scanned instead of pressed.

A command's code is made from its store's own key, so that nobody who has not seen the store's mat can
show one on a phone; it does nothing in another store.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum

from posapp.domain.codes import ALPHABET, BODY_LENGTH, Prefix, make


class Command(StrEnum):
    """What the mat can say."""

    OK = "ok"
    BACK = "back"
    UNDO = "undo"
    LOCK = "lock"
    RECEIPT = "receipt"


def codes(store_key: bytes) -> dict[Command, str]:
    """The code of every command of the store with this key, in the order of the mat."""
    return {command: make(Prefix.COMMAND, _body(store_key, command)) for command in Command}


def command(store_key: bytes, code: str) -> Command | None:
    """What one of our codes, in its canonical form, commands in this store; None for nothing."""
    found = (known for known, made in codes(store_key).items() if hmac.compare_digest(made, code))
    return next(found, None) if store_key and code.isascii() else None


def _body(store_key: bytes, what: Command) -> str:
    digest = hmac.new(store_key, b"counter-mat:" + what.encode(), hashlib.sha256).digest()
    number, characters = int.from_bytes(digest, "big"), []
    for _ in range(BODY_LENGTH):
        number, at = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[at])
    return "".join(characters)
