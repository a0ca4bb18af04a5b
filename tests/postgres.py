"""A PostgreSQL server of our own for the tests: thrown away at the end, durable in nothing.

Needs the server's programs (Debian: package postgresql); where they are missing, `binaries` says so
and the tests that want it are reported as not run.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

ROOTS = (Path("/usr/lib/postgresql"),)
USER = "postgres"
MISSING = "not run: no PostgreSQL server programs here (Debian: apt-get install postgresql)"
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}
NOTHING: Mapping[str, str] = MappingProxyType({})


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl, of the newest version there is."""
    found = [bins for root in ROOTS for bins in root.glob("*/bin") if (bins / "initdb").is_file()]
    if found:
        return max(found, key=lambda bins: int(bins.parent.name) if bins.parent.name.isdigit() else 0)
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextmanager
def server(changed: Mapping[str, str] = NOTHING) -> Iterator[str]:
    """A running server; its URL without a database name: ``postgresql://postgres@127.0.0.1:port``.

    ``changed`` are server options other than `OPTIONS`: who measures wants one that syncs.
    """
    bins = binaries()
    if bins is None:
        raise RuntimeError(MISSING)
    # Under /tmp and open to its user: it refuses to run as root, and root's folders are closed to it.
    folder = Path(tempfile.mkdtemp(prefix="posapp-pg-", dir="/tmp"))
    try:
        as_user: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam(USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            as_user = ["runuser", "-u", USER, "--"]
        data = folder / "data"
        port = _free_port()
        options = OPTIONS | dict(changed) | {"port": str(port), "unix_socket_directories": str(folder)}
        _run(
            *as_user,
            bins / "initdb",
            *("-D", data, "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"),
        )
        told = " ".join(f"-c {name}={value}" for name, value in options.items())
        pg_ctl: list[str | Path] = [*as_user, bins / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
        _run(*pg_ctl, "-o", told, "start")
        try:
            yield f"postgresql://{USER}@127.0.0.1:{port}"
        finally:
            _run(*pg_ctl, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[-1]}: {done.stdout[-2000:]}")
