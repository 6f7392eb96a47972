"""What pydantic would let pass or name too vaguely: unknown keys, numbers and truths in odd spellings."""

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any

from pydantic import BaseModel

Loc = tuple[str | int, ...]  #: the way to a place in a file, as pydantic writes it
Misspelling = tuple[tuple[str | int, ...], str, str]  #: path, code, message

_LONGEST_WORD = 64  #: a longer key is no slip of the pen; comparing it would only cost time
_MOST_COMPARED = 500  #: of more words only those that look alike are compared
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")


def quoted(value: object) -> str:
    """A value as faults show it: short, in quotes, on one line."""
    shown = repr(str(value))
    return shown if len(shown) <= 60 else f"{shown[:56]}…'"


def close_match(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for a word that nearly is one of the known, otherwise nothing."""
    if len(word) > _LONGEST_WORD:
        return ""
    words = list(known)
    if len(words) > _MOST_COMPARED:
        words = [one for one in words if one[:1] == word[:1] and abs(len(one) - len(word)) <= 2][:_MOST_COMPARED]
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def misspellings(data: Any, model: type[BaseModel], most: int) -> list[Misspelling]:
    """Unknown keys and oddly spelled numbers and truths in data meant for a model; at most that many."""
    return list(islice(_look(data, model, ()), most))


def _look(data: Any, wanted: Any, path: tuple[str | int, ...]) -> Iterator[Misspelling]:
    wanted = _settle(data, wanted)
    if isinstance(wanted, type) and issubclass(wanted, BaseModel):
        if isinstance(data, dict):
            yield from _look_at_keys(data, wanted, path)
    elif isinstance(data, str):
        if found := _odd_scalar(data, wanted):
            yield (path, *found)
    elif isinstance(data, dict):
        arguments = _arguments(wanted)
        if _is(wanted, Mapping) and len(arguments) == 2:
            for key, value in data.items():
                yield from _look(value, arguments[1], (*path, key))
    elif isinstance(data, list):
        arguments = _arguments(wanted)
        if arguments and (_is(wanted, (list, set, frozenset)) or arguments[-1] is Ellipsis):
            for index, value in enumerate(data):
                yield from _look(value, arguments[0], (*path, index))
        elif _is(wanted, tuple):
            for index, (value, argument) in enumerate(zip(data, arguments, strict=False)):
                yield from _look(value, argument, (*path, index))


def _look_at_keys(data: dict[str, Any], model: type[BaseModel], path: tuple[str | int, ...]) -> Iterator[Misspelling]:
    fields = _fields(model)
    for key, value in data.items():
        if key in fields:
            wanted = fields[key]
            if not isinstance(value, str):
                yield from _look(value, wanted, (*path, key))
            elif found := _odd_scalar(value, _bare(wanted)[0]):
                yield ((*path, key), *found)
        elif model.model_config.get("extra") == "forbid":
            unused = [name for name in fields if name not in data]
            advice = close_match(key, unused) or f"; known are {', '.join(sorted(fields))}"
            yield (*path, key), "unknown-key", f"{quoted(key)} is not known here{advice}"


def _settle(data: Any, wanted: Any) -> Any:
    """The one member of a union (or the type inside Annotated) that the data is meant for; None when it is open."""
    wanted, members = _bare(wanted)
    if not members:
        return wanted
    if isinstance(data, dict):
        members = tuple(member for member in members if _takes_keys(data, member))
    elif isinstance(data, list):
        members = tuple(member for member in members if _is(member, (list, tuple, set, frozenset)))
    return _settle(data, members[0]) if len(members) == 1 else None


@lru_cache(maxsize=1024)
def _bare(wanted: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type without what annotates it; of a union, its members too."""
    while typing.get_origin(wanted) is typing.Annotated:
        wanted = typing.get_args(wanted)[0]
    if typing.get_origin(wanted) not in (typing.Union, types.UnionType):
        return wanted, ()
    return wanted, tuple(member for member in typing.get_args(wanted) if member is not type(None))


def _takes_keys(data: dict[str, Any], member: Any) -> bool:
    bare, tags = _tags(member)
    if tags is None:
        return _is(bare, Mapping)
    return all(data.get(name) in words for name, words, required in tags if required or name in data)


@lru_cache(maxsize=1024)
def _tags(member: Any) -> tuple[Any, tuple[tuple[str, tuple[Any, ...], bool], ...] | None]:
    """The fields of a model that can only be certain words, whether they must be there; None for what is no model."""
    bare, _ = _bare(member)
    if not (isinstance(bare, type) and issubclass(bare, BaseModel)):
        return bare, None
    return bare, tuple(
        (name, typing.get_args(info.annotation), info.is_required())
        for name, info in bare.model_fields.items()
        if typing.get_origin(info.annotation) is typing.Literal
    )


@lru_cache(maxsize=1024)
def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {info.alias or name: info.annotation for name, info in model.model_fields.items()}


@lru_cache(maxsize=1024)
def _arguments(wanted: Any) -> tuple[Any, ...]:
    return typing.get_args(wanted)


@lru_cache(maxsize=1024)
def _is(wanted: Any, kinds: type | tuple[type, ...]) -> bool:
    origin = typing.get_origin(wanted)
    return isinstance(origin, type) and issubclass(origin, kinds)


def _odd_scalar(text: str, wanted: Any) -> tuple[str, str] | None:
    if wanted is bool and text not in ("true", "false"):
        return "not-true-or-false", f"{quoted(text)} is neither true nor false; write one of these two"
    if wanted is int and not _WHOLE.fullmatch(text):
        return "not-a-number", f"{quoted(text)} is not a whole number; write digits only, without leading zeros"
    if wanted is float and not _NUMBER.fullmatch(text):
        return "not-a-number", f"{quoted(text)} is not a number; write it as 7 or 7.5"
    return None
