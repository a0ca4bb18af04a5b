"""What all tests share: Qt draws into memory unless a test starts a screen of its own."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
