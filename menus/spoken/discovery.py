"""The languages that there are: files named by two letters, each with everything that a language must define."""

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from menus.errors import MenusError
from menus.prompt_text import SlotKind

#: What a language says and writes values with, besides a function for each kind of slot that is spoken.
FUNCTIONS = ("habit", "written_ordinal", "written_money", "written_date")
TABLES = ("KEYS", "VOCABULARY", "VOICE")
_KEYS = frozenset("0123456789*#")


class NotALanguage(MenusError):
    """A file of a language lacks something."""


def languages_in(folders: Iterable[str], package: str) -> Mapping[str, ModuleType]:
    """Every language in the folders of a package, by its two letters. Raises NotALanguage."""
    names = sorted(found.name for found in iter_modules(folders) if re.fullmatch(r"[a-z]{2}", found.name))
    return {name: whole(import_module(f"{package}.{name}")) for name in names}


def whole(module: ModuleType) -> ModuleType:
    """The module itself. Raises NotALanguage with everything that it lacks."""
    lacking = [f"{name}()" for name in (*SlotKind, *FUNCTIONS) if not callable(getattr(module, name, None))]
    lacking += [name for name in TABLES if not hasattr(module, name)]
    lacking += [f"KEYS[{key!r}]" for key in sorted(_KEYS - set(getattr(module, "KEYS", _KEYS)))]
    lacking += [
        f"VOCABULARY[{kind.value!r}]" for kind in SlotKind if kind not in getattr(module, "VOCABULARY", SlotKind)
    ]
    if lacking:
        raise NotALanguage(f"{module.__name__} lacks {', '.join(lacking)}; docs/languages.md tells what they are")
    return module
