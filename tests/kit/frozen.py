"""Imported last by what others are forked from: none of what is loaded is ever looked at as garbage.

Else the first collection of each child would copy every page that it shares with the others.
"""

import gc

gc.freeze()
