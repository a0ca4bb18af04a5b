"""Printers of our own, on a real socket or pseudo-terminal: they take bytes and render what those mean.

Written from the makers' command lists and from what emupos answers, never from our encoder: fonts,
code tables and code drawing are other ones than the product's.
"""
