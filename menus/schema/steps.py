"""The kinds of step: what a call can do, one model each. `exits` lists every way out of a step.

The file is long because it is the whole vocabulary of a book: an engineer who looks for a key looks here.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from menus.operations import OPERATIONS
from menus.schema.parts import Case, Gate, Invalid, KeyPolicy, NoInput, Option
from menus.schema.words import (
    KEYS,
    CelText,
    Given,
    Key,
    Language,
    Line,
    Name,
    Part,
    QueueName,
    Reason,
    SkillName,
    ValueName,
)


class _Step(Part):
    def exits(self) -> Mapping[str, str]:
        """Every way out: dotted place within the step → the step that follows (`cases.0.then` → `main`)."""
        return {where: target for where, target in self._exits() if target is not None}

    def _exits(self) -> Iterator[tuple[str, str | None]]:
        yield from ((name, getattr(self, name)) for name in ("then", "otherwise") if hasattr(self, name))


class Say(_Step):
    """Says something and goes on."""

    kind: Literal["say"]
    prompts: tuple[Name, ...] = Field(min_length=1)
    then: Name


class Menu(_Step):
    """Offers options and waits for a key."""

    kind: Literal["menu"]
    greeting: Name | None = None
    """Prompt before the options at the first visit."""
    greeting_again: Name | None = None
    """Shorter prompt at every later visit; nothing is said when it is left out."""
    closing: Name | None = None
    """Prompt after the options."""
    order: Literal["personal", "fixed"] = "fixed"
    keys: KeyPolicy = "stable"
    """stable: keys never move. renumber: keys follow the spoken order, complaint and agent keep theirs. shortcut: the
    likely options are offered first, then the whole menu unchanged."""
    gate: Gate | None = None
    """When options may be promoted in this menu; the book's when left out."""
    options: tuple[Option, ...] = Field(min_length=1)
    no_input: NoInput
    invalid: Invalid

    def offered(self, language: str) -> tuple[Option, ...]:
        """The options of a call in this language, in the book's order, conditions aside."""
        return tuple(option for option in self.options if option.offered_in(language))

    def keys_for(self, option: Option, language: str) -> tuple[str, ...]:
        """The keys that an option may be offered on: its own; with `keys: renumber`, those of all that may move."""
        if self.order == "fixed" or self.keys != "renumber" or option.stays:
            return (option.key,)
        return tuple(sorted({other.key for other in self.offered(language) if not other.stays}, key=KEYS.index))

    def _exits(self) -> Iterator[tuple[str, str | None]]:
        yield from ((f"options.{index}.then", option.then) for index, option in enumerate(self.options))
        yield "no_input.then", self.no_input.then
        yield "invalid.then", self.invalid.then


class SetLanguage(_Step):
    """Changes the language of the call, without a word, and goes on."""

    kind: Literal["language"]
    language: Language
    remember: bool = False
    """Whether this caller is spoken to in this language from now on, in later calls too."""
    then: Name


class Goto(_Step):
    """Goes on at the first case whose condition holds, else at `then`."""

    kind: Literal["goto"]
    cases: tuple[Case, ...] = ()
    then: Name

    def _exits(self) -> Iterator[tuple[str, str | None]]:
        yield from ((f"cases.{index}.then", case.then) for index, case in enumerate(self.cases))
        yield "then", self.then


class Set(_Step):
    """Sets values of the call, and remembers some of the caller for later calls."""

    kind: Literal["set"]
    values: Mapping[ValueName, CelText] = Field(default_factory=dict)
    """Value → expression; whole numbers, texts and true or false come out of conditions."""
    remember: Mapping[ValueName, CelText] = Field(default_factory=dict)
    """Name → expression; later calls of this caller find it as remembered.NAME, as text."""
    then: Name


