"""Which of the system's services holds a device: two are known to take scanners for something else."""

from __future__ import annotations

import os
from pathlib import Path

from posapp.ports import DownReason

_SERVICES = {"ModemManager": DownReason.MODEM_MANAGER, "brltty": DownReason.BRLTTY}


def holder(device: str, proc: Path = Path("/proc")) -> DownReason | None:
    """The service that has a device open, or may have it: one whose files we may not see.

    None where there is none, the device is no file, or the system has no ``/proc``.
    """
    if not device.startswith("/"):
        return None
    real = os.path.realpath(device)
    for process in proc.glob("[0-9]*"):
        try:
            reason = _SERVICES.get((process / "comm").read_text().strip())
        except OSError:
            continue
        if reason is not None and _holds(process, real):
            return reason
    return None


def _holds(process: Path, device: str) -> bool:
    try:
        return any(os.readlink(link) == device for link in (process / "fd").iterdir())
    except PermissionError:
        return True
    except OSError:
        return False
