"""Power cuts of the till's folder, simulated on the writes that the real driver really made."""