class Collect(_Step):
    """Takes digits from the caller into a value."""

    kind: Literal["collect"]
    into: ValueName
    prompt: Name
    """What to type."""
    type: Literal["digits", "number", "money", "date", "time"] = "digits"
    """money: star is the decimal point. date: day and month, or year, month and day. time: hours and minutes."""
    least: int = Field(default=1, ge=1, le=30)
    """Fewest digits."""
    most: int = Field(default=20, ge=1, le=30)
    """Most digits; the last one ends the entry."""
    finish_key: Key = "#"
    """Ends the entry early."""
    between_s: float = Field(default=3, ge=1, le=20)
    """Seconds of silence after a digit that end the entry."""
    check: Literal["luhn", "iban", "future", "past", "in_hours"] | None = None
    """luhn: card numbers. iban: mod 97 of the digits. future, past: of dates. in_hours: of times, see `hours`."""
    hours: ValueName | None = None
    """Opening hours of the calendar that a time must lie in, with check: in_hours."""
    smallest: int | None = None
    """Smallest number, or amount in whole units."""
    largest: int | None = None
    """Largest number, or amount in whole units."""
    secret: bool = False
    """Never kept with the call, spoken, logged or shown."""
    confirm: Name | None = None
    """Prompt that speaks the value back, as in {account:groups}; then confirm_key takes it, any other asks again."""
    confirm_key: Key = "1"
    no_input: NoInput
    invalid: Invalid
    then: Name

    def _exits(self) -> Iterator[tuple[str, str | None]]:
        yield "then", self.then
        yield "no_input.then", self.no_input.then
        yield "invalid.then", self.invalid.then


class Verify(_Step):
    """Finds out whether the caller is the customer. Says nothing about which part was wrong."""

    kind: Literal["verify"]
    by: Literal["pin", "card_birthday"] = "pin"
    ask_customer: Name
    """Asks for the card number: with `pin` only when the caller's number does not tell the customer."""
    ask_secret: Name
    """Asks for the PIN, or for the birthday as year, month and day."""
    digits: int = Field(default=6, ge=4, le=12)
    """How many digits a PIN has; the last one ends the entry."""
    wrong: Name
    """Said after an attempt that failed."""
    tries: int = Field(default=3, ge=1, le=9)
    """Attempts in this call; those of all calls count towards the lock-out."""
    then: Name
    otherwise: Name
    """After the last failed attempt, when nothing is typed, or when the bank cannot be asked."""
    locked: Name
    """When this customer or this number has failed too often lately."""

    def _exits(self) -> Iterator[tuple[str, str | None]]:
        yield from (("then", self.then), ("otherwise", self.otherwise), ("locked", self.locked))


class Transact(_Step):
    """Lets the bank do something for the verified caller."""

    kind: Literal["transact"]
    do: str = Field(json_schema_extra={"enum": list[JsonValue](sorted(OPERATIONS))})
    """Which operation; docs/menus.md lists them with their parameters and results."""
    given: Mapping[ValueName, Given] = Field(default_factory=dict)
    """Parameter of the operation → value of the call, or a whole number."""
    confirm: Name | None = None
    """Prompt before something is changed: confirm_key carries it out, any other key or silence goes to `cancelled`."""
    confirm_key: Key = "1"
    cancelled: Name | None = None
    wait: Name | None = None
    """Said while the bank works, if it takes longer than a second."""
    say: tuple[Name, ...] = ()
    """Said when it is done; the operation's results are values."""
    each: Mapping[str, Name] = Field(default_factory=dict)
    """Kind of row → prompt that is said for each, as in {date:date}, {amount:money}."""
    most: int = Field(default=5, ge=1, le=10)
    """How many rows are said."""
    then: Name
    refused: Mapping[str, Name] = Field(default_factory=dict)
    """The bank's word for no → the step that follows; other words go to `otherwise`."""
    otherwise: Name
    """When the bank says no or cannot be asked in time."""

    def _exits(self) -> Iterator[tuple[str, str | None]]:
        yield from (("then", self.then), ("otherwise", self.otherwise), ("cancelled", self.cancelled))
        yield from ((f"refused.{word}", target) for word, target in self.refused.items())


class Send(_Step):
    """Sends a text message."""

    kind: Literal["message"]
    template: Name
    to: Literal["caller", "customer"] = "caller"
    """The number that calls, or the verified customer's own mobile number."""
    then: Name
    otherwise: Name
    """When there is no number, or the receiver wants no messages."""


