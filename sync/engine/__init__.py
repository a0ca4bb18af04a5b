"""The till's end of sync, in a process of its own: pushes the journal, pulls the feed.

The window and this process share the two files and one small channel (`sync.engine.process`).
"""
