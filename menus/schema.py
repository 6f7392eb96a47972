"""The contract of the menu book: pydantic models one to one with the YAML files.

`python -m menus.schema` prints the JSON Schema that editors use (config/menus/book.schema.json).
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from menus.prompt_text import segments

AGENT_TASK = "agent"  #: task of the option that leads to a person, whatever the matter
COMPLAINT_TASK = "complaint"

_KEYS = {**{digit: digit for digit in "0123456789*#"}, "star": "*", "pound": "#", "hash": "#"}


def _key(written: object) -> str:
    key = _KEYS.get(str(written))
    if key is None:
        raise ValueError(f"{str(written)[:20]!r} is not a telephone key; write 0 to 9, star or pound")
    return key


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"no time zone is called {name!r}; write a name such as Asia/Shanghai") from None
    return name


def _speakable(text: str) -> str:
    if not segments(text):
        raise ValueError("there is nothing to say in this text")
    return text


def _plain(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError("a label has no slots; braces stand only in prompts")
    return _speakable(text)


def _phrase(text: str) -> str:
    if text.count("{label}") != 1 or text.count("{key}") != 1 or text.count("{") != 2 or text.count("}") != 2:
        raise ValueError("the phrase names {label} and {key}, each once, as in: For {label}, press {key}.")
    return text


def _fits(pattern: str, advice: str) -> Callable[[str], str]:
    def fits(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text[:40]!r} does not fit; {advice}")
        return text

    return fits


def _pattern(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})


_NAME, _FILE_NAME, _LANGUAGE = r"[a-z][a-z0-9_-]{0,62}", r"[a-z0-9_-]{1,64}", r"[a-z]{2}"
_TASK, _QUEUE = r"[a-z][a-z0-9_-]{0,31}", r"[a-z][a-z0-9_]{0,47}"
SKILL = r"[a-z][a-z0-9_:-]{0,47}"  #: what the name of a skill is, in the book, with the queues and with agents
_NAME_ADVICE = "a name is lower-case letters, digits, _ and -, a letter first, at most 63"
_TASK_ADVICE = "a task is lower-case letters, digits, _ and -, a letter first, at most 32"
_QUEUE_ADVICE = "a queue is lower-case letters, digits and _, a letter first, at most 48"
SKILL_ADVICE = "a skill is lower-case letters, digits, _ - and :, a letter first, at most 48"
_FILE_ADVICE = "a recording is named without folder and ending, in lower-case letters, digits, _ and -"

Name = Annotated[str, AfterValidator(_fits(_NAME, _NAME_ADVICE)), _pattern(_NAME)]
TaskName = Annotated[str, AfterValidator(_fits(_TASK, _TASK_ADVICE)), _pattern(_TASK)]
QueueName = Annotated[str, AfterValidator(_fits(_QUEUE, _QUEUE_ADVICE)), _pattern(_QUEUE)]
SkillName = Annotated[str, AfterValidator(_fits(SKILL, SKILL_ADVICE)), _pattern(SKILL)]
FileName = Annotated[str, AfterValidator(_fits(_FILE_NAME, _FILE_ADVICE)), _pattern(_FILE_NAME)]
Language = Annotated[
    str, AfterValidator(_fits(_LANGUAGE, "a language is two lower-case letters, such as en")), _pattern(_LANGUAGE)
]
Key = Annotated[
    str, BeforeValidator(_key), WithJsonSchema({"enum": [*range(10), *map(str, range(10)), "star", "pound", "hash"]})
]
PromptText = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_speakable)]
Label = Annotated[str, StringConstraints(max_length=80), AfterValidator(_plain)]
Phrase = Annotated[str, StringConstraints(max_length=80), AfterValidator(_phrase)]
TimeZone = Annotated[str, AfterValidator(_zone)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=48)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Prompt(_Part):
    """Something that is said."""

    text: Mapping[Language, PromptText]
    """The words by language. A slot such as {position:number} is filled in when it is said."""
    recording: Mapping[Language, FileName] = Field(default_factory=dict)
    """By language: a file recordings/NAME.wav beside the book that is played instead of speech."""


class Option(_Part):
    """One thing that a caller can choose."""

    id: Name
    key: Key
    """The same for every caller, for ever."""
    label: Mapping[Language, Label]
    """What the option is called when it is spoken."""
    then: Name
    """The step that follows."""
    reason: Reason | None = None
    """What agents and reports call it; the id when it is left out."""
    task: TaskName | None = None
    """Which of the book's tasks this is; habits are learned from tasks. `agent` and `complaint` have a meaning."""
    pinned: bool = False
    """Keeps its place in the spoken order whatever is personal."""
    only_in: tuple[Language, ...] = ()
    """Offered only while the call is in one of these languages; in all when left out."""
    spoken_in: Language | None = None
    """Spoken in this language whatever the call's language is."""
    recording: Mapping[Language, FileName] = Field(default_factory=dict)
    """By language: a recorded file with the whole phrase, key included."""

    def offered_in(self, language: str) -> bool:
        """Whether callers in this language are offered the option."""
        return not self.only_in or language in self.only_in

    def voice_in(self, language: str) -> str:
        """The language that the option is spoken in during a call in this language."""
        return self.spoken_in or language


