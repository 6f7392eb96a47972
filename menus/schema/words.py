"""The words of the menu book: what names, keys, texts, amounts and times may look like."""

import re
from collections.abc import Callable
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema

from menus.prompt_text import segments

KEYS = "1234567890*#"  #: in the order in which they are told
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
_GIVEN = r"[a-z][a-z0-9_]{0,30}|[0-9]{1,9}"
_VALUE, _DIALLED, _PHONE = r"[a-z][a-z0-9_]{0,30}", r"\+?[0-9]{1,20}\*?", r"\+[1-9][0-9]{6,14}"
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
Message = Annotated[str, StringConstraints(min_length=1, max_length=600), AfterValidator(_speakable)]
#: Whom a complaint is about, in the words of steps and values: the agent whom the caller talked to last.
LAST_AGENT = "last_agent"
ValueName = Annotated[
    str,
    AfterValidator(_fits(_VALUE, "a value is lower-case letters, digits and _, a letter first, at most 31")),
    _pattern(_VALUE),
]
Given = Annotated[
    str,
    AfterValidator(_fits(_GIVEN, "write the name of a value of the call, or a whole number")),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{_VALUE}$"}, {"type": "integer", "minimum": 0}]}),
]
CelText = Annotated[str, StringConstraints(min_length=1, max_length=500)]
DialledNumber = Annotated[
    str,
    AfterValidator(_fits(_DIALLED, "write the digits that are dialled, with + in front or * at the end if need be")),
    _pattern(_DIALLED),
]
PhoneNumber = Annotated[
    str,
    AfterValidator(_fits(_PHONE, "write the whole number with + and the country, as in +861065551234")),
    _pattern(_PHONE),
]


class Part(BaseModel):
    """A piece of the book: frozen, and without room for keys that mean nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
