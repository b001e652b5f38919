"""JUnit XML: the gate's verdicts, a test case for each row, skipped where it cannot be compared."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from results.baseline import Verdict
from results.text import printable


def write(verdicts: Sequence[Verdict], baseline: str) -> bytes:
    """The file's content. `baseline` is what the rows were checked against."""
    suite = Element(
        "testsuite",
        name=printable(f"inception-bench check against {baseline}"),
        tests=str(len(verdicts)),
        failures=str(sum(verdict.passed is False for verdict in verdicts)),
        skipped=str(sum(verdict.passed is None for verdict in verdicts)),
    )
    for verdict in verdicts:
        case = SubElement(suite, "testcase", classname=printable(verdict.model), name=printable(verdict.name))
        if verdict.passed is None:
            SubElement(case, "skipped", message=printable(verdict.why))
        elif not verdict.passed:
            failure = SubElement(case, "failure", message=printable(verdict.why))
            failure.text = printable(f"{verdict.name}: {verdict.why}")
    return bytes(tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"