class NoInput(_Part):
    """What happens when the caller presses nothing."""

    timeout_s: float = Field(default=6, ge=1, le=20)
    """Seconds of silence after the last word."""
    tries: int = Field(default=3, ge=1, le=9)
    """How often the caller may stay silent; the last time leads to `then`."""
    prompts: tuple[Name, ...] = Field(min_length=1)
    """Said after the first silence, the second …; the last one repeats."""
    then: Name


class Invalid(_Part):
    """What happens when the caller presses a key that this menu does not have."""

    tries: int = Field(default=3, ge=1, le=9)
    """How many wrong keys are taken; the last leads to `then`."""
    prompts: tuple[Name, ...] = Field(min_length=1)
    """Said after the first wrong key, the second …; the last one repeats."""
    then: Name


class Say(_Part):
    """Says something and goes on."""

    kind: Literal["say"]
    prompts: tuple[Name, ...] = Field(min_length=1)
    then: Name


class Menu(_Part):
    """Offers options and waits for a key."""

    kind: Literal["menu"]
    greeting: Name | None = None
    """Prompt before the options at the first visit."""
    greeting_again: Name | None = None
    """Shorter prompt at every later visit; nothing is said when it is left out."""
    closing: Name | None = None
    """Prompt after the options."""
    order: Literal["personal", "fixed"] = "fixed"
    options: tuple[Option, ...] = Field(min_length=1)
    no_input: NoInput
    invalid: Invalid

    def offered(self, language: str) -> tuple[Option, ...]:
        """The options of a call in this language, in the book's order."""
        return tuple(option for option in self.options if option.offered_in(language))


class SetLanguage(_Part):
    """Changes the language of the call, without a word, and goes on."""

    kind: Literal["language"]
    language: Language
    then: Name


class Route(_Part):
    """Asks for an agent and waits."""

    kind: Literal["route"]
    queue: QueueName
    reason: Reason
    """What the agent reads."""
    needs: Mapping[SkillName, Annotated[int, Field(ge=1, le=10)]] = Field(default_factory=dict)
    """Skill and the least level of it."""
    tier: int = Field(default=1, ge=1, le=3)
    """Complaints: 1 front line, 2 specialist, 3 senior."""
    credit_minutes: float = Field(default=0, ge=0, le=120)
    """Priority, as minutes of waiting granted in advance."""
    then: Name
    """After the conversation."""
    otherwise: Name
    """When nobody came within the queue's limit."""


class Goodbye(_Part):
    """Says something and ends the call."""

    kind: Literal["goodbye"]
    prompts: tuple[Name, ...] = ()
    because: Literal["goodbye", "self_service", "no_input", "no_agents"] = "goodbye"
    """Why the call ends here, for the records."""


Step = Annotated[Say | Menu | SetLanguage | Route | Goodbye, Field(discriminator="kind")]


class Gate(_Part):
    """When an option may be spoken earlier than the book has it. Probabilities are those of the ranker."""

    promote_at: float = Field(default=0.5, gt=0, le=1)
    """Least probability."""
    lead: float = Field(default=0.2, ge=0, le=1)
    """Least distance to the next likely option."""
    most: int = Field(default=2, ge=0, le=3)
    """How many options may be promoted at once."""
    least: float = Field(default=0.2, ge=0, le=1)
    """Least probability of a second option; it passes the gate on the chance that the first was wrong."""


class Waiting(_Part):
    """What is said to callers who wait for an agent."""

    hold: Name
    """At once: please hold."""
    position: Name
    """Has the slot {position:number}."""
    still: Name
    """From time to time."""


class MenuBook(_Part):
    """Everything that callers of one number hear and can choose."""

    version: int = Field(ge=1, le=1)
    """Of this file format: 1."""
    name: Line
    time_zone: TimeZone
    languages: tuple[Language, ...] = Field(min_length=1)
    """The first is spoken to callers whose language is not known."""
    entry: Name
    """The step that every call begins with."""
    option_phrase: Mapping[Language, Phrase]
    back_key: Key = "*"
    repeat_key: Key = "#"
    heard_within_s: float = Field(default=45, gt=0)
    """Complaint and agent are spoken within this many seconds of the top menu, in whatever order."""
    gate: Gate = Gate()
    waiting: Waiting
    tasks: Mapping[TaskName, Mapping[Language, Line]]
    """What callers come for, each with what an agent reads of someone who does it: transfers money."""
    prompts: Mapping[Name, Prompt]
    steps: Mapping[Name, Step]

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that months and days are counted in."""
        return ZoneInfo(self.time_zone)


def schema_text() -> str:
    """The JSON Schema of one file of a book, for editors. A file may hold any part of the book."""
    schema = MenuBook.model_json_schema()
    schema.pop("required", None)
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
