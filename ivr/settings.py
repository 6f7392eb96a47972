"""Settings: one YAML file, read once into one frozen object; secrets come from the environment only."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ivr.errors import Misconfigured
from menus.yaml_source import Faults, read_yaml


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Database(_Part):
    """Where the truth is kept."""

    url: str = "sqlite+aiosqlite:///var/ringwise.db"  #: RINGWISE_DATABASE_URL in the environment wins


class FastAgi(_Part):
    """The door that Asterisk knocks at with each call."""

    host: str = "127.0.0.1"
    port: int = 4573
    peers: tuple[str, ...] = ("127.0.0.1", "::1")  #: addresses that may connect
    most_calls: int = Field(default=2000, ge=1)


class Ami(_Part):
    """Asterisk's manager interface. The secret is RINGWISE_AMI_SECRET in the environment."""

    host: str = "127.0.0.1"
    port: int = 5038
    user: str = "ringwise"


class Web(_Part):
    """The agents' desktop. The key that signs sessions is RINGWISE_WEB_SECRET in the environment."""

    host: str = "127.0.0.1"
    port: int = 8480
    origins: tuple[str, ...] = ()  #: further origins (scheme://host:port) from which browsers may come


class Prompts(_Part):
    """Where rendered sound files are, for us and as Asterisk sees the same folder."""

    folder: Path = Path("var/prompts")
    seen_by_asterisk: Path | None = None  #: the same folder if Asterisk sees it under another path


class Book(_Part):
    """Where the menu book and the queues are written."""

    folder: Path = Path("config/menus")
    queues: Path = Path("config/queues.yaml")


class Calls(_Part):
    """Deadlines of a call, in seconds."""

    dead_man_s: float = Field(default=10.0, gt=0)  #: silence of the engine after which Asterisk moves on by itself
    longest_s: float = Field(default=3600.0, gt=0)  #: longest time in menus and queues
    lookup_s: float = Field(default=0.3, gt=0)  #: who is calling; later means the static menu
    store_s: float = Field(default=0.3, gt=0)  #: how long a step waits for its own record to be stored


class Routing(_Part):
    """Times of offers and agents, in seconds."""

    offer_lease_s: float = Field(default=15.0, gt=0)
    pop_s: float = Field(default=0.15, gt=0)  #: how long an offer waits for the pop to stand before the phone rings
    desk_lost_s: float = Field(default=45.0, gt=0)
    sweep_s: float = Field(default=1.0, gt=0)


class Personal(_Part):
    """Personal menus."""

    hold_out: float = Field(default=0.1, ge=0, le=0.5)  #: share of callers who keep the static order, for comparison
    salt: str = "ringwise"


class Settings(_Part):
    """Everything that can be set."""

    node: str = Field(default="node-a", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    time_zone: str = "Asia/Shanghai"
    country: str = Field(default="CN", pattern=r"^[A-Z]{2}$")  #: default region of telephone numbers
    clock_ahead_s: float = 0.0  #: seconds by which the engine's time of day is ahead of the machine's (rehearsals)
    database: Database = Database()
    fastagi: FastAgi = FastAgi()
    ami: Ami = Ami()
    web: Web = Web()
    prompts: Prompts = Prompts()
    book: Book = Book()
    calls: Calls = Calls()
    routing: Routing = Routing()
    personal: Personal = Personal()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError):
            raise ValueError(f"no time zone is called {value!r}; use a name such as Asia/Shanghai") from None
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def database_url(self) -> str:
        """The database's address, the environment first."""
        return os.environ.get("RINGWISE_DATABASE_URL") or self.database.url


def load(path: Path | None) -> Settings:
    """Settings from a file; without one, the defaults. Raises Misconfigured with every fault of the file."""
    if path is None:
        return Settings()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        raise Misconfigured(f"{path}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise Misconfigured(f"{path}: is not UTF-8 from byte {fault.start + 1} on; save it as UTF-8") from fault
    try:
        return read_yaml(text, str(path), Settings)
    except Faults as faults:
        raise Misconfigured(str(faults)) from faults


def secret(name: str) -> str:
    """A secret from the environment. Raises Misconfigured when it is missing."""
    value = os.environ.get(name)
    if not value:
        raise Misconfigured(f"{name} is not set in the environment; secrets are never read from a file")
    return value
