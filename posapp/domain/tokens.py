"""Signed pickup codes: proof without a line that an order exists and is for this store.

``PS`` and 137 characters: a leading 1, 16 bytes of claims and an Ed25519 signature over both, as one
number in base 26. The alphabet has no key that moves between the keyboard layouts of `codes`. Whoever
holds a till can verify and not forge. A good signature proves origin, not that the order is still open:
that is the order's own business.

Pure. ``cryptography`` is imported with the first token that is signed or verified.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

from posapp.domain.values import dataclass

PREFIX = "PS"
ALPHABET = "0123456789BCDEFGHJKNPRSTVX"
VERSION = 1
TOKEN_LENGTH = 139

_LEAD = 1
_BODY_BYTES = 1 + 16
_SIGNATURE_BYTES = 64
_NUMBER = " ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/"
"""What an order's number may hold; 12 such characters fit into 8 bytes."""
_NUMBER_LENGTH = 12
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


class Doubt(StrEnum):
    """Why a token proves nothing."""

    FORGED = "forged"
    NO_KEYS = "no_keys"
    TOO_NEW = "too_new"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: an order's number (upper case), the mark of its store, until when.

    ``flags`` are kept for later versions; a till passes over those it does not know.
    """

    order: str
    store: int
    until: datetime
    flags: int = 0
    version: int = VERSION


def store_mark(code: str) -> int:
    """The two bytes that stand for a store's code."""
    # Loads OpenSSL, 3 ms: with the first one, not with the window.
    import hashlib

    return int.from_bytes(hashlib.sha256(code.upper().encode()).digest()[:2], "big")


def looks_like(text: str) -> bool:
    """Whether a text, upper case without separators, has a token's form."""
    return len(text) == TOKEN_LENGTH and is_part(text)


def is_part(text: str) -> bool:
    """Whether a text may be the beginning of a token, or more than one."""
    return text.startswith(PREFIX) and all(character in _VALUES for character in text[len(PREFIX) :])


def sign(private: bytes, claims: Claims) -> str:
    """The token. Raises ValueError where the order's number does not fit into one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    body = _packed(claims)
    signature = Ed25519PrivateKey.from_private_bytes(private).sign(body)
    number, digits = int.from_bytes(body + signature, "big"), []
    while number:
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return PREFIX + "".join(reversed(digits))


def verify(token: str, keys: Iterable[bytes]) -> Claims | Doubt:
    """What the token says, where one of these public keys has signed it. Never raises."""
    trusted = tuple(keys)
    if not trusted:
        return Doubt.NO_KEYS
    if not looks_like(token):
        return Doubt.FORGED
    number = 0
    for character in token[len(PREFIX) :]:
        number = number * len(ALPHABET) + _VALUES[character]
    try:
        raw = number.to_bytes(_BODY_BYTES + _SIGNATURE_BYTES, "big")
    except OverflowError:
        return Doubt.FORGED
    body, signature = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
    if not any(_signed_by(key, body, signature) for key in trusted):
        return Doubt.FORGED
    return _unpacked(body)


def public_key(private: bytes) -> bytes:
    """The key that verifies what ``private`` signs."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def _signed_by(key: bytes, body: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, body)
    except (InvalidSignature, ValueError):
        return False
    return True


def _packed(claims: Claims) -> bytes:
    order = claims.order.upper()
    if not 0 < len(order) <= _NUMBER_LENGTH or any(character not in _NUMBER[1:] for character in order):
        raise ValueError(f"no token can hold the order number {claims.order!r}")
    number = 0
    for character in order.ljust(_NUMBER_LENGTH):
        number = number * len(_NUMBER) + _NUMBER.index(character)
    return (
        bytes((_LEAD, claims.version))
        + claims.store.to_bytes(2, "big")
        + number.to_bytes(8, "big")
        + int(claims.until.timestamp()).to_bytes(4, "big")
        + bytes((claims.flags,))
    )


def _unpacked(body: bytes) -> Claims | Doubt:
    if body[0] != _LEAD or body[1] != VERSION:
        return Doubt.TOO_NEW
    number, characters = int.from_bytes(body[4:12], "big"), []
    for _ in range(_NUMBER_LENGTH):
        number, at = divmod(number, len(_NUMBER))
        characters.append(_NUMBER[at])
    until = datetime.fromtimestamp(int.from_bytes(body[12:16], "big"), UTC)
    order = "".join(reversed(characters)).strip()
    return Claims(order, int.from_bytes(body[2:4], "big"), until, body[16], body[1])
