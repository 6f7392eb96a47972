"""Cases that are not answered alarm before their deadline passes: log, figures, text messages; each alarm once."""

from collections import Counter
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ivr.complaints import Complaints
from ivr.ports import Clock
from ivr.rounds import rounds
from menus.hours import Hours
from models.case_work import CaseWork
from routing.deadlines import PASSED, Progress, reached
from routing.errands import CaseFile, TextMessage

log = structlog.get_logger()

#: Seconds between two looks at the deadlines.
LOOK_EVERY_S = 20.0

_TEXTS = {
    "en": {
        True: "Case {number} (tier {tier}, {who}) is overdue since {due}.",
        False: "Case {number} (tier {tier}, {who}) is due {due}.",
        None: "nobody",
    },
    "zh": {
        True: "投诉 {number}（{tier} 级，处理人：{who}）已于 {due} 逾期。",
        False: "投诉 {number}（{tier} 级，处理人：{who}）须于 {due} 前答复。",
        None: "无",
    },
}


class CaseAlarms:
    """Looks at the deadlines of open cases; of all nodes exactly one tells each alarm."""

    def __init__(
        self,
        work: CaseWork,
        rules: Complaints,
        hours: Hours,
        clock: Clock,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._work, self._rules, self._hours = work, rules, hours
        self._clock = clock
        self.told: Counter[str] = Counter()  #: alarms of this node, by kind: share, before, passed
        self.overdue = self.open = 0
        if registry is not None:
            registry.register(self)

    async def run(self) -> None:
        """Look until cancelled."""
        await rounds(
            self.look,
            lambda: self._clock.sleep(LOOK_EVERY_S),
            away="the store is away; deadlines of cases are looked at later",
            failed="the deadlines of cases could not be looked at",
        )

    async def look(self) -> int:
        """Tell the alarms that have come due; how many. Raises StoreAway."""
        now = self._clock.now()
        cases = await self._work.unfinished()
        self.open, self.overdue = len(cases), sum(case.due_at is not None and case.due_at < now for case in cases)
        told, known = 0, await self._work.told_alarms() if cases else {}
        for case in cases:
            due = self.reached(case, now)
            if set(due) <= known.get(case.id, frozenset()):
                continue  # nothing is new: nothing is written
            texts = {alarm: self._texts(case, alarm, now) for alarm in due}
            new = await self._work.take_alarms(case, due, now=now, texts=texts)
            if new:  # of several that came due at once the most urgent is told
                self._tell(case, new[-1])
                told += 1
        return told

    def reached(self, case: CaseFile, now: float) -> tuple[str, ...]:
        """The alarms that a case has reached."""
        alarms = self._rules.alarms
        return reached(self.progress(case, now), alarms.shares, [hours * 3600 for hours in alarms.hours_before])

    def progress(self, case: CaseFile, now: float) -> Progress:
        """How far a case is on its way to its deadline, in working time."""
        due_at = case.due_at if case.due_at is not None else now
        return Progress(self._worked_s(case.opened_at, now), self._worked_s(now, due_at), now >= due_at)

    def _worked_s(self, since: float, until: float) -> float:
        if until <= since:
            return 0.0
        if self._rules.hours is None:
            return until - since
        zone = self._hours.zone
        return self._hours.worked_s(
            self._rules.hours, datetime.fromtimestamp(since, zone), datetime.fromtimestamp(until, zone)
        )

    def _tell(self, case: CaseFile, alarm: str) -> None:
        passed = alarm == PASSED
        self.told[alarm.partition(":")[0]] += 1
        tell = log.error if passed else log.warning
        tell("a case is overdue" if passed else "a case is due soon", case=case.number, tier=case.tier, alarm=alarm,
             handler=case.handler)  # fmt: skip

    def _texts(self, case: CaseFile, alarm: str, now: float) -> tuple[TextMessage, ...]:
        """The text messages of an alarm."""
        words = _TEXTS[self._rules.alarms.language]
        due = datetime.fromtimestamp(case.due_at or now, self._hours.zone)
        who = case.handler or words[None]
        text = words[alarm == PASSED].format(number=case.number, tier=case.tier, who=who, due=f"{due:%Y-%m-%d %H:%M}")
        key = f"case:{case.number}:{alarm}:{case.due_at}"
        return tuple(
            TextMessage(number, text, f"{key}:{number}", template="case_alarm") for number in self._rules.alarms.send_to
        )

    def collect(self) -> "tuple[CounterMetricFamily, GaugeMetricFamily, GaugeMetricFamily]":
        """Every figure, as prometheus_client asks for them."""
        alarms = CounterMetricFamily("ringwise_case_alarms", "Alarms of cases that this node told", labels=["alarm"])
        for alarm, count in self.told.items():
            alarms.add_metric([alarm], count)
        return (
            alarms,
            GaugeMetricFamily("ringwise_cases_open", "Open cases with a deadline", value=self.open),
            GaugeMetricFamily("ringwise_cases_overdue", "Open cases whose deadline has passed", value=self.overdue),
        )
