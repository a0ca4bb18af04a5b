"""The list of slips that are not done, on disk, so that a power cut leaves a named doubt and no silence.

A line of JSON for each step of a job: paper, subject and fact, but nothing about a person, and not the
slip itself, which is made again from the journal. Lines are only added; a half line at the end, which a
power cut may leave, is passed over. At the start the file is written anew with what is still open.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import asdict, replace
from pathlib import Path

from posapp.domain.slips import OPEN, Outcome, Paper, PrintJob, Trouble

log = logging.getLogger(__name__)

NAME = "slips.jsonl"
_MOST = 200


class Spool:
    """Promises: what `keep` was told with ``sure`` outlives a power cut; without, it outlives the
    program's sudden end. Not being able to write is logged and stops no slip.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.left = tuple(self._read())
        """What was open when the program ended, the oldest first. One that was being sent is unsure."""
        self._file: int | None = None
        try:
            self._rewrite()
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            log.error("%s cannot be written: %s", path.name, error)

    def keep(self, job: PrintJob, *, sending: bool = False, sure: bool = False) -> None:
        """Write down how a job stands; ``sending`` from the first byte until its end is known."""
        if self._file is None:
            return
        try:
            os.write(self._file, _line(job, sending))
            if sure:
                os.fsync(self._file)
        except OSError as error:
            log.error("%s cannot be written: %s", self._path.name, error)

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _read(self) -> list[PrintJob]:
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            log.error("%s cannot be read: %s", self._path.name, error)
            return []
        jobs: dict[str, PrintJob] = {}
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                job = _job(json.loads(line))
                jobs[job.id] = job
        return [job for job in jobs.values() if job.outcome in OPEN][-_MOST:]

    def _rewrite(self) -> None:
        fresh = self._path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for job in self.left:
                file.write(_line(job, False))
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._path)


def _line(job: PrintJob, sending: bool) -> bytes:
    return json.dumps(asdict(job) | ({"sending": True} if sending else {})).encode() + b"\n"


def _job(body: dict[str, str | bool | None]) -> PrintJob:
    """A job as it is after the program's end: what was waiting was not sent, what was sent is a doubt."""
    trouble = body["trouble"]
    job = PrintJob(
        id=str(body["id"]),
        paper=Paper(str(body["paper"])),
        outcome=Outcome(str(body["outcome"])),
        trouble=Trouble(str(trouble)) if trouble else None,
        about=str(body["about"]),
        ref=str(body["ref"]),
        copy=bool(body["copy"]),
    )
    if body.get("sending"):
        return replace(job, outcome=Outcome.UNSURE, trouble=Trouble.RESTARTED)
    if job.outcome is Outcome.WAITING:
        return replace(job, outcome=Outcome.REFUSED, trouble=Trouble.RESTARTED)
    return job