class Record(_Step):
    """Records what the caller says."""

    kind: Literal["record"]
    into: ValueName = "recording"
    purpose: Literal["voicemail", "complaint", "comment"]
    prompt: Name
    """What to say after the tone."""
    longest_s: float = Field(default=120, ge=5, le=600)
    silence_s: float = Field(default=4, ge=2, le=20)
    """Silence that ends the recording."""
    least_s: float = Field(default=2, ge=0.5, le=10)
    """Shorter recordings count as nothing said."""
    review: Name | None = None
    """Asks whether to keep it; key 1 keeps it, 2 plays it, 3 records anew."""
    then: Name
    otherwise: Name
    """When nothing was said."""


class OpenCase(_Step):
    """Opens a case for a complaint and gives it a number: values case_number (digits) and case_due (date)."""

    kind: Literal["case"]
    subject: Reason
    tier: int = Field(default=1, ge=1, le=5)
    """At least this tier of queues.yaml, 1 the lowest; rules and open cases bring it up."""
    severity: ValueName | None = None
    """The value that says how severe it is: low, medium or high."""
    about: ValueName | None = None
    """The value that says what it is about, as in card_fraud."""
    against: ValueName | None = None
    """last_agent: the complaint is about the agent whom the caller talked to last, who never gets it. Or the value that
    says so, when it is the text last_agent."""
    recording: ValueName | None = None
    """The recording that states it."""
    due_days: int = Field(default=5, ge=1, le=60)
    """Days until it must be answered."""
    then: Name
    otherwise: Name
    """When it could not be stored."""


class Callback(_Step):
    """Takes the wish to be called back. Values afterwards: callback_on (date) and callback_at (time)."""

    kind: Literal["callback"]
    queue: QueueName
    reason: Reason
    time: Literal["now", "keep_place", "at"] = "now"
    """now: as soon as an agent is free. keep_place: when it would have been the caller's turn in the queue they come
    from, with the same need. at: at the time in `at`."""
    as_queued: bool = False
    """The need is that of the queue which the caller has left last in this call: its queue, reason, skills, tier and
    priority, with time: now its place too. What this step says holds for callers who come from no queue."""
    at: ValueName | None = None
    """The value with the wished time of day: the next one that lies in `hours`."""
    hours: ValueName | None = None
    """Opening hours of the calendar that the call must lie in."""
    number: ValueName | None = None
    """The value with another number; the caller's own when left out."""
    needs: Mapping[SkillName, Annotated[int, Field(ge=1, le=10)]] = Field(default_factory=dict)
    tier: int = Field(default=1, ge=1, le=5)
    severity: ValueName | None = None
    about: ValueName | None = None
    against: ValueName | None = None
    """Complaints: last_agent when it is about the agent whom the caller talked to last, who never gets it; or the value
    that says so, when it is the text last_agent."""
    then: Name
    otherwise: Name
    """When there is no number that may be called, no such time, or it could not be stored."""


class Question(Part):
    """One question of a survey."""

    id: Name
    ask: Literal["csat", "nps", "yes_no", "comment"]
    """csat: 1 to 5. nps: 0 to 10. yes_no: 1 or 2. comment: recorded."""
    prompt: Name


