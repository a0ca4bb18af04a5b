"""The till's two encrypted files: the journal (``ledger.db``) and the mirror, read as one.

The files are spoken to through the driver's own interface: SQLAlchemy's import alone takes longer
than the whole start of the window may (docs/decisions/0003); it runs the migrations.
"""
