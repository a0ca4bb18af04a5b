"""Pure values and rules. Imports nothing of posapp but itself; no Qt, no I/O, no clock of its own."""
