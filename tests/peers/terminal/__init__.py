"""A card terminal that speaks ZVT byte by byte, books for itself, and can be cut off anywhere."""
