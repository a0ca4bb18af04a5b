"""Commands for those who work on the till; none of them ships with it."""
