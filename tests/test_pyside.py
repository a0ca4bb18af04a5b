"""A PySide6 that fits this Python.

PySide6 6.12.0 loses one reference of None, and of True or False, at each call of Qt that returns it.
Below Python 3.12 these objects can die: after some 6,400 calls the program aborts. The wheel claims
to fit 3.10 and newer, so pip takes it without a word; only the ranges in pyproject.toml keep it out.
"""

import os
import subprocess
import sys

# In a process of its own: a broken pair would take the whole test run with it.
DRIFT = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLineEdit

application = QApplication([])
field, timer = QLineEdit(), QTimer()
timer.setInterval(3_600_000)
timer.start()

before = sys.getrefcount(None)
for number in range(1000):
    field.setText("text")
nones = sys.getrefcount(None) - before

before = sys.getrefcount(True)
for number in range(1000):
    timer.isActive()
trues = sys.getrefcount(True) - before
print(nones, trues)
"""


def test_qt_calls_keep_the_references_of_none_and_true() -> None:
    child = subprocess.run(
        [sys.executable, "-c", DRIFT],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    misfit = f"this PySide6 does not work with this Python: {child.stdout}{child.stderr}"
    assert child.returncode == 0, misfit
    nones, trues = (abs(int(word)) for word in child.stdout.split())
    assert nones <= 100, misfit
    assert trues <= 100, misfit
