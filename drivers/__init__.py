"""The devices on the counter, real and virtual, behind the protocols of the core."""