class Survey(_Step):
    """Asks how it was. Whoever presses nothing is not asked further."""

    kind: Literal["survey"]
    questions: tuple[Question, ...] = Field(min_length=1, max_length=5)
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of calls that are asked."""
    again_after_days: int = Field(default=30, ge=0, le=365)
    """Callers who answered within so many days are not asked."""
    thanks: Name | None = None
    then: Name


class Matters(_Step):
    """Tells a caller what is open and offers to go on with it: a case, a missed callback, a call of late."""

    kind: Literal["matters"]
    key: Key = "1"
    """Takes the offer; silence or any other key goes on at `then`."""
    case: Name | None = None
    """Prompt for callers with an open case; names nothing, as nobody is verified yet."""
    case_then: Name | None = None
    callback: Name | None = None
    """Prompt for callers whom we called back in vain."""
    callback_then: Name | None = None
    repeat: Name | None = None
    """Prompt for callers who called within `repeat_hours`, before verification."""
    repeat_named: Mapping[str, Name] = Field(default_factory=dict)
    """Task of the last call → prompt that names it; said only to verified callers."""
    repeat_hours: int = Field(default=24, ge=1, le=168)
    timeout_s: float = Field(default=3, ge=1, le=20)
    then: Name

    def _exits(self) -> Iterator[tuple[str, str | None]]:
        yield from (("then", self.then), ("case_then", self.case_then), ("callback_then", self.callback_then))


class Way(Part):
    """A way out of a queue, offered to those who wait."""

    key: Key
    prompt: Name
    """Said from time to time while they wait."""
    after_s: float = Field(default=30, ge=0, le=3600)
    """Not before so many seconds of waiting; the key works from the first second."""
    when: CelText | None = None
    """Offered only while this condition holds."""
    then: Name


class Route(_Step):
    """Asks for an agent and waits."""

    kind: Literal["route"]
    queue: QueueName
    reason: Reason
    """What the agent reads."""
    needs: Mapping[SkillName, Annotated[int, Field(ge=1, le=10)]] = Field(default_factory=dict)
    """Skill and the least level of it."""
    tier: int = Field(default=1, ge=1, le=5)
    """Complaints: at least this tier of queues.yaml, 1 the lowest; rules and open cases bring it up."""
    severity: ValueName | None = None
    """Complaints: the value that says how severe it is: low, medium or high."""
    about: ValueName | None = None
    """Complaints: the value that says what it is about, as in card_fraud."""
    against: ValueName | None = None
    """Complaints: last_agent when it is about the agent whom the caller talked to last, who never gets it; or the value
    that says so, when it is the text last_agent."""
    most_level: int | None = Field(default=None, ge=1, le=9)
    """A simple enquiry: agents with at most this level of the skills asked for are asked first, others as soon as none
    of them is free. The queue's own when left out."""
    credit_minutes: float = Field(default=0, ge=0, le=120)
    """Priority, as minutes of waiting granted in advance."""
    ways: tuple[Way, ...] = Field(default=(), max_length=4)
    """Ways out of the queue by key, such as to a callback or a voicemail."""
    then: Name
    """After the conversation."""
    otherwise: Name
    """When nobody came within the queue's limit."""

    def _exits(self) -> Iterator[tuple[str, str | None]]:
        yield from (("then", self.then), ("otherwise", self.otherwise))
        yield from ((f"ways.{index}.then", way.then) for index, way in enumerate(self.ways))


class Transfer(_Step):
    """Connects the caller to an outside number of the book's `numbers`."""

    kind: Literal["transfer"]
    to: Name
    ring_s: float = Field(default=30, ge=5, le=120)
    then: Name
    """After the conversation."""
    otherwise: Name
    """When nobody answered."""


class Dip(_Step):
    """Asks another system by HTTP, JSON out and in."""

    kind: Literal["dip"]
    url: Line
    """Must begin with an address of the settings' `webhooks.allow`."""
    send: Mapping[ValueName, CelText] = Field(default_factory=dict)
    """Field of the request → expression. With `method: get` they become the query."""
    method: Literal["get", "post"] = "post"
    into: Mapping[ValueName, Literal["number", "digits", "text", "yes_no", "money", "date"]] = Field(
        default_factory=dict
    )
    """Field of the answer → kind of value that it becomes; a field that is missing or of another kind is a failure."""
    deadline_s: float = Field(default=0.3, gt=0, le=5)
    """Seconds for everything, retries included; the caller hears nothing meanwhile."""
    retries: int = Field(default=0, ge=0, le=3)
    then: Name
    otherwise: Name
    """When there is no good answer in time."""


class Goodbye(_Step):
    """Says something and ends the call."""

    kind: Literal["goodbye"]
    prompts: tuple[Name, ...] = ()
    because: Literal["goodbye", "self_service", "no_input", "no_agents", "callback", "message"] = "goodbye"
    """Why the call ends here, for the records."""


AnyStep = (
    Say | Menu | SetLanguage | Goto | Set | Collect | Verify | Transact | Send | Record | OpenCase | Callback | Survey
    | Matters | Route | Transfer | Dip | Goodbye
)  # fmt: skip
Step = Annotated[AnyStep, Field(discriminator="kind")]
