"""The contract of scenario files: callers, agents, and calls told step by step. One to one with the YAML.

`python -m ivr.rehearsal` prints the JSON Schema that editors use (config/menus/tests/scenarios.schema.json).
The file is long because it is the whole vocabulary of a scenario: an engineer who looks for a key looks here.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from menus.schema.words import Language, Line, Name, Part, QueueName, SkillName, TaskName, ValueName

_DAY = re.compile(r"\d{4}-\d\d-\d\d|[+-]\d{1,4} days?|today")
_KEYS = re.compile(r"[0-9*#]{1,60}")
_SECONDS = re.compile(r"(\d{1,4}(?:\.\d{1,2})?) ?(s|min)?")


def _day(written: str) -> str:
    if not _DAY.fullmatch(written):
        raise ValueError(f"{written!r} is no day; write 2026-12-24, today, +20 days or -3 days")
    if written[0].isdigit():
        date.fromisoformat(written)
    return written


def _keys(written: str) -> str:
    keys = re.sub(r"\s", "", written)
    if not _KEYS.fullmatch(keys):
        raise ValueError(f"{written[:20]!r} are no telephone keys; write 0 to 9, * and # in quotes, as in '1234#'")
    return keys


def _seconds(written: str) -> str:
    if not _SECONDS.fullmatch(written):
        raise ValueError(f"{written[:20]!r} is no time; write seconds, as in 7, 7.5s or 2min")
    return written


def _moment(written: str) -> str:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{written[:30]!r} is no time; write it as 2026-12-01T09:30") from None
    if moment.tzinfo is not None or "T" not in written:
        raise ValueError(f"{written[:30]!r}: write day and local time of the book, as in 2026-12-01T09:30")
    return written


def _number(written: str) -> str:
    if written != "withheld" and not re.fullmatch(r"\+[1-9][0-9]{6,14}", written):
        raise ValueError(f"{written!r} does not fit; write the whole number with +, as in +8613800000001, or withheld")
    return written


def _dip(written: str) -> str:
    if written in ("late", "broken"):
        return written
    try:
        answer = json.loads(written)
    except ValueError as fault:
        advice = "write late, broken, or the answer as JSON in quotes, as in '{\"tier\": 2}'"
        raise ValueError(f"{advice}: {fault}") from None
    if not isinstance(answer, dict):
        raise ValueError("an answer is a JSON object in braces")
    return written


Day = Annotated[str, AfterValidator(_day)]
Keys = Annotated[str, AfterValidator(_keys), WithJsonSchema({"type": ["string", "integer"]})]
Seconds = Annotated[str, AfterValidator(_seconds), WithJsonSchema({"type": ["string", "number"]})]
Moment = Annotated[str, AfterValidator(_moment)]
Number = Annotated[str, AfterValidator(_number)]
Said = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,30}$")]


def day_of(written: str, today: date) -> date:
    """The day that is meant by `2026-12-24`, `today`, `+20 days` or `-3 days`."""
    if written == "today":
        return today
    if written[0] in "+-":
        return today + timedelta(days=int(written.split()[0]))
    return date.fromisoformat(written)


def seconds_of(written: str) -> float:
    """The time that is meant by `7`, `7.5s` or `2min`."""
    number, _, minutes = written.removesuffix("s").replace("min", " min").partition(" ")
    return float(number) * (60 if "min" in minutes else 1)


class Product(Part):
    """A product that a customer holds."""

    kind: Line
    """current_account, savings, credit_card, loan, instalment, insurance …"""
    name: Line = ""
    balance: float = 0
    """In whole units of the currency."""
    currency: Line = "CNY"
    account: Digits | None = None
    """The number under which it can be paid to."""
    key_date: Line | None = None
    """What is due: card_expiry, instalment_due, premium_due, contract_end."""
    key_on: Day | None = None
    """When it is due."""


class Card(Part):
    """A bank card."""

    number: Digits
    blocked: bool = False
    limit: float = 20000
    limit_most: float = 50000
    """What the limit may be set to without asking."""
    used: float = 0


class Plan(Part):
    """A running instalment plan."""

    amount: float
    remaining: int = Field(ge=0)
    next_on: Day


class OpenCase(Part):
    """A complaint that is being handled."""

    subject: Line
    number: Line = ""
    tier: int = Field(default=1, ge=1, le=3)
    opened: Day = "-2 days"
    due: Day | None = None
    severity: Literal["low", "medium", "high"] | None = None
    about: TaskName | None = None
    """What it is about, as in card_fraud."""


class Habit(Part):
    """Something that the customer did once in each of the last months, as in {task: transfer, day: 1, months: 8}."""

    task: TaskName
    day: int = Field(ge=1, le=28)
    """Day of the month."""
    months: int = Field(default=8, ge=1, le=18)
    hour: int = Field(default=10, ge=0, le=23)


class EarlierCall(Part):
    """A call of this number in the last days."""

    hours_ago: float = Field(gt=0, le=168)
    task: TaskName | None = None
    """The last task chosen in it."""
    step: Name | None = None
    """Where in the book it stood last."""
    result: Literal["served", "left", "diverted", "failed"] = "served"


class Caller(Part):
    """Somebody who calls. Whoever has a `name` is a customer of the bank; two customers may have one number."""

    number: Number = "withheld"
    """E.164, or withheld."""
    name: Line | None = None
    """Of the customer; without one the number belongs to nobody we know."""
    language: Language | None = None
    segment: Line = "mass"
    value_yearly: float = 0
    """What the customer is worth in a year, in whole units."""
    churn_risk: float = Field(default=0, ge=0, le=1)
    since: Day = "-3000 days"
    agent: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]*$")] | None = None
    """Sign-in name of the agent who looks after the customer."""
    products: tuple[Product, ...] = ()
    pin: Digits | None = None
    birthday: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    cards: tuple[Card, ...] = ()
    points: int = Field(default=0, ge=0)
    instalment: Plan | None = None
    key_dates: Mapping[Line, Day] = Field(default_factory=dict)
    """card_expiry, instalment_due, premium_due, contract_end → day."""
    life_events: Mapping[Line, Day] = Field(default_factory=dict)
    """moving_house, new_car, marriage, child, retirement, bereavement, disaster → day."""
    open_cases: tuple[OpenCase, ...] = ()
    habits: tuple[Habit, ...] = ()
    recent_calls: tuple[EarlierCall, ...] = ()
    missed_callback: bool = False
    """We called this number back of late, and nobody answered."""
    opted_out: bool = False
    """Wants no text messages."""
    remembers: Mapping[ValueName, Line] = Field(default_factory=dict)
    """What `set` steps of earlier calls kept."""


class Agent(Part):
    """Somebody who takes calls."""

    full_name: Line | None = None
    skills: Mapping[SkillName, Annotated[int, Field(ge=1, le=10)]] | None = None
    """Skill → level; every skill that the book asks for, at level 10, when left out."""
    answers: bool = True
    """Whether the phone is answered; one that is not rings until the queue's `ring_s` is over."""
    comes_after: Seconds = "0s"
    """Seconds of the call until this agent is there."""
    talks: Seconds = "10s"


