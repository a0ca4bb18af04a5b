"""The places of the window, one module each, loaded when the clerk first goes there."""
