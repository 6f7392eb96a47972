"""The telephone in the terminal: what is said while it is said, what the caller does, and what came of the call."""

from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ivr.rehearsal.evidence import evidence_of
from ivr.rehearsal.node import Rehearsal
from ivr.rehearsal.telephone import Piece, Sign, Telephone
from ivr.rehearsal.transcript import WIDTH, Entry, tell, why_order

_STYLES = {"hears": "cyan", "caller": "bold yellow", "agent": "green", "order": "dim", "number": "dim", "FAULT": "red"}
_SIGNS = {
    Sign.MUSIC: ("music", "plays"),
    Sign.RINGING: ("rings", ""),
    Sign.TALKING: ("talks", ""),
    Sign.OVER: ("over", ""),
    Sign.TONE: ("tone", "what you say is recorded now"),
    Sign.RECORDED: ("tone", "recorded"),
}
_BAR = 24


class Screen:
    """Prints what happens as it happens; in a terminal what is being said is grey, with a bar, until it is over."""

    def __init__(self, rehearsal: Rehearsal, telephone: Telephone, console: Console) -> None:
        self._rehearsal, self._telephone, self._console = rehearsal, telephone, console
        self._pieces = self._events = self._signs = 0
        self._saying: Piece | None = None
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(get_renderable=self._now, console=console, refresh_per_second=10, transient=True)

    def __enter__(self) -> "Screen":
        self._telephone.notice = self.refresh
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._telephone.notice = lambda: None
        self.refresh()
        if self._live is not None:
            self._live.stop()

    def refresh(self) -> None:
        """Print what is new."""
        for entry in [*self._new_events(), *self._new_signs(), *self._new_pieces()]:
            self.line(entry)

    def did(self, what: str) -> None:
        """The caller does something."""
        self.refresh()
        self.line(Entry(self._telephone.now_s(), "caller", what))

    def line(self, entry: Entry) -> None:
        """Print one line."""
        style = _STYLES.get(entry.what, "")
        self._console.print(
            Text.assemble((f"{entry.at_s:7.1f} s  ", "dim"), (f"{entry.what:<{WIDTH}} {entry.about}", style))
        )

    def _new_pieces(self) -> Iterator[Entry]:
        if self._saying is not None and self._saying.heard_s is not None:
            yield from self._over(self._saying)
        for piece in self._telephone.pieces[self._pieces :]:
            self._pieces += 1
            if self._live is None:
                yield Entry(piece.at_s, "hears", f"{piece.text}  ({piece.seconds:.1f} s)")
            self._saying = piece
            if piece.heard_s is not None:
                yield from self._over(piece)

    def _over(self, piece: Piece) -> Iterator[Entry]:
        self._saying = None
        cut = "" if piece.whole else f"cut short after {piece.heard_s:.1f} s"
        if self._live is not None:
            told = f"{piece.text}  ({piece.seconds:.1f} s)" if piece.whole else f"{piece.text}  ({cut})"
            yield Entry(piece.at_s, "hears", told)
        elif cut:
            yield Entry(self._telephone.now_s(), "", cut)

    def _new_events(self) -> Iterator[Entry]:
        events = evidence_of(self._rehearsal).events
        for event in events[self._events :]:
            if told := tell(event):
                yield Entry(event.at_s, *told)
        self._events = len(events)

    def _new_signs(self) -> Iterator[Entry]:
        for at_s, sign, about in self._telephone.happened[self._signs :]:
            if sign in _SIGNS:
                word, usual = _SIGNS[sign]
                yield Entry(at_s, word, self._rehearsal.full_names.get(about, about) or usual)
        self._signs = len(self._telephone.happened)

    def _now(self) -> Text:
        """The line at the bottom: what is being said, or that somebody waits for a key."""
        piece, now_s = self._saying, self._telephone.now_s()
        if piece is None or piece.heard_s is not None:
            return Text(f"{now_s:7.1f} s  keys 0-9 * #   s speaks into a recording   h hangs up", style="dim")
        share = min(1.0, (now_s - piece.at_s) / piece.seconds) if piece.seconds else 1.0
        bar = "━" * round(share * _BAR) + "╌" * (_BAR - round(share * _BAR))
        return Text(f"{now_s:7.1f} s  {'hears':<{WIDTH}} {piece.text}  {bar} {piece.seconds:.1f} s", style="grey50")

    def summary(self) -> None:
        """What came of the call."""
        found, rule = evidence_of(self._rehearsal), Text("─" * 20, style="dim")
        self._console.print(rule)
        self._told("ended", f"{found.ending or 'not on record'}, after {self._telephone.now_s():.0f} s")
        for event in found.of("menu"):
            self._told("why", why_order(event.data))
        for pop in found.pops[-1:]:
            self._told("pop", "what the agent reads:")
            for line in pop.splitlines():
                self._told("", f"  {line}")
        for number, text in found.messages:
            self._told("message", f"to {number}: {text}")
        for number, subject in found.cases:
            self._told("case", f"{number}: {subject}")
        for queue, number in found.callbacks:
            self._told("callback", f"to {number}, queue {queue}")
        for name, value in found.values.items():
            self._told("value", f"{name} = {value}")

    def _told(self, what: str, about: str) -> None:
        self._console.print(Text.assemble((f"{what:<9}", "dim"), about))