class Crowd(Part):
    """Others in every queue, while the caller waits there."""

    ahead: int = Field(default=0, ge=0, le=200)
    """Callers who came before; the first is served when the first agent is free."""
    at_work: int = Field(default=4, ge=1, le=200)
    """Agents of each queue who talk to others for the whole call."""
    talks: Seconds = "4min"
    """How long their conversations take with the wrap-up."""


class Step(Part):
    """One thing that must happen in the call, or that the caller does. Exactly one of the keys down to `ends`."""

    hears: Said | None = None
    """A prompt, an option (main.transfer) or words of the book; what is said before it is passed over."""
    next: Said | None = None
    """As `hears`, but it must be the very next thing that is said."""
    never_hears: Said | None = None
    """Must not be said from here to the end of the call."""
    presses: Keys | None = None
    """Keys, one after the other. At once, or with `while` during that prompt."""
    says: Seconds | None = None
    """Speaks that long once the tone for a recording has come."""
    waits: Seconds | None = None
    """Does nothing for so long; what is said meanwhile is passed over."""
    hangs_up: bool | None = None
    """Leaves. At once, or with `while` during that prompt."""
    reaches: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(/[a-z0-9][a-z0-9._@-]*)?$")] | None = None
    """QUEUE: waits in that queue. QUEUE/AGENT: talks to that agent."""
    first_option: Name | None = None
    """The option that is spoken first in the menu that follows the last act."""
    options: tuple[Name, ...] | None = None
    """All options of that menu, in the order in which they are spoken."""
    pop_shows: tuple[Said, ...] | None = None
    """Words that must stand in the agent's pop."""
    message_contains: Said | None = None
    """Words of a text message that was sent in this call."""
    case_opened: Said | None = None
    """Subject of a case that was opened in this call, or a part of it."""
    callback: QueueName | None = None
    """Queue that a callback was asked for in this call."""
    value: Mapping[ValueName, Said] | None = None
    """Values of the call, as text: 1234, 150.00, 2026-12-24, 14:30, true."""
    ends: Annotated[str, StringConstraints(pattern=r"^[a-z]+(/[a-z_]+)?$")] | None = None
    """How the call ends: result or result/reason, as in served/self_service."""
    while_: Said | None = Field(default=None, alias="while")
    """With `presses` and `hangs_up`: the prompt, option or words during which it is done."""
    within_s: float | None = Field(default=None, gt=0, le=3600)
    """Must be so within this many seconds of the caller's last act, or of the beginning."""

    @property
    def kind(self) -> str:
        """Which of the keys it is."""
        return next(name for name in STEP_KINDS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_thing(self) -> "Step":
        given = [name for name in STEP_KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            what = " and ".join(given) or "none of them"
            raise ValueError(f"a step is one thing ({', '.join(STEP_KINDS)}); here: {what}")
        if self.while_ is not None and given[0] not in ("presses", "hangs_up"):
            raise ValueError(f"while goes with presses and hangs_up, not with {given[0]}")
        if self.within_s is not None and given[0] in (*ACTS, "never_hears"):
            raise ValueError(f"within_s goes with what must happen, not with {given[0]}")
        if self.hangs_up is False:
            raise ValueError("hangs_up is true, or left out")
        return self


#: What the caller does.
ACTS = ("presses", "says", "waits", "hangs_up")
#: Every kind of step.
STEP_KINDS = (
    "hears", "next", "never_hears", *ACTS, "reaches", "first_option", "options", "pop_shows", "message_contains",
    "case_opened", "callback", "value", "ends",
)  # fmt: skip


class Scenario(Part):
    """One call, and what must happen in it."""

    name: Annotated[str, StringConstraints(min_length=5, max_length=120)]
    """A sentence: what is expected of whom."""
    caller: Name | None = None
    """One of `callers`; somebody with a withheld number when left out."""
    at: Moment = "2026-12-01T09:30"
    """Local time of the book."""
    dial: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{1,20}$")] = "95599"
    """The number that is dialled."""
    lang: Language | None = None
    """Language that this caller has chosen to keep."""
    agents: Literal["none"] | tuple[Name, ...] | None = None
    """Who is there: names out of `agents`, or none; everybody when left out."""
    crowd: Crowd | None = None
    """Others who wait and are served; nobody when left out."""
    outside: Literal["answers", "busy", "no_answer"] = "answers"
    """What comes of calls to outside numbers."""
    dips: Mapping[Said, Annotated[str, AfterValidator(_dip)]] = Field(default_factory=dict)
    """Address that a dip step asks → its answer as JSON in quotes, or late, or broken."""
    live: bool = False
    """Whether `make test` plays it on a real Asterisk too."""
    steps: tuple[Step, ...] = ()
    """What happens and what is done, in order."""


class ScenarioFile(Part):
    """Mystery callers of a menu book."""

    version: int = Field(ge=1, le=1)
    """Of this file format: 1."""
    callers: Mapping[Name, Caller] = Field(default_factory=dict)
    agents: Mapping[Name, Agent] = Field(default_factory=dict)
    """Who takes calls; one agent called `anybody`, who can everything, when left out."""
    scenarios: tuple[Scenario, ...] = ()


def schema_text() -> str:
    """The JSON Schema of a scenario file, for editors."""
    schema = ScenarioFile.model_json_schema(by_alias=True)
    schema["examples"] = [EXAMPLE]
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


#: Stands in the JSON Schema.
EXAMPLE = {
    "version": 1,
    "callers": {
        "li_na": {
            "number": "+8613800000001",
            "name": "Li Na",
            "language": "en",
            "habits": [{"task": "transfer", "day": 1, "months": 8}],
        }
    },
    "scenarios": [
        {
            "name": "Who transfers on the first of the month hears transfer first on that day",
            "caller": "li_na",
            "at": "2026-12-01T09:30",
            "steps": [
                {"hears": "welcome"},
                {"first_option": "transfer"},
                {"presses": "2", "while": "main.transfer"},
                {"reaches": "payments/anybody", "within_s": 30},
                {"pop_shows": ["Li Na"]},
                {"ends": "served/agent"},
            ],
        }
    ],
}
