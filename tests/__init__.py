"""The tests mirror the packages; whatever crosses them lies in folders of its own."""
