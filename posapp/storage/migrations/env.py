"""Alembic wants this file to exist; `posapp.storage.migrations.upgrade` runs everything itself."""
