"""Pins: a hub is known by its key, not by its name, and not by whoever signed its certificate.

A pin is the SHA-256 of the key's SubjectPublicKeyInfo (RFC 7469 section 2.4), in 64 hex digits. It stays
the same when a certificate is renewed for the same key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from posapp.domain.errors import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

MOST = 8
"""A hub has few keys: the current one, the next, perhaps one of a second front end."""

_HEX = re.compile(r"[0-9a-f]{64}")


def of_certificate(der: bytes) -> str:
    """The pin of a certificate's key. Raises ValueError for what is no certificate."""
    from cryptography import x509

    return _of(x509.load_der_x509_certificate(der).public_key())


def of_file(path: Path) -> str:
    """The pin of the key in a PEM file: a certificate (the first), a request, a public or private key.

    Raises Refused("pin-unreadable").
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        pem = path.read_bytes()
        if b"-----BEGIN CERTIFICATE-----" in pem:
            return _of(x509.load_pem_x509_certificate(pem).public_key())
        if b"CERTIFICATE REQUEST-----" in pem:
            return _of(x509.load_pem_x509_csr(pem).public_key())
        if b"-----BEGIN PUBLIC KEY-----" in pem:
            return _of(serialization.load_pem_public_key(pem))
        return _of(serialization.load_pem_private_key(pem, None).public_key())
    except (OSError, ValueError, TypeError) as error:
        raise Refused("pin-unreadable", file=str(path)) from error


def read(text: str) -> str:
    """A pin as people give it: hex digits, also in upper case or with colons, or ``sha256//`` and base64.

    Raises Refused("pin-wrong").
    """
    bare = text.strip()
    digits = bare.replace(":", "").lower()
    if _HEX.fullmatch(digits):
        return digits
    try:
        raw = base64.b64decode(bare.removeprefix("sha256/").removeprefix("/"), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise Refused("pin-wrong", pin=text)
    return raw.hex()


def _of(key: PublicKeyTypes) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


class Pins:
    """The keys that one hub may show; shared by all connections to it. Use from any thread.

    Empty: none is known, and the certificate is checked against the system's authorities instead. ``keep``
    stores a new set durably before it counts.
    """

    def __init__(self, pins: Iterable[str] = (), keep: Callable[[str], None] = lambda _: None) -> None:
        self._pins = frozenset(pins)
        self._keep = keep

    def __bool__(self) -> bool:
        return bool(self._pins)

    def __contains__(self, pin: str) -> bool:
        return pin in self._pins

    def __str__(self) -> str:
        return " ".join(sorted(self._pins))

    def told(self, pins: Iterable[str], shown: str) -> None:
        """Take the set that the hub names, on a connection on which it showed the key ``shown``.

        A set without that key is a mistake, or somebody else's: it would lock this till out.
        """
        told = frozenset(pins)
        if shown in told and told != self._pins:
            self._keep(" ".join(sorted(told)))
            self._pins = told
