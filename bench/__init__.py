"""How fast the counter is: a till with a million orders, measured against the least that can be done.

Every figure is a ratio of two things measured in turn in one run on one machine, since milliseconds
say more about the machine than about the till: ``python -m bench``.
"""
