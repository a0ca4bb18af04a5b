"""Boxes that only the hub can open: HPKE (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305.

A neighbour keeps a till's unsent facts in them. Whose, and which one, a box is bound to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hpke import Suite

PURPOSE = b"posapp fact copy 1"


def public_key(private: str) -> str:
    """The public half (hex) of a private key, which is any 32 random bytes (hex)."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(bytes.fromhex(private)).public_key().public_bytes_raw().hex()


def seal(public: str, plain: bytes, till: str, epoch: int, seq: int) -> bytes:
    """Put it into a box for the owner of ``public`` (hex). Raises ValueError for a key that is none."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    key = X25519PublicKey.from_public_bytes(bytes.fromhex(public))
    return _suite().encrypt(plain, key, _bound(till, epoch, seq))


def unseal(private: str, box: bytes, till: str, epoch: int, seq: int) -> bytes:
    """What is in it. Raises ValueError where it is no box, another's, or of another fact."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    try:
        return _suite().decrypt(box, key, _bound(till, epoch, seq))
    except InvalidTag as error:
        raise ValueError("a box that does not open") from error


def _suite() -> Suite:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _bound(till: str, epoch: int, seq: int) -> bytes:
    return b"\0".join((PURPOSE, till.encode(), str(epoch).encode(), str(seq).encode()))
