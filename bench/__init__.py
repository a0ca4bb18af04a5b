"""How fast the counter is: a till with a million orders, measured against the least that can be done.

Every figure is a ratio of two things measured in turn in one run on one machine, since milliseconds
say more about the machine than about the till: ``python -m bench``.

Only the longest hold of the event loop is told in milliseconds. On a shared host the machine itself stands
still at times, for every program on it alike; `bench.pulse` measures that beside, it is told with each hold, and does
not count as one.
"""
