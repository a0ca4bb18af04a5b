"""Alembic wants this file to exist; `sync.hub.migrations.upgrade` runs everything itself."""
