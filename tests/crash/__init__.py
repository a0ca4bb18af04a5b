"""The till killed again and again in the middle of hand-overs, and nothing lost.

``python -m tests.crash.loop --cycles 500``, or ``make crash CYCLES=500``.
"""
