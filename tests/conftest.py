"""What all tests share: Qt draws into memory unless a test starts a screen of its own."""

import os

from hypothesis import settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# A machine that has other work to do is slow, and that is no defect of the code.
settings.register_profile("posapp", deadline=None)
settings.load_profile("posapp")
