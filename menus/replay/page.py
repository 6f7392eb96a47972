"""A replay as one HTML page that needs nothing else: figures, plots, findings; for light and dark screens."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from menus.replay.report import WIDEST_S

_STYLE = """
:root { color-scheme: light dark; --page: #f6f8fa; --card: #fff; --ink: #131820; --quiet: #55606e; --rule: #d8dee5;
  --before: #8695a5; --after: #4338ca; --worse: #b42318; --better: #15803d; }
@media (prefers-color-scheme: dark) { :root { --page: #0e1216; --card: #171d24; --ink: #e8edf2; --quiet: #9dabb9;
  --rule: #2b3540; --before: #7b8794; --after: #a5b4fc; --worse: #f97066; --better: #4ade80; } }
body { background: var(--page); color: var(--ink); margin: 0 auto; padding: 24px; max-width: 1080px;
  font: 15px/1.5 system-ui, "Noto Sans", "Helvetica Neue", Arial, "PingFang SC", "Microsoft YaHei", sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 28px 0 8px; }
.quiet { color: var(--quiet); } .worse { color: var(--worse); } .better { color: var(--better); }
.figures { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0; }
.figure { background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 10px 16px; min-width: 150px; }
.figure b { display: block; font-size: 20px; }
table { border-collapse: collapse; background: var(--card); width: 100%; font-size: 14px; }
th, td { border: 1px solid var(--rule); padding: 4px 8px; text-align: left; vertical-align: top; }
th { font-weight: 600; } td { font-variant-numeric: tabular-nums; }
svg { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; max-width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 12px; } svg .quiet { fill: var(--quiet); } svg line { stroke: var(--rule); }
svg .before { fill: var(--before); } svg .after { fill: var(--after); }
svg .worse { fill: var(--worse); } svg .better { fill: var(--better); } svg .same { fill: var(--before); }
.scroll { overflow-x: auto; }
"""
_WIDE, _LABEL = 1000, 190


def page(told: Mapping[str, Any], *, title: str, notes: Sequence[str] = ()) -> str:
    """The page of what `ReplayReport.to_json` told."""
    total = told["total"]
    groups = [("all calls", total)] + [
        (f"{what} {name or '(none)'}", tally) for what, tallies in told["by"].items() for name, tally in tallies.items()
    ]
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="quiet">{escape(note)}</p>' for note in notes),
        _figures(told),
        "<h2>Seconds to target, before and after</h2>",
        '<p class="quiet">Until what callers really chose had been said (actual), and until what they probably wanted '
        "had been said (expected); means, the change with its 95&nbsp;% confidence interval.</p>",
        _plot(groups, "actual"),
        "<h2>Expected seconds to target</h2>",
        _plot(groups, "expected"),
        "<h2>Change for each wish, in seconds</h2>",
        _histogram(told["changes_s"]),
        "<h2>By segment, language and menu</h2>",
        _groups(groups),
        *_findings(told),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _figures(told: Mapping[str, Any]) -> str:
    total, shown = told["total"], told["reordered_share"]
    within = "" if shown["share"] is None else f"{shown['within'][0]:.1%} to {shown['within'][1]:.1%} of calls"
    figures = [
        (f"{told['calls']:,}", "calls with a choice", ""),
        ("–" if shown["share"] is None else f"{shown['share']:.1%}", "hear another order", within),
        (_signed(total["actual"]["change_s"]), "actual seconds to target", _within(total["actual"])),
        (_signed(total["expected"]["change_s"]), "expected seconds to target", _within(total["expected"])),
        (f"{total['unreachable']:,}", "wishes not to be reached", ""),
        (f"{total['deeper']:,}", "wishes behind more menus", ""),
        (f"{total['keys_moved']:,}", "keys that moved", f"{total['keys_moved_pressed_blindly']:,} pressed blindly"),
    ]
    boxes = [
        f'<div class="figure"><b>{value}</b>{name}<div class="quiet">{more}</div></div>'
        for value, name, more in figures
    ]
    return '<div class="figures">' + "".join(boxes) + "</div>"


def _plot(groups: Sequence[tuple[str, Mapping[str, Any]]], what: str) -> str:
    """A pair of bars for each group, with the change in figures."""
    shown = [(name, tally[what]) for name, tally in groups if tally[what]["cases"]]
    if not shown:
        return '<p class="quiet">nothing to compare</p>'
    most = max(max(pair["before_s"], pair["after_s"]) for _, pair in shown) or 1.0
    scale = (_WIDE - _LABEL - 310) / most
    rows = []
    for number, (name, pair) in enumerate(shown):
        y = 34 + number * 34
        change = pair["change_s"]
        rows.append(
            f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(name[:28])}</text>'
            f'<rect class="before" x="{_LABEL}" y="{y}" width="{pair["before_s"] * scale:.1f}" height="10"/>'
            f'<rect class="after" x="{_LABEL}" y="{y + 11}" width="{pair["after_s"] * scale:.1f}" height="10"/>'
            f'<text x="{_WIDE - 300}" y="{y + 14}">{pair["before_s"]:.1f} → {pair["after_s"]:.1f} s</text>'
            f'<text class="{_sure(pair)}" x="{_WIDE - 190}" y="{y + 14}">{_signed(change)}'
            f"{escape(_within(pair, short=True))}</text>"
        )
    high = 48 + len(shown) * 34
    legend = (
        f'<rect class="before" x="{_LABEL}" y="10" width="10" height="10"/><text x="{_LABEL + 15}" y="19">before</text>'
        f'<rect class="after" x="{_LABEL + 80}" y="10" width="10" height="10"/>'
        f'<text x="{_LABEL + 95}" y="19">after</text>'
    )
    return f'<svg viewBox="0 0 {_WIDE} {high}" width="{_WIDE}" role="img">{legend}{"".join(rows)}</svg>'


def _histogram(changes: Mapping[str, int]) -> str:
    counts = {int(seconds): count for seconds, count in changes.items()}
    if not counts:
        return '<p class="quiet">no wish to compare</p>'
    most, step, high = max(counts.values()), (_WIDE - 60) / (2 * WIDEST_S + 1), 200
    bars = []
    for seconds in range(-WIDEST_S, WIDEST_S + 1):
        x = 30 + (seconds + WIDEST_S) * step
        count = counts.get(seconds, 0)
        tall = count / most * (high - 60)
        if count:
            bars.append(
                f'<rect class="{_tone(float(seconds))}" x="{x:.1f}" y="{high - 30 - tall:.1f}" '
                f'width="{step - 2:.1f}" height="{max(1.0, tall):.1f}"><title>{seconds:+d} s: {count:,}</title></rect>'
            )
        if seconds % 5 == 0:
            edge = "≤ " if seconds == -WIDEST_S else "≥ " if seconds == WIDEST_S else ""
            place = f'x="{x + step / 2:.1f}" y="{high - 12}" text-anchor="middle"'
            bars.append(f'<text class="quiet" {place}>{edge}{seconds:+d}</text>')
    axis = f'<line x1="30" x2="{_WIDE - 30}" y1="{high - 30}" y2="{high - 30}"/>'
    top = f'<text class="quiet" x="30" y="18">{most:,} wishes at most</text>'
    return f'<svg viewBox="0 0 {_WIDE} {high}" width="{_WIDE}" role="img">{top}{axis}{"".join(bars)}</svg>'


def _groups(groups: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    return _table(
        (
            "",
            "wishes",
            "actual",
            "change",
            "expected",
            "change",
            "another order",
            "unreachable",
            "deeper",
            "keys moved",
        ),
        [
            (
                name,
                f"{tally['journeys']:,}",
                *_seconds(tally["actual"]),
                *_seconds(tally["expected"]),
                f"{tally['reordered']:,} of {tally['menus']:,}",
                f"{tally['unreachable']:,}",
                f"{tally['deeper']:,}",
                f"{tally['keys_moved']:,}",
            )
            for name, tally in groups
        ],
    )


def _findings(told: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>Wishes that cannot be reached any more</h2>"
    yield _table(
        ("menu", "option", "cases", "calls"),
        [(one["menu"], one["option"], f"{one['cases']:,}", ", ".join(one["calls"])) for one in told["unreachable"]],
    )
    yield "<h2>Wishes behind more menus</h2>"
    yield _table(
        ("menu", "option", "way now", "cases", "calls"),
        [
            (one["menu"], one["option"], one["way"], f"{one['cases']:,}", ", ".join(one["calls"]))
            for one in told["deeper"]
        ],
    )
    yield "<h2>Keys that moved</h2>"
    yield _table(
        ("menu", "key", "meant", "means now", "cases", "calls"),
        [
            (
                one["menu"],
                one["key"],
                one["option"],
                one["now"] or "nothing",
                f"{one['cases']:,}",
                ", ".join(one["calls"]),
            )
            for one in told["keys_moved"]
        ],
    )
    yield "<h2>What got worst</h2>"
    yield _table(
        ("call", "menu", "option", "before", "after", "change"),
        [
            (
                *(one["call"], one["menu"], one["option"]),
                f"{one['before_s']:.1f} s",
                f"{one['after_s']:.1f} s",
                _signed(one["change_s"]),
            )
            for one in told["worst"]
        ],
    )
    if told["conditions_not_asked"]:
        yield "<h2>Conditions that nobody had asked at the time</h2>"
        yield "<p>These options were taken as offered, and as not promoted by rule.</p>"
        rows = [(name, f"{count:,}") for name, count in told["conditions_not_asked"].items()]
        yield _table(("option", "cases"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return '<p class="quiet">none</p>'
    cells = "".join(f"<th>{escape(one)}</th>" for one in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _seconds(pair: Mapping[str, Any]) -> tuple[str, str]:
    if not pair["cases"]:
        return "–", "–"
    return f"{pair['before_s']:.1f} → {pair['after_s']:.1f} s", _signed(pair["change_s"]) + _within(pair, short=True)


def _within(pair: Mapping[str, Any], *, short: bool = False) -> str:
    if pair["change_within_s"] is None:
        return ""
    low, high = pair["change_within_s"]
    return f" ({low:+.2f} … {high:+.2f})" if short else f"{low:+.2f} to {high:+.2f} s"


def _signed(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:+.2f} s"


def _sure(pair: Mapping[str, Any]) -> str:
    """The tone of a change; none of one that chance explains."""
    within = pair["change_within_s"]
    return "quiet" if within is not None and within[0] <= 0 <= within[1] else _tone(pair["change_s"])


def _tone(change: float) -> str:
    return "worse" if change > 0.0005 else "better" if change < -0.0005 else "same"
