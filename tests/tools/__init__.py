"""Tests of the commands for those who work on the till."""
