"""Every screen and every verdict, drawn and measured: ``python -m tests.screens [--out DIR]``."""
