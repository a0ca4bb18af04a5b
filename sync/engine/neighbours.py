"""Who a till is on its store's own network, and whom it knows there: certificates in the ledger.

Every till makes its own key and a self-signed certificate for it. The hub, which each till knows by its
key, tells the store's tills which certificates are theirs; so there is no authority, and no date matters.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import secrets
import ssl
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from posapp.storage.journal import Journal
from sync import wire

log = logging.getLogger(__name__)

FROM, TO = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
"""A till's clock may be wrong by years; whom to trust, the hub says."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A till's certificate (``der``) and its private key (``key``, PEM; nothing but the ledger keeps it)."""

    der: bytes
    key: bytes

    @property
    def certificate(self) -> str:
        """As it goes to the hub."""
        return base64.b64encode(self.der).decode()

    def context(self, protocol: int, trusted: Iterable[bytes]) -> ssl.SSLContext:
        """TLS 1.3 that shows this certificate and takes exactly the ``trusted`` ones (DER)."""
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        for der in trusted:
            context.load_verify_locations(cadata=der)
        self._show(context)
        return context

    def _show(self, context: ssl.SSLContext) -> None:
        """The system's library reads keys from files only: this one is sealed, and gone at once."""
        from cryptography.hazmat.primitives import serialization

        password = secrets.token_bytes(24).hex().encode()
        sealed = serialization.load_pem_private_key(self.key, None).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password),
        )
        handle, name = tempfile.mkstemp(prefix="posapp-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sealed + ssl.DER_cert_to_PEM_cert(self.der).encode())
            context.load_cert_chain(name, password=password)
        finally:
            Path(name).unlink(missing_ok=True)


def identity(journal: Journal) -> Identity:
    """This till's own, made at the first asking and kept in its ledger. Raises StorageFault."""
    with journal.transaction() as execute:
        # Inside one transaction: whoever comes at the same time has the same one.
        kept = journal.metas("door_certificate", "door_key")
        if not all(kept.values()) or len(kept) < 2:
            made = _made()
            kept = {"door_certificate": made.certificate, "door_key": made.key.decode()}
            for item in kept.items():
                execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?,?)", item)
    return Identity(base64.b64decode(kept["door_certificate"]), kept["door_key"].encode())


def _made() -> Identity:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own: certificates are looked for by it.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"posapp till {secrets.token_hex(8)}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(FROM)
        .not_valid_after(TO)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.DER),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """The store's tills as the hub told last. ``certificates`` (DER) are theirs, but for this till's own;
    ``leading``: this till leads others. ``seal_to`` is the hub's key for copies of facts."""

    lead: str = ""
    leading: bool = False
    doors: tuple[str, ...] = ()
    certificates: Mapping[str, bytes] = field(default_factory=dict)
    seal_to: str = ""


def keep(journal: Journal, told: wire.Leased) -> None:
    """Keep what the hub told, for the time without a line."""
    tills = {one.till: one.certificate for one in told.tills}
    said = json.dumps({"doors": told.doors, "tills": tills, "seal_to": told.seal_to}, sort_keys=True)
    if said != journal.meta("neighbours"):
        journal.set_meta(neighbours=said)


def known(journal: Journal, *, leading: bool) -> Known:
    """What was kept, as far as it can be used. Raises StorageFault."""
    kept = journal.metas("neighbours", "till", "lead")
    try:
        said = json.loads(kept.get("neighbours", "{}"))
    except ValueError:
        said = {}
    certificates: dict[str, bytes] = {}
    for till, text in said.get("tills", {}).items():
        try:
            der = base64.b64decode(text, validate=True)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
        except (binascii.Error, ValueError, OSError):
            log.warning("the certificate of till %s cannot be used", till)
            continue
        if till != kept.get("till"):
            certificates[till] = der
    shown = Counter(certificates.values())
    # By one that two tills show nobody can be known.
    single = {till: der for till, der in certificates.items() if shown[der] == 1}
    doors = tuple(said.get("doors", ()))
    return Known(kept.get("lead", ""), leading, doors, single, str(said.get("seal_to", "")))
