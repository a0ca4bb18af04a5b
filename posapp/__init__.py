"""The core of the till: rules, use cases and storage, with no Qt, no HTTP and no devices."""

__version__ = "0.1.0"
