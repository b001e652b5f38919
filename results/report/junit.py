"""JUnit XML: the gate's verdicts, a test case for each row."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from results.baseline import Verdict


def write(verdicts: Sequence[Verdict], baseline: str) -> bytes:
    """The file's content. `baseline` is what the rows were checked against."""
    failed = sum(not verdict.passed for verdict in verdicts)
    suite = Element(
        "testsuite",
        name=f"inception-bench check against {baseline}",
        tests=str(len(verdicts)),
        failures=str(failed),
    )
    for verdict in verdicts:
        case = SubElement(
            suite, "testcase", classname=_printable(verdict.model), name=_printable(verdict.name)
        )
        if not verdict.passed:
            failure = SubElement(case, "failure", message=_printable(verdict.why))
            failure.text = _printable(f"{verdict.name}: {verdict.why}")
    return bytes(tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def _printable(text: str) -> str:
    """The text without the control characters that XML cannot have.

    >>> _printable("v3" + chr(7))
    'v3?'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)
