"""The report on menus as one HTML file: tables, and each difference as a line with its interval."""

from collections.abc import Iterator
from html import escape

from menus.evaluation.figures import FIGURES, Figure
from menus.evaluation.report import Arm, Difference, GroupTold, Report
from menus.evaluation.told import METHOD, rows, sentences, title, verdict

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.7rem 0.3rem 0; border-bottom: 1px solid #d8dee4; white-space: nowrap; }
th { color: #57606a; font-weight: 500; }
.better { color: #116329; } .worse { color: #a40e26; } .muted { color: #57606a; }
svg { display: block; } svg line, svg circle { stroke: #57606a; fill: #57606a; } svg .zero { stroke: #d0d7de; }
svg .better { stroke: #116329; fill: #116329; } svg .worse { stroke: #a40e26; fill: #a40e26; }
"""
_HEAD = ("figure", "personal", "static", "personal less static", "", "")
_WIDE, _HIGH = 180, 18


def page(report: Report, span: str) -> str:
    """The whole page; `span` says of which time it is."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Personal menus</title>",
        f"<style>{_STYLE}</style><h1>Personal menus against the static order</h1>",
        f"<p>{escape(span)}: {report.calls:,} calls of {report.callers:,} callers; {report.without_number:,} calls "
        f"without a number and {report.without_menu:,} in which no personal menu was heard are left out.</p>",
        f"<p class=muted>{escape(METHOD)}.</p>",
        *(part for group in report.groups for part in _group(group)),
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _group(group: GroupTold) -> Iterator[str]:
    yield f"<h2>{escape(title(group.group))}</h2>"
    counts = [
        f"{arm.value}: {told.calls:,} calls of {told.callers:,} callers"
        for arm in Arm
        if (told := group.arms.get(arm)) is not None
    ]
    yield f"<p class=muted>{'; '.join(counts)}</p>"
    yield f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in sentences(group))}</ul>"
    yield "<table><tr>" + "".join(f"<th>{escape(name)}</th>" for name in _HEAD) + "</tr>"
    by_title = {figure.title: figure for figure in FIGURES}
    for row in rows(group):
        figure = by_title[row[0]]
        difference = group.differences.get(figure.name)
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[:4])
        yield f"<tr>{cells}<td>{_line(figure, difference)}</td><td class={row[4].split()[0]}>{escape(row[4])}</td></tr>"
    yield "</table>"


def _line(figure: Figure, difference: Difference | None) -> str:
    """The interval of a difference beside the line that stands for none."""
    if difference is None or difference.interval is None:
        return ""
    low, high = difference.interval.low, difference.interval.high
    reach = max(abs(low), abs(high)) or 1.0
    left, right, at = (_WIDE / 2 + value / reach * (_WIDE / 2 - 6) for value in (low, high, difference.value))
    middle, kind = _HIGH / 2, verdict(figure, difference).split()[0]
    return (
        f'<svg width={_WIDE} height={_HIGH} role=img aria-label="{low:.3f} to {high:.3f}">'
        f"<line class=zero x1={_WIDE / 2} x2={_WIDE / 2} y1=0 y2={_HIGH} />"
        f"<line class={kind} x1={left:.1f} x2={right:.1f} y1={middle} y2={middle} stroke-width=2 />"
        f"<circle class={kind} cx={at:.1f} cy={middle} r=3.5 /></svg>"
    )
