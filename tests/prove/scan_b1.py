"""The fifteen nastiest cases, as tests named after them: ``tests/acceptance``."""

import re
import sys

from tests.prove import steps

CLAIM = "The nastiest cases at a counter pass as tests on real wires, none skipped but for a platform that is missing."
CASES = range(1, 16)
_RESULT = re.compile(r"test_case_(?P<case>\d\d).* (?P<result>PASSED|FAILED|SKIPPED|ERROR)\b")


def run(long: bool) -> tuple[bool, str]:
    """All cases; bounded and long are one and the same."""
    outcome = steps.run([sys.executable, "-m", "pytest", "tests/acceptance", "-v", "-p", "no:randomly"])
    results: dict[int, list[str]] = {}
    for line in outcome.lines:
        found = _RESULT.search(line)
        if found:
            results.setdefault(int(found["case"]), []).append(found["result"])
    passed = [case for case in CASES if results.get(case) and set(results[case]) <= {"PASSED", "SKIPPED"}]
    skipped = [case for case in passed if "PASSED" not in results[case]]
    absent = [case for case in CASES if case not in results]
    failed = [case for case in results if case not in passed]
    tests = sum(map(len, results.values()))
    figure = f"{len(passed) - len(skipped)} of {len(CASES)} cases hold in {tests} tests"
    for word, cases in (("failed", failed), ("skipped", skipped), ("without a test", absent)):
        if cases:
            figure += f", {word}: {', '.join(map(str, cases))}"
    return outcome.code == 0 and not (failed or absent), figure
