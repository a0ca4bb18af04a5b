"""Waiting for a condition instead of sleeping for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")


def until(condition: Callable[[], _Result], seconds: float = 10.0) -> _Result:
    """What ``condition`` returns once that is true. Raises TimeoutError where it does not become so."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"not so within {seconds:g} s: {getattr(condition, '__name__', condition)}")
        pause.wait(0.005)
