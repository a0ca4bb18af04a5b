"""The fifteen nastiest cases at a counter, each as tests named after it, on real wires only.

``test_case_04_...`` is case 4. A wire is an X server with real key codes, a pseudo-terminal, a pipe or a
packet socket; a case whose wire this system lacks says so.
"""
