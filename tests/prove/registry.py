"""Finds the bars by their files' names, so that a new bar needs no list to be entered in."""

import importlib
import pkgutil
import re
from dataclasses import dataclass
from typing import Protocol, cast

from tests import prove

_MODULE = re.compile(r"(?P<topic>[a-z]+)_b(?P<number>\d+)")


class Run(Protocol):
    """Proves a bar: whether it holds, and its figure in one line."""

    def __call__(self, long: bool) -> tuple[bool, str]: ...


@dataclass(frozen=True)
class Bar:
    """One promise and the way to prove it."""

    name: str
    claim: str
    run: Run


def names() -> dict[str, str]:
    """Bar -> module, in the order of topic and number. Imports nothing."""
    found = []
    for module in pkgutil.iter_modules(prove.__path__):
        match = _MODULE.fullmatch(module.name)
        if match:
            found.append((match["topic"], int(match["number"]), module.name))
    return {f"{topic}-B{number}": module for topic, number, module in sorted(found)}


def load(name: str) -> Bar:
    """The bar of that name. Raises KeyError for an unknown one, TypeError for one without a claim."""
    module = importlib.import_module(f"tests.prove.{names()[name]}")
    claim = getattr(module, "CLAIM", None)
    run = getattr(module, "run", None)
    if not isinstance(claim, str) or not claim.strip() or "\n" in claim or not callable(run):
        raise TypeError(f"{name}: a bar needs CLAIM, one sentence, and run(long)")
    return Bar(name, claim, cast("Run", run))
