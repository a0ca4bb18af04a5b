"""The hub's own TLS: a certificate and its key from two PEM files, which may be replaced while it serves."""

from __future__ import annotations

import ssl
from pathlib import Path

from posapp.domain.errors import Refused, Unavailable
from sync import pins


class Certificate:
    """What the hub shows to its tills. Raises Unavailable("certificate-unusable") where it cannot."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self.file = str(certificate)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.pin = self._load(self.context)

    def renewed_pin(self) -> str:
        """The pin of what lies in the files now. Raises Unavailable where that is unusable."""
        return self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def renew(self) -> None:
        """Show what lies in the files now to every caller from here on. Raises Unavailable."""
        self.pin = self._load(self.context)

    def _load(self, context: ssl.SSLContext) -> str:
        try:
            # With a password of our own nobody is asked for one at a terminal that is not there.
            context.load_cert_chain(self._certificate, self._key, password="")
            return pins.of_file(self._certificate)
        except (OSError, ValueError, Refused) as error:
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or "unreadable"
            raise Unavailable(
                "certificate-unusable", file=str(self._certificate), key=str(self._key), why=str(why)
            ) from error
