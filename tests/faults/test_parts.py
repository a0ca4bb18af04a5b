"""Every part of the fault kit is a module that is there."""

import importlib.util
import subprocess
import sys

from tests.faults.__main__ import PARTS


def test_each_part_is_there() -> None:
    for name, (what, (module, *_)) in PARTS.items():
        assert what, name
        assert importlib.util.find_spec(module), name


def test_the_parts_are_listed_and_an_unknown_one_is_refused() -> None:
    command = [sys.executable, "-m", "tests.faults"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert all(f"PART={name}" in listed.stdout for name in PARTS)
    refused = subprocess.run([*command, "nothing"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
