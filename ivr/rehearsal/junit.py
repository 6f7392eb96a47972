"""Results as JUnit XML, which every build server reads."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from ivr.rehearsal.player import Played
from ivr.rehearsal.transcript import story

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, results: Sequence[Played], suite: str) -> None:
    """Write one test suite; a folder that is missing is made."""
    failed = sum(not one.ok and not one.skipped for one in results)
    skipped = sum(one.skipped is not None for one in results)
    root = ElementTree.Element(
        "testsuite", name=suite, tests=str(len(results)), failures=str(failed), errors="0", skipped=str(skipped),
        time=f"{sum(one.took_s for one in results):.3f}",
    )  # fmt: skip
    for one in results:
        part = one.part
        case = ElementTree.SubElement(
            root, "testcase", classname=_clean(Path(part.file).stem), name=_clean(part.scenario.name),
            file=_clean(part.file), line=str(part.line), time=f"{one.took_s:.3f}",
        )  # fmt: skip
        if one.skipped is not None:
            ElementTree.SubElement(case, "skipped", message=one.skipped)
        elif not one.ok:
            why = one.departure.why if one.departure is not None else "the engine reported a fault"
            failure = ElementTree.SubElement(case, "failure", message=_clean(why))
            failure.text = _clean("\n".join(story(one)))
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    """The text without the signs that XML cannot hold."""
    return _NOT_XML.sub("?", text)
