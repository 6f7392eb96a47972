"""The report of a training as one HTML file: tables and plots, drawn here as SVG, with nothing to load."""

from collections.abc import Iterable, Sequence
from html import escape

from ivr.commands.train import Outcome

WIDTH, HEIGHT, EDGE = 460, 260, 36
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}svg{background:#fafafa;margin:.5rem 1rem .5rem 0}
figure{display:inline-block;margin:0}
text{font-size:11px}"""


def report(outcome: Outcome) -> str:
    """The whole page."""
    one, about = outcome.judgement, outcome.model.about
    rules = {"this model": one.model, **({"model in use": outcome.former} if outcome.former else {})}
    rules |= {"static order (popularity)": one.popularity, **{str(rule): q for rule, q in one.baselines.items()}}
    rules["best order of the day"] = one.oracle
    verdict = "published" if outcome.published else "; ".join(outcome.objections) or "not published: a dry run"
    names = [name for name, _, _ in one.history]
    parts = [
        f"<h1>Learned menu: model {escape(outcome.model.digest)}</h1><p>{escape(verdict)}</p>",
        _table(
            ("rule", "hit@1", "hit@3", "MRR", "mean rank", "seconds"),
            [(n, f"{q.hit1:.3f}", f"{q.hit3:.3f}", f"{q.mrr:.3f}", f"{q.mean_rank:.2f}", f"{q.seconds:.2f}")
             for n, q in rules.items()],
        ),
        f"<p>hit@1 {one.interval[0]:.3f} to {one.interval[1]:.3f} (95 %, customers drawn anew); calibration error "
        f"{one.ece:.3f}; log loss {one.log_loss:.3f}; {one.events} events of {one.customers} customers.</p>",
        _reliability(one.reliability),
        _bars("hit@1 by events before", names, [s["model"] for _, _, s in one.history],
              [s["popularity"] for _, _, s in one.history]),
        _bars("seconds gained, customers by seconds of the static order", _tenths(one.deciles), one.deciles),
        _bars("seconds gained, customers by seconds before", _tenths(one.deciles_before), one.deciles_before),
        _bars("seconds gained by day of month", [str(d) for d, _, _ in one.month_days],
              [gain for _, _, gain in one.month_days]),
        _bars("seconds gained by segment", [name for name, _, _ in one.segments],
              [gain for _, _, gain in one.segments]),
        "<h2>Where it comes from</h2>",
        _table(("", ""), [(str(key), str(value)) for key, value in sorted(about.items())]),
    ]  # fmt: skip
    head = f"<!doctype html><meta charset=utf-8><title>Learned menu</title><style>{_STYLE}</style>"
    return head + "\n".join(parts) + "\n"


def _tenths(gains: Sequence[float]) -> list[str]:
    return [str(n + 1) for n in range(len(gains))]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _figure(title: str, drawn: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption><svg width={WIDTH} height={HEIGHT}>{drawn}</svg></figure>"


def _reliability(points: Sequence[tuple[float, float, int]]) -> str:
    """Said probability against share of hits; on the diagonal they are the same."""
    inner_w, inner_h = WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE
    dots = "".join(
        f"<circle cx={EDGE + said * inner_w:.1f} cy={HEIGHT - EDGE - came * inner_h:.1f} r=4 fill=#06c />"
        for said, came, _ in points
    )
    line = f"<line x1={EDGE} y1={HEIGHT - EDGE} x2={WIDTH - EDGE} y2={EDGE} stroke=#aaa />"
    axes = f"<text x={WIDTH // 2 - 60} y={HEIGHT - 8}>probability said, 0 to 1</text>"
    return _figure("Reliability: share of hits by the probability said", line + dots + axes)


def _bars(title: str, names: Sequence[str], values: Sequence[float], others: Sequence[float] = ()) -> str:
    """A bar for each value; `others`, in grey beside them, are those of the static order."""
    if not values:
        return ""
    high, low = max(*values, *others, 0.01), min(*values, *others, 0.0)
    scale = (HEIGHT - 2 * EDGE) / (high - low)
    step = (WIDTH - 2 * EDGE) / len(values)
    zero = EDGE + high * scale
    drawn = [f"<line x1={EDGE} y1={zero:.1f} x2={WIDTH - EDGE} y2={zero:.1f} stroke=#aaa />"]
    shown = max(1, len(values) // 16)
    for n, value in enumerate(values):
        x, width = EDGE + n * step, step * (0.4 if others else 0.8)
        pairs = [(x, value, "#06c" if value >= 0 else "#c30")]
        if others:
            pairs.append((x + width, others[n], "#bbb"))
        for left, of, colour in pairs:
            top, height = zero - max(of, 0) * scale, abs(of) * scale
            drawn.append(f"<rect x={left:.1f} y={top:.1f} width={width:.1f} height={height:.1f} fill={colour} />")
        if n % shown == 0:
            drawn.append(f"<text x={x:.1f} y={HEIGHT - 8}>{escape(names[n])}</text>")
    drawn.append(f"<text x=2 y={EDGE}>{high:.2f}</text>")
    return _figure(title, "".join(drawn))
