"""Take digits from the caller into a value: what counts is in `menus.entry`, here it is asked for and told."""

from dataclasses import dataclass
from datetime import time

from ivr.call import Call
from ivr.ports import Clip
from ivr.steps.keys import answer_to, typed
from menus.entry import Keyed, Wrong, form_of, read, shown
from menus.schema import Collect, Invalid, NoInput
from menus.values import Value
from menus.walk import Input, Left, Position, Pressed

#: How often a caller may begin anew or say no to what is spoken back; silences and wrong entries are counted apart.
MOST_ROUNDS = 20


async def collect(call: Call, step: Collect, position: Position) -> Input:
    """Ask until there is a value, too many silences or too many wrong entries; star before any digit goes back."""
    form = form_of(call.edition.book, step)
    asking = _Asking(call, step, position.step)
    for _ in range(MOST_ROUNDS):
        clips, asking.before = asking.before + call.prompt(step.prompt), ()
        entry = await typed(call, clips, form, first_s=step.no_input.timeout_s, between_s=step.between_s)
        came: Input | None = None
        if entry.how is None:
            came = asking.silent()
        elif entry.how is Keyed.BACK:
            came = Pressed(form.back_key)
        elif entry.how is Keyed.ENDED:
            came = await asking.take(entry.digits)
        if came is not None:
            return came
    return Left("invalid.then")


@dataclass(slots=True)
class _Asking:
    """One visit to the step: how often nothing or something wrong was typed. Its verbs say how the step is left."""

    call: Call
    step: Collect
    name: str
    before: tuple[Clip, ...] = ()  #: said before the step asks again
    silences: int = 0
    wrongs: int = 0

    def silent(self) -> Left | None:
        """Nothing was typed."""
        self.silences += 1
        self.call.note("no_input", menu=self.name)
        self.before = self._words(self.step.no_input, self.silences)
        return Left("no_input.then") if self.silences >= self.step.no_input.tries else None

    async def take(self, digits: str) -> Left | None:
        """Something was typed: a value, if the caller says so too where they are asked."""
        value = self._read(digits)
        if isinstance(value, Wrong):
            self.wrongs += 1
            self.call.note("invalid", menu=self.name, why=value.value)
            self.before = self._words(self.step.invalid, self.wrongs)
            return Left("invalid.then") if self.wrongs >= self.step.invalid.tries else None
        into, secret = self.step.into, self.step.secret
        self.call.note("entered", step=self.name, into=into, digits=len(digits), value="" if secret else shown(value))
        if secret:
            self.call.secrets[into] = digits
            return Left("then")
        return await self._confirmed(value) if self.step.confirm is not None else Left("then", {into: value})

    async def _confirmed(self, value: Value) -> Left | None:
        """Speak the value back; only the right key takes it."""
        assert self.step.confirm is not None
        clips, seconds = self.call.prompt(self.step.confirm, **{self.step.into: value}), self.step.no_input.timeout_s
        while (key := await answer_to(self.call, self.before + clips, seconds)) is None:
            if (left := self.silent()) is not None:
                return left
        self.before = ()
        self.call.note("confirmed" if key == self.step.confirm_key else "not_confirmed", step=self.name)
        return Left("then", {self.step.into: value}) if key == self.step.confirm_key else None

    def _words(self, rule: NoInput | Invalid, count: int) -> tuple[Clip, ...]:
        return self.call.prompt(rule.prompts[min(count, len(rule.prompts)) - 1])

    def _read(self, digits: str) -> Value | Wrong:
        now, hours = self.call.local_time(), self.step.hours

        def opens_at(wished: time) -> bool:
            return hours is None or self.call.edition.hours.next_at(hours, wished, now) is not None

        return read(self.step, digits, now, opens_at=opens_at)
