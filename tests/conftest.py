"""What all tests share: Qt draws into memory unless a test starts a screen of its own."""

import os
import sys
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests import pace

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# A machine that has other work to do is slow, and that is no defect of the code.
settings.register_profile("posapp", deadline=None)
settings.load_profile("posapp")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Tests that type keys at a pace are run at that pace: `tests.pace`."""
    return pace.run(item, nextitem)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    """Delete the windows a test has closed. Qt does so when an event loop returns, which between two tests
    none does: they would pile up, and each later window be styled together with all of them.
    """
    yield
    if "PySide6.QtWidgets" in sys.modules:
        from PySide6.QtCore import QCoreApplication, QEvent

        if QCoreApplication.instance() is not None:
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
