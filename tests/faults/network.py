"""A store's network: each till on a host of its own, with a line to the hub and a port at the store's switch.

Where it is permitted (root on Linux, with iproute2), hosts are network namespaces: of what goes over a cut link nothing
comes, and neither end is told. Elsewhere they are loopback addresses, of which no link can be cut.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path

_NAME = "posapp-{pid}-{number}"
_STALE = re.compile(r"posapp-(\d+)-\d+-\d+")
_LINES, _SWITCH = "pl{pid}-{number}", "ps{pid}-{number}"
_numbers = count()


class Link(StrEnum):
    """What a host hangs on."""

    LINE = "line"
    """To the hub, and to nobody else."""
    PORT = "port"
    """To the other hosts of the store."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where a till runs. ``address`` is its own on the store's network, ``prefix`` begins a command there."""

    address: str
    prefix: tuple[str, ...] = ()
    ends: tuple[tuple[Link, str], ...] = ()
    """The far ends of its links, by the names of their interfaces."""

    def command(self, words: Sequence[str]) -> list[str]:
        """The command that runs these words on this host."""
        return [*self.prefix, *words]


@dataclass(frozen=True, slots=True)
class Network:
    """Its hosts; ``hub`` is the address at which they reach the hub's side."""

    hosts: tuple[Host, ...]
    hub: str
    separate: bool
    """Whether the links can be cut."""

    def cut(self, host: Host, link: Link) -> None:
        """Pull the cable, at its far end."""
        self._set(host, link, "down")

    def heal(self, host: Host, link: Link) -> None:
        """Plug it in again."""
        self._set(host, link, "up")

    def _set(self, host: Host, link: Link, state: str) -> None:
        if not self.separate:
            raise RuntimeError("loopback cannot be cut")
        _ip("link", "set", dict(host.ends)[link], state)

    def said(self) -> str:
        """What it is, for a figure."""
        return (
            f"{len(self.hosts)} network namespaces"
            if self.separate
            else f"{len(self.hosts)} loopback addresses"
        )


@contextmanager
def network(hosts: int) -> Iterator[Network]:
    """So many hosts, at most 100, until the block ends."""
    with ExitStack() as stack:
        try:
            _clear_away()
            made = _namespaces(stack, hosts)
        except (OSError, subprocess.CalledProcessError):
            # Not root, not Linux, no iproute2, or a sandbox that forbids it.
            stack.close()
            made = Network(tuple(Host(f"127.0.1.{n + 1}") for n in range(hosts)), "127.0.0.1", separate=False)
        yield made


def _namespaces(stack: ExitStack, hosts: int) -> Network:
    # Interfaces have short names.
    names = {"pid": os.getpid(), "number": next(_numbers) % 100}
    lines, switch = _LINES.format(**names), _SWITCH.format(**names)
    part = _free_part()
    nets = {Link.LINE: f"198.18.{part}", Link.PORT: f"198.19.{part}"}
    for bridge in (lines, switch):
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "delete", bridge)
        _ip("link", "set", bridge, "up")
    _ip("address", "add", f"{nets[Link.LINE]}.1/24", "dev", lines)
    made = []
    for n in range(hosts):
        name = f"{_NAME.format(**names)}-{n}"
        _ip("netns", "add", name)
        # The ends of its links go with it.
        stack.callback(_ip, "netns", "delete", name)
        _ip("netns", "exec", name, "ip", "link", "set", "lo", "up")
        ends = []
        for link, bridge in ((Link.LINE, lines), (Link.PORT, switch)):
            end = f"{bridge}-{n}"
            _ip("link", "add", end, "type", "veth", "peer", "name", link, "netns", name)
            _ip("link", "set", end, "master", bridge)
            _ip("link", "set", end, "up")
            _ip("-n", name, "address", "add", f"{nets[link]}.{n + 2}/24", "dev", link)
            _ip("-n", name, "link", "set", link, "up")
            ends.append((link, end))
        # Over their lines to the hub, stores' tills do not reach one another.
        _ip("link", "set", dict(ends)[Link.LINE], "type", "bridge_slave", "isolated", "on")
        prefix = ("ip", "netns", "exec", name)
        made.append(Host(f"{nets[Link.PORT]}.{n + 2}", prefix, tuple(ends)))
    return Network(tuple(made), f"{nets[Link.LINE]}.1", separate=True)


def _free_part() -> int:
    """Of the networks set aside for tests of networks (RFC 2544, 198.18.0.0/15) one that no other run has."""
    taken = {int(one) for one in re.findall(r"198\.18\.(\d+)\.1/", _ip("-o", "-4", "address", "show"))}
    return next(part for n in range(256) if (part := (os.getpid() + n) % 256) not in taken)


def _ip(*words: str) -> str:
    """Raises OSError, CalledProcessError."""
    program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "ip"
    return subprocess.run([program, *words], check=True, capture_output=True, text=True, timeout=20).stdout


def _clear_away() -> None:
    """Remove what a run that was killed has left."""
    for line in _ip("netns", "list").splitlines():
        found = _STALE.match(line)
        if found is not None and not Path(f"/proc/{found[1]}").exists():
            _ip("netns", "delete", found[0])
    for line in _ip("-o", "link", "show", "type", "bridge").splitlines():
        found = re.search(r" (p[ls](\d+)-\d+):", line)
        if found is not None and not Path(f"/proc/{found[2]}").exists():
            _ip("link", "delete", found[1])
