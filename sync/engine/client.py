"""The hub as the till sees it: its calls over HTTP, and every way they can go wrong as a type.

What comes back is measured and checked before anybody reads it: an answer that is too long, too
slow, no JSON or not what `sync.wire` describes is trouble, never data.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote, urlsplit

import requests
import urllib3
from pydantic import ValidationError
from requests.auth import AuthBase

from posapp.domain.errors import PosappError, Refused, Unavailable
from sync import wire
from sync.engine.sockets import KeyWrong, Sockets
from sync.pins import Pins

CONNECT_S = 5.0
READ_S = 10.0
"""How long the hub may be silent, beyond the time it was asked to hold the call."""
BODY_S = 60.0
"""How long a whole answer may take on top of that: a body that drips is cut."""
PAGE_BYTES = 64 << 20
SMALL_BYTES = 4 << 20
LOOK_UP_S = 1.5
CLAIM_S = 6.0
"""How long the hub may take for a claim: it holds the call while it asks the lead."""
LONGEST_RETRY_AFTER_S = 3600.0
TOO_OLD_S = 60.0
"""How long a till that is too old for its hub, or the reverse, waits before it asks again: one may have been updated."""
TAKEN_BY_ALL = frozenset({"/v1/facts", "/v1/copies"})
"""What a hub of any age takes."""

_Answer = TypeVar("_Answer", bound=wire.Message)


class Trouble(Unavailable):
    """The hub did not answer, or not with what was asked for: try again later.

    ``status`` is its HTTP status (0: none came), ``retry_after`` the seconds it asked us to wait,
    ``timed_out`` says that it was too slow, ``reachable`` that something at least answered.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int = 0,
        retry_after: float | None = None,
        timed_out: bool = False,
        reachable: bool = False,
        **details: str | int,
    ) -> None:
        super().__init__(reason, **details)
        self.status = status
        self.retry_after = retry_after
        self.timed_out = timed_out
        self.reachable = reachable


class NotEnrolled(PosappError):
    """401: the hub does not take this till's token (any more)."""


class Revoked(NotEnrolled):
    """403: this till was revoked. The hub still takes its facts, and gives nothing."""


class GapTold(PosappError):
    """409: the hub has less than the till thinks; it is at ``last_seq`` with ``last_hash``."""

    def __init__(self, gap: wire.Gap) -> None:
        super().__init__("gap", last_seq=gap.last_seq)
        self.last_seq = gap.last_seq
        self.last_hash = gap.last_hash


class ForkTold(PosappError):
    """423: the hub knows another past of this till, which is ``revoked`` besides or not."""

    def __init__(self, fork: wire.Fork) -> None:
        super().__init__("till-forked", last_seq=fork.last_seq)
        self.revoked = fork.revoked


