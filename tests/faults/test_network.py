"""Hosts of a store: what a cut link does, where links can be cut, and that nothing of them is left."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults import network as networks
from tests.faults.network import Host, Link, Network, network

_LISTEN = """
import socket, sys
with socket.create_server((sys.argv[1], 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
"""
_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 0.7).close()
except OSError:
    sys.exit(1)
"""


@pytest.fixture
def store() -> Iterator[Network]:
    with network(2) as found:
        yield found


@contextmanager
def listening(host: Host) -> Iterator[int]:
    """A free port of a host that takes connections."""
    process = subprocess.Popen(
        host.command([sys.executable, "-c", _LISTEN, host.address]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()


def reaches(host: Host, address: str, port: int) -> bool:
    words = [sys.executable, "-c", _CONNECT, address, str(port)]
    return subprocess.run(host.command(words), check=False).returncode == 0


def test_a_host_reaches_the_hub_and_its_neighbour(store: Network) -> None:
    one, other = store.hosts
    with socket.create_server((store.hub, 0)) as hub, listening(other) as port:
        assert one.address != other.address
        assert reaches(one, store.hub, hub.getsockname()[1])
        assert reaches(one, other.address, port)


def test_what_is_cut_is_silent_and_only_that(store: Network) -> None:
    if not store.separate:
        with pytest.raises(RuntimeError, match="loopback"):
            store.cut(store.hosts[0], Link.LINE)
        return
    one, other = store.hosts
    with socket.create_server((store.hub, 0)) as hub, listening(other) as port:
        at = hub.getsockname()[1]
        store.cut(one, Link.LINE)
        assert not reaches(one, store.hub, at)
        assert reaches(one, other.address, port)
        assert reaches(other, store.hub, at)
        store.heal(one, Link.LINE)
        store.cut(one, Link.PORT)
        assert reaches(one, store.hub, at)
        assert not reaches(one, other.address, port)
        store.heal(one, Link.PORT)
        assert reaches(one, other.address, port)


def test_nothing_is_left_of_it_and_what_a_killed_run_left_is_removed(store: Network) -> None:
    if not store.separate:
        pytest.skip("hosts are loopback addresses here: needs root on Linux and iproute2")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = f"posapp-{ended.pid}-0-0"
    networks._ip("netns", "add", left)
    with network(1) as another:
        assert left not in networks._ip("netns", "list")
        (host,) = another.hosts
        assert host.address not in {one.address for one in store.hosts}
        name = host.prefix[-1]
        assert name in networks._ip("netns", "list")
    assert name not in networks._ip("netns", "list")


def test_where_it_is_forbidden_hosts_are_loopback_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/nowhere/ip")
    with network(3) as found:
        assert not found.separate
        assert len({host.address for host in found.hosts}) == 3
        assert reaches(found.hosts[0], *_served(found.hosts[2])) is False
        with listening(found.hosts[2]) as port:
            assert reaches(found.hosts[0], found.hosts[2].address, port)


def _served(host: Host) -> tuple[str, int]:
    """An address at which nobody listens any more."""
    with socket.create_server((host.address, 0)) as listener:
        return host.address, int(listener.getsockname()[1])
