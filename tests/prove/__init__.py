"""The bars: what the product promises, each as a command that fails where the promise does not hold.

A bar is a module of this folder, ``first_b1.py`` for the bar *first-B1*, with two names:

- ``CLAIM``: the promise, in one sentence;
- ``def run(long: bool) -> tuple[bool, str]``: whether it holds, and the figure, in one line. The
  bounded form ends within ten minutes; the long form measures the full figure.

``python -m tests.prove`` lists them, ``python -m tests.prove first-B1`` proves one.
"""