class Hub:
    """Calls to one hub. Use from one thread, but for `hang_up`; close when done.

    Every call raises Trouble or NotEnrolled. Redirects are not followed: a token goes to the hub
    it was made for and to nobody else; with pins, to no key but a pinned one. Raises
    Refused("pin-needs-https") for pins without TLS.
    """

    def __init__(self, url: str, token: str = "", pins: Pins | None = None) -> None:
        self._url = hub_url(url)
        self._pins = pins if pins is not None else Pins()
        if self._pins and not self._url.lower().startswith("https:"):
            raise Refused("pin-needs-https", url=self._url)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"posapp-till/{wire.VERSION}"
        self._session.headers[wire.PROTOCOL] = str(wire.VERSION)
        # Uncompressed, so that what arrives is what is counted.
        self._session.headers["Accept-Encoding"] = "identity"
        # With an auth of our own, requests leaves the netrc file of whoever runs the till alone.
        self._session.auth = _Token(token)
        self._session.trust_env = not _is_loopback(self._url)
        self._line = Sockets(self._pins)
        self._session.mount("http://", self._line)
        self._session.mount("https://", self._line)

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def hang_up(self) -> None:
        """Cut the call in flight, from any thread: it ends with Trouble at once."""
        self._line.hang_up()

    @property
    def shown(self) -> str:
        """The pin of the key that the hub showed last; "" before the first call, and without TLS."""
        return self._line.shown

    def enrol(self, code: str, name: str) -> wire.Enrolled:
        """A one-time code becomes a till. Raises Refused("code-refused")."""
        body = wire.EnrolRequest(code=code, name=name)
        status, raw, _ = self._call("POST", "/v1/enrolments", body=body, most=SMALL_BYTES)
        if status in (200, 201):
            return _read(wire.Enrolled, raw)
        if 400 <= status < 500:
            _read(wire.Problem, raw, status)
            raise Refused("code-refused")
        raise Trouble("hub-strange", status=status, reachable=True)

    def push(self, request: wire.FactsRequest) -> wire.FactsAnswer:
        """Send facts, or none to learn where the hub is. Raises GapTold, ForkTold."""
        status, raw, _ = self._call("POST", "/v1/facts", body=request, most=SMALL_BYTES)
        if status == 200:
            return _read(wire.FactsAnswer, raw)
        if status == 409:
            raise GapTold(_read(wire.Gap, raw, status))
        if status == 423:
            raise ForkTold(_read(wire.Fork, raw, status))
        raise Trouble("hub-strange", status=status, reachable=True)

    def facts(self, after: int) -> wire.KnownFacts:
        """This till's own facts after a number, as the hub has them."""
        status, raw, _ = self._call("GET", "/v1/facts", query={"after": after}, most=PAGE_BYTES)
        if status != 200:
            raise Trouble("hub-strange", status=status, reachable=True)
        return _read(wire.KnownFacts, raw)

    def feed(self, after: int, limit: int, wait: int) -> wire.FeedPage:
        """The changes after a cursor; the hub holds the call up to ``wait`` seconds for some.

        Trouble with ``status`` 410 says that the cursor is too old to go on from.
        """
        query = {"after": after, "limit": limit, "wait": wait}
        status, raw, _ = self._call("GET", "/v1/feed", query=query, wait=wait, most=PAGE_BYTES)
        _may(status, raw)
        if status != 200:
            raise Trouble("hub-strange", status=status, reachable=True)
        page = _read(wire.FeedPage, raw)
        self._pins.told(page.pins, self.shown)
        return page

    def digest(self, after: int, mine: str) -> wire.FeedDigest | None:
        """What a mirror should hold; ``mine`` names what this till's holds after ``after``. None: the hub has none."""
        query: dict[str, int | str] = {"after": after, "mine": mine}
        status, raw, _ = self._call("GET", "/v1/feed/digest", query=query, most=SMALL_BYTES)
        _may(status, raw)
        if status == 404:
            return None
        if status != 200:
            raise Trouble("hub-strange", status=status, reachable=True)
        return _read(wire.FeedDigest, raw)

    def lease(self, said: wire.LeaseRequest | None = None) -> wire.Leased:
        """How custody stands in this till's store; the lead's lease is renewed. ``said`` is for the neighbours.

        A hub from before custody lends nothing to anybody: there each till is its own lead.
        """
        try:
            return self._asked("/v1/leases", said or wire.LeaseRequest(), wire.Leased)
        except Trouble as trouble:
            if trouble.status != 404:
                raise
            return wire.Leased(lead="", epoch=0, seconds=0, alone=True)

    def claim(self, wanted: wire.ClaimRequest) -> wire.ClaimAnswer:
        """Ask for the right to hand an order over; the lead is asked by the hub. Takes up to `CLAIM_S`."""
        return self._asked("/v1/claims", wanted, wire.ClaimAnswer)

    def copies(self, brought: wire.CopiesRequest) -> wire.CopiesAnswer:
        """Bring what this till keeps for its neighbours."""
        return self._asked("/v1/copies", brought, wire.CopiesAnswer)

    def answer(self, said: wire.QuestionAnswer) -> None:
        """The lead's answer to a question that the hub passed on; a late one is passed over."""
        status, _, _ = self._call("POST", "/v1/claims/answers", body=said, most=SMALL_BYTES)
        if status not in (204, 404):
            raise Trouble("hub-strange", status=status, reachable=True)

    def _asked(self, path: str, body: wire.Message, kind: type[_Answer]) -> _Answer:
        status, raw, _ = self._call("POST", path, body=body, most=SMALL_BYTES, limit=(LOOK_UP_S, CLAIM_S))
        if status != 200:
            raise Trouble("hub-strange", status=status, reachable=True)
        return _read(kind, raw)

    def look_up(self, code: str) -> wire.Lookup | None:
        """One order now, by anything that can be scanned; None where nobody knows it."""
        if not 0 < len(code) <= 200 or not code.strip("."):
            return None
        status, raw, _ = self._call(
            "GET", f"/v1/orders/{quote(code, safe='')}", most=SMALL_BYTES, limit=(LOOK_UP_S, LOOK_UP_S)
        )
        _may(status, raw)
        if status == 404:
            _read(wire.Problem, raw, status)
            return None
        if status != 200:
            raise Trouble("hub-strange", status=status, reachable=True)
        found = _read(wire.Lookup, raw)
        if (found.record is None) == (found.elsewhere is None):
            raise Trouble("hub-strange", status=status, reachable=True)
        return found

    def _call(
        self,
        method: str,
        path: str,
        *,
        most: int,
        query: Mapping[str, int | str] | None = None,
        body: wire.Message | None = None,
        wait: float = 0,
        limit: tuple[float, float] | None = None,
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, whole body and headers. 401, 429 and 5xx were raised already."""
        connect, read = limit or (CONNECT_S, wait + READ_S)
        until = time.monotonic() + connect + read + (0 if limit else BODY_S)
        try:
            with self._session.request(
                method,
                self._url + path,
                params=query,
                data=None if body is None else body.model_dump_json().encode(),
                headers={"Content-Type": "application/json"} if body else None,
                timeout=(connect, read),
                allow_redirects=False,
                stream=True,
                # Where keys are pinned, no authority is asked: not even one that the environment names.
                verify=False if self._pins else None,
            ) as response:
                raw = _measured(response, most, until)
        except KeyWrong as error:
            raise Trouble("hub-key-wrong", reachable=True, url=self._url, pin=str(error)) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if "certificate verify failed" in str(error):
                raise Trouble("hub-certificate-wrong", reachable=True, url=self._url) from error
            late = isinstance(error, requests.Timeout) or "timed out" in str(error)
            raise Trouble("hub-unreachable", timed_out=late) from error
        status = response.status_code
        if status == 401:
            raise NotEnrolled("till-refused")
        if status == 429 or status >= 500:
            raise Trouble(
                "hub-busy" if status in (429, 503) else "hub-failed",
                status=status,
                retry_after=_retry_after(response.headers.get("Retry-After", "")),
                timed_out=status == 504,
                reachable=True,
            )
        self._understand(path, status, response.headers)
        return status, raw, response.headers

    def _understand(self, path: str, status: int, headers: Mapping[str, str]) -> None:
        """Raises Trouble where one end is too old for the other; what was done here is sent all the same."""
        if status == 426:
            raise Trouble("too-old", status=status, retry_after=TOO_OLD_S, reachable=True)
        if path not in TAKEN_BY_ALL and wire.spoken(headers.get(wire.PROTOCOL, "")) < wire.OLDEST_HUB:
            raise Trouble("hub-too-old", status=status, retry_after=TOO_OLD_S, reachable=True)


def hub_url(url: str) -> str:
    """The address in its one form. Raises Refused("hub-address-wrong")."""
    try:
        parts = urlsplit(url.strip())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username:
        raise Refused("hub-address-wrong", url=url)
    return url.strip().rstrip("/")


def _read(kind: type[_Answer], raw: bytes, status: int = 200) -> _Answer:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        # Where, but not what: the body may hold names.
        where = error.errors(include_url=False, include_input=False, include_context=False)[0]
        why = f"{where['msg']} at {'.'.join(str(part) for part in where['loc'])}"[:200]
        raise Trouble("hub-strange", status=status, reachable=True, why=why) from None


def _may(status: int, raw: bytes) -> None:
    """Raises Revoked where the hub says that the till was."""
    if status == 403 and _read(wire.Problem, raw, status).error == "revoked":
        raise Revoked("till-revoked")


def _measured(response: requests.Response, most: int, until: float) -> bytes:
    parts, size = [], 0
    for part in response.iter_content(1 << 16):
        size += len(part)
        if size > most:
            raise Trouble("hub-strange", status=response.status_code, reachable=True, why="answer too long")
        if time.monotonic() > until:
            raise Trouble("hub-unreachable", timed_out=True)
        parts.append(part)
    return b"".join(parts)


def _retry_after(text: str) -> float | None:
    """Seconds, from either form of the header; None where there is none that makes sense."""
    try:
        seconds = float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER_S)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class _Token(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request
