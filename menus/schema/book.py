"""The menu book as a whole: lines that are dialled, calendar, words, prompts and steps."""

import json
from collections.abc import Mapping
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from menus.schema.examples import with_examples
from menus.schema.parts import Gate, Prompt, Template
from menus.schema.steps import Step
from menus.schema.words import (
    DialledNumber,
    Key,
    Language,
    Line,
    Name,
    Part,
    PhoneNumber,
    Phrase,
    TaskName,
    TimeZone,
    ValueName,
)


class Waiting(Part):
    """What is said to callers who wait for an agent."""

    hold: Name
    """At once: please hold."""
    position: Name
    """Has the slot {position:number}."""
    still: Name
    """From time to time."""
    less_than: Name | None = None
    """The expected wait, for queues that announce it: less than {most:count} minutes."""
    between: Name | None = None
    """From {least:count} to {most:count} minutes."""
    more_than: Name | None = None
    """More than {least:count} minutes."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({self.less_than is None, self.between is None, self.more_than is None}) > 1:
            raise ValueError("`less_than`, `between` and `more_than` go together")
        return self


class CallingBack(Part):
    """What a customer hears whom we call back. Without this part nobody is called, and `callback` steps go on at
    `otherwise`."""

    greeting: Name
    """Who calls and which key connects. Said twice at most; names nothing, as nobody knows who has picked up."""
    connect_key: Key = "1"
    """Connects: so no agent talks to an answering machine."""
    timeout_s: float = Field(default=6, ge=2, le=20)
    """Seconds of silence after the greeting."""
    then: Name
    """After the conversation."""
    otherwise: Name
    """When no agent came within the queue's limit after all; the customer is called again later."""


class Recorded(Part):
    """What callers hear of their conversation being recorded, in queues that say `recording:`."""

    announced: Name | None = None
    """Prompt of queues that announce it: the conversation is recorded."""
    asked: Name | None = None
    """Prompt of queues that ask: which key agrees. Any other key, or none, and nothing is recorded."""
    agree_key: Key = "1"
    """Agrees to the recording."""
    timeout_s: float = Field(default=4, ge=1, le=20)
    """Seconds of silence after the question."""


class ServiceLevel(Part):
    """What is promised to the callers of a line: this share is answered within so many seconds."""

    share: float = Field(default=0.8, gt=0, le=1)
    within_s: float = Field(default=20, gt=0, le=3600)


class Entry(Part):
    """A line that can be dialled, with a beginning of its own."""

    numbers: tuple[DialledNumber, ...] = Field(min_length=1)
    """Numbers as they are dialled; one that ends in * stands for all that begin so. The longest match wins."""
    then: Name
    """The step that its calls begin with."""
    campaign: Line | None = None
    """Name of the campaign that the number was printed for; calls are counted by it."""
    language: Language | None = None
    """Language of callers whose own is not known; the book's first when left out."""
    credit_minutes: float = Field(default=0, ge=0, le=120)
    """Priority of its callers in every queue, as minutes of waiting granted in advance."""
    service_level: ServiceLevel | None = None
    """What is promised to its callers; `within_s` is their goal in every queue where that is shorter than the queue's.
    `ivr entries` tells what was kept."""


class Calendar(Part):
    """When somebody is there. Times are those of the book's time zone."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    """Whose public holidays `PH` stands for, as in CN."""
    subdivision: Line | None = None
    """Region within the country, as in BY, if holidays differ by region."""
    special_days: Mapping[str, Line] = Field(default_factory=dict)
    """Date → what it is, as in 2026-12-24: Christmas Eve; conditions find it as calendar.special, hours as closed
    unless they name the date themselves."""
    hours: Mapping[ValueName, Line] = Field(default_factory=dict)
    """Name → opening hours as OpenStreetMap writes them, as in Mo-Fr 08:00-20:00; Sa 09:00-17:00; PH off."""


class MenuBook(Part):
    """Everything that callers hear and can choose."""

    version: int = Field(ge=1, le=1)
    """Of this file format: 1."""
    name: Line
    time_zone: TimeZone
    languages: tuple[Language, ...] = Field(min_length=1)
    """The first is spoken to callers whose language is not known."""
    entry: Name
    """The step that calls begin with whose number no entry of `entries` names."""
    entries: Mapping[Name, Entry] = Field(default_factory=dict)
    """Lines with a beginning of their own, by name."""
    calendar: Calendar = Calendar()
    option_phrase: Mapping[Language, Phrase]
    back_key: Key = "*"
    repeat_key: Key = "#"
    freeze_key: Key | None = None
    """Keeps the menu in which it is pressed as this caller hears it, in later calls too, until it is pressed there
    again; `frozen` and `unfrozen` say so."""
    frozen: Name | None = None
    unfrozen: Name | None = None
    heard_within_s: float = Field(default=45, gt=0)
    """Complaint and agent are spoken within this many seconds of the top menu, in whatever order."""
    gate: Gate = Gate()
    waiting: Waiting
    calling_back: CallingBack | None = None
    recorded: Recorded | None = None
    segments: tuple[Line, ...] = ()
    """Segments of customers that options may be promoted for."""
    tasks: Mapping[TaskName, Mapping[Language, Line]]
    """What callers come for, each with what an agent reads of someone who does it: transfers money."""
    numbers: Mapping[Name, PhoneNumber] = Field(default_factory=dict)
    """Outside numbers that callers may be connected to; the settings' `outbound.allow` must permit each."""
    templates: Mapping[Name, Template] = Field(default_factory=dict)
    """Text messages."""
    prompts: Mapping[Name, Prompt]
    steps: Mapping[Name, Step]

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that months and days are counted in."""
        return ZoneInfo(self.time_zone)

    @property
    def beginnings(self) -> Mapping[str, str]:
        """Every entry and the step that its calls begin with; the book's own entry is called ``""``."""
        return {"": self.entry, **{name: entry.then for name, entry in self.entries.items()}}

    def entry_for(self, dnis: str) -> str:
        """The name of the entry that a dialled number belongs to; empty when none does.

        The longest match wins, and of two as long the whole number before the one with a star.
        """
        found = (-1, False, "")
        for name, entry in self.entries.items():
            for number in entry.numbers:
                written = number.removesuffix("*")
                whole = number == written
                if dnis == written if whole else dnis.startswith(written):
                    found = max(found, (len(written), whole, name), key=lambda one: one[:2])
        return found[2]

    def begin_for(self, dnis: str) -> str:
        """The step that calls to a dialled number begin with."""
        return self.beginnings[self.entry_for(dnis)]


def schema_text() -> str:
    """The JSON Schema of one file of a book, for editors. A file may hold any part of the book."""
    schema = with_examples(MenuBook.model_json_schema())
    schema.pop("required", None)
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
