"""Settings: one YAML file, read once into one frozen object; secrets come from the environment only.

A relative path that the file writes is relative to the file, so that a settings file means the same from wherever a
program is started. Without a word on it, the book and the queues are the shipped example, and what is made (database,
sounds) goes to `var/` in the working directory.
"""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ivr.errors import Misconfigured
from menus.schema import TimeZone
from menus.yaml_source import Faults, read_yaml

#: The shipped example, in a checkout and in an installed package alike.
SHIPPED = Path(__file__).resolve().parents[1] / "config"
#: An SQLite address whose path does not begin at the root.
_SQLITE_RELATIVE = re.compile(r"(?P<scheme>sqlite(?:\+aiosqlite)?:///)(?P<path>[^/:].*)")
_WHOLE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
#: No line break, quote, comma, bracket, dollar or backslash: nothing that could be another header or dialplan.
_ANSWER_HEADER = re.compile(r"(?:Call-Info|Alert-Info|Answer-Mode|P-Auto-Answer): ?(?! )[A-Za-z0-9<>:;=./@_ -]{1,100}")
Port = Annotated[int, Field(ge=0, le=65535)]  #: 0 = any free one


def _peer(written: str) -> str:
    try:
        ip_network(written)
    except ValueError as fault:
        raise ValueError(f"{written!r} is no address or network such as 10.0.0.5 or 10.0.0.0/24: {fault}") from None
    return written


def _split(written: str) -> SplitResult | None:
    """The parts of an address of the web; None when it is none, or has signs that urlsplit passes over in silence."""
    try:
        parts = urlsplit(written)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if whole and written.isprintable() and " " not in written else None


def _origin(written: str) -> str:
    parts = _split(written)
    if parts is None or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(
            f"{written!r} is no origin; write scheme and host as browsers do, such as https://desk.example"
        )
    return written


def _absolute(written: Path) -> Path:
    if not written.is_absolute():
        raise ValueError(f"{str(written)!r} is not absolute; write the whole path as Asterisk sees it")
    return written


def _region(written: str) -> str:
    if written not in SUPPORTED_REGIONS:
        raise ValueError(f"no region is called {written!r}; write two capital letters such as CN or DE")
    return written


def _address(written: str) -> str:
    parts = _split(written)
    if parts is None or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{written!r} is no address; write it as https://crm.example/ivr/")
    return written if parts.path else written + "/"


def _answer_header(written: str) -> str:
    """A header that may go into an INVITE: one of those that ask a phone to answer, and one line of harmless signs."""
    if not _ANSWER_HEADER.fullmatch(written):
        raise ValueError(
            f"{written!r} asks no phone to answer; write Call-Info, Alert-Info, Answer-Mode or P-Auto-Answer, a colon "
            "and up to 100 of letters, digits and < > : ; = . / @ _ - and spaces, as in 'Call-Info: ;answer-after=0'"
        )
    return written


def _prefix(written: str) -> str:
    if not re.fullmatch(r"\+[1-9][0-9]{0,14}", written):
        raise ValueError(f"{written!r} is no beginning of a number; write + and the country, as in +86 or +8610")
    return written


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


AnyPart = TypeVar("AnyPart", bound=_Part)


class Database(_Part):
    """Where the truth is kept."""

    url: str = Field(
        default="sqlite:///var/ringwise.db",
        description="`sqlite:///file` for one machine, `postgresql://user@host/name` for several nodes. "
        "`RINGWISE_DATABASE_URL` in the environment wins.",
    )


class FastAgi(_Part):
    """The door that Asterisk knocks at with each call."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(
        default=4573, description="Port to listen on; the dialplan's `RINGWISE_NODE_A` or `_B` names it."
    )
    peers: tuple[Annotated[str, AfterValidator(_peer)], ...] = Field(
        default=("127.0.0.1", "::1"), description="Addresses or networks that may connect: your Asterisk servers."
    )
    most_calls: int = Field(default=2000, ge=1, description="Calls at a time; further ones go to the next rung.")

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The peers, each as a network."""
        return tuple(map(ip_network, self.peers))


class Ami(_Part):
    """Asterisk's manager interface. The secret is `RINGWISE_AMI_SECRET` in the environment."""

    host: str = Field(default="127.0.0.1", description="Where Asterisk is.")
    port: int = Field(default=5038, ge=1, le=65535, description="Its AMI port.")
    user: str = Field(default="ringwise", description="User in `ringwise-manager.conf`.")


class Web(_Part):
    """The agents' desktop. The key that signs sessions is `RINGWISE_WEB_SECRET` in the environment."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(default=8480, description="Port to listen on.")
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(),
        description="Further origins (`https://desk.example`) of browsers, when a proxy stands before.",
    )
    nodes: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(),
        description="Origins of the desktop on every node (`https://desk-a.example`): a page whose node fails goes on "
        "with the next. The same list on each node.",
    )
    cookie_domain: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$",
        description="Domain above the hosts of `nodes` (`desk.example`), so that one sign-in holds on all of them. "
        "Nodes of one host name need none.",
    )

    @model_validator(mode="after")
    def _cookie_reaches_nodes(self) -> "Web":
        domain = self.cookie_domain
        for node in self.nodes if domain is not None else ():
            host = urlsplit(node).hostname or ""
            if host != domain and not host.endswith(f".{domain}"):
                raise ValueError(f"web.cookie_domain {domain!r} is not above {host!r} of web.nodes")
        return self


class Prompts(_Part):
    """Where rendered sound files are, for us and as Asterisk sees the same folder."""

    folder: Path = Field(
        default=Path("var/prompts"), description="Where sounds are made; Asterisk must be able to read it."
    )
    seen_by_asterisk: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="The same folder if Asterisk sees it under another path; absolute."
    )


class Book(_Part):
    """Where the menu book and the queues are written."""

    folder: Path = Field(default=SHIPPED / "menus", description="Folder of the menu book; recordings in `recordings/`.")
    queues: Path = Field(default=SHIPPED / "queues.yaml", description="File of the queues.")


class Recordings(_Part):
    """What callers say and is recorded, for us and as Asterisk sees the same folder."""

    folder: Path = Field(
        default=Path("var/recordings"), description="Where recordings lie; Asterisk must be able to write into it."
    )
    seen_by_asterisk: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="The same folder if Asterisk sees it under another path; absolute."
    )
    keep_days: int = Field(
        default=0, ge=0, le=3650, description="Days after which a recording is deleted; 0 keeps them for ever."
    )
    longest_pause_s: float = Field(
        default=120,
        ge=10,
        le=900,
        description="After so many seconds the recording of a conversation that an agent has paused goes on by itself.",
    )

    def seen(self, name: str) -> str:
        """A recording as Asterisk names it: a path without ending."""
        return str((self.seen_by_asterisk or self.folder.absolute()) / name)


class Bank(_Part):
    """The bank's own systems."""

    url: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None,
        description="Address of the bank's webhook, `https://…`; without one the bank is the engine's own database. "
        "Its secret is `RINGWISE_BANK_SECRET`.",
    )
    deadline_s: float = Field(default=3.0, gt=0, le=20, description="How long a caller waits for the bank.")


class Verification(_Part):
    """When a customer or a number is locked out, counted over all calls and nodes."""

    most_failures: int = Field(default=5, ge=1, le=50, description="Failures of one customer or number that lock it.")
    window_s: float = Field(default=86400.0, gt=0, description="Failures older than this are forgotten.")
    lock_s: float = Field(default=3600.0, gt=0, description="How long a lock holds.")


class Messages(_Part):
    """Text messages."""

    gateway: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None,
        description="Address of the SMS gateway, `https://…`; without one messages stay in the outbox. Its secret is "
        "`RINGWISE_SMS_SECRET`.",
    )
    sender: str = Field(default="", max_length=20, description="Number or name that messages come from.")
    most_tries: int = Field(default=8, ge=1, le=50, description="Tries until a message is given up.")
    retry_s: float = Field(default=30.0, gt=0, description="Seconds before the second try; doubled each time.")


class Webhooks(_Part):
    """Other systems that `dip` steps may ask."""

    allow: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(
        default=(), description="Beginnings of addresses that may be asked, such as `https://crm.example/ivr/`."
    )
    open_after: int = Field(default=5, ge=1, description="Failures in a row after which a host is left alone.")
    open_s: float = Field(default=30.0, gt=0, description="How long it is left alone.")
    most_bytes: int = Field(default=65536, ge=100, description="Longest answer that is read.")


class Outbound(_Part):
    """Calls to outside numbers: transfers and callbacks."""

    allow: tuple[Annotated[str, AfterValidator(_prefix)], ...] = Field(
        default=(), description="Beginnings of E.164 numbers that may be called, such as `+86`; none when empty."
    )
    dial: str = Field(
        default="PJSIP/{number}@trunk",
        pattern=r"^PJSIP/[A-Za-z0-9_.-]*\{number\}@[A-Za-z0-9_.-]+$",
        description="How Asterisk reaches a number; `{number}` stands for its digits with the plus sign.",
    )
    caller_id: str = Field(
        default="",
        pattern=r"^\+?[0-9]{0,20}$",
        description="Number that is shown to the called; the caller's when empty.",
    )

    def permits(self, number: str) -> bool:
        """Whether this E.164 number may be called."""
        return bool(_WHOLE_NUMBER.fullmatch(number)) and number.startswith(self.allow)


class CallingBack(_Part):
    """How wishes to be called back are carried out."""

    ring_s: float = Field(default=30.0, ge=5, le=120, description="How long the customer's phone rings.")
    most_tries: int = Field(default=3, ge=1, le=10, description="Calls until a wish is given up as missed.")
    retry_s: float = Field(default=900.0, gt=0, description="Seconds between two calls.")
    at_once: int = Field(default=2, ge=1, le=100, description="Callbacks that one node dials at the same time.")


class Supervisors(_Part):
    """What supervisors may do, and who is told."""

    show_listening: bool = Field(
        default=True, description="Whether an agent is shown that a supervisor listens, whispers or barges in."
    )


class Calls(_Part):
    """Deadlines of a call, in seconds."""

    dead_man_s: float = Field(
        default=10.0, gt=0, description="Silence of the engine after which Asterisk moves on by itself."
    )
    longest_s: float = Field(
        default=3600.0, gt=0, description="Longest time in menus and queues; conversations do not count."
    )
    lookup_s: float = Field(
        default=0.3,
        gt=0,
        description="To find out who is calling; later means the static menu, and a pop without the customer.",
    )
    store_s: float = Field(default=0.3, gt=0, description="How long a step waits for its own record to be stored.")


class Routing(_Part):
    """Times of offers and agents, in seconds."""

    offer_lease_s: float = Field(
        default=15.0,
        gt=0,
        description="How long an offer is held before its phone rings, and beyond the queue's `ring_s` after that; "
        "then it lapses.",
    )
    pop_s: float = Field(
        default=0.15, gt=0, description="How long an offer waits for the pop to stand before the ring."
    )
    desk_lost_s: float = Field(
        default=45.0, gt=0, description="A ready agent whose browser is silent for so long is paused."
    )
    sweep_s: float = Field(default=1.0, gt=0, description="Between two repairs of what was left behind.")


class Phones(_Part):
    """Agents' phones."""

    auto_answer: bool = Field(
        default=False,
        description="Whether phones are asked to pick up by themselves, for agents with a headset; "
        "`ivr agent auto-answer` says otherwise for one agent.",
    )
    auto_answer_headers: tuple[Annotated[str, AfterValidator(_answer_header)], ...] = Field(
        default=("Call-Info: <sip:ringwise>;answer-after=0", "Alert-Info: <http://ringwise>;info=alert-autoanswer"),
        max_length=4,
        description="Headers of the INVITE that ask for it; which one a phone knows, its manual tells.",
    )


class Personal(_Part):
    """Personal menus."""

    hold_out: float = Field(
        default=0.1, ge=0, le=0.5, description="Share of callers who keep the static order, for comparison."
    )
    cycle_days: int = Field(
        default=0,
        ge=0,
        le=366,
        description="So many days personal, then so many with the static order for everybody, and so on, for "
        "comparison; 0 is always personal.",
    )
    salt: str = Field(default="ringwise", description="Draws who is held out; another word draws others.")
    history_days: int = Field(
        default=1095, ge=1, le=36500, description="Days for which what customers did counts; older history is not used."
    )
    delete_history: bool = Field(
        default=False, description="Whether history older than `history_days` is deleted, too, once a day."
    )


class Learning(_Part):
    """What is learned from the site: personal menus, and expected waits."""

    folder: Path = Field(
        default=Path("var/models"),
        description="Folder of trained models; `current.model` and `current.waits` in it are served.",
    )


class Settings(_Part):
    """The engine node."""

    node: str = Field(
        default="node-a", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Name of this node; each needs its own."
    )
    time_zone: TimeZone = Field(
        default="Asia/Shanghai",
        description="The site's time zone, the same as the menu book's; a caller's day begins in it.",
    )
    country: Annotated[str, AfterValidator(_region)] = Field(
        default="CN", description="Region of telephone numbers without a prefix."
    )
    clock_ahead_s: float = Field(
        default=0.0, description="Seconds by which the engine's clock is ahead of the machine's, for rehearsals."
    )
    database: Database = Database()
    fastagi: FastAgi = FastAgi()
    ami: Ami = Ami()
    web: Web = Web()
    prompts: Prompts = Prompts()
    book: Book = Book()
    calls: Calls = Calls()
    routing: Routing = Routing()
    phones: Phones = Phones()
    personal: Personal = Personal()
    recordings: Recordings = Recordings()
    bank: Bank = Bank()
    verification: Verification = Verification()
    messages: Messages = Messages()
    webhooks: Webhooks = Webhooks()
    outbound: Outbound = Outbound()
    callbacks: CallingBack = CallingBack()
    supervisors: Supervisors = Supervisors()
    learning: Learning = Learning()

    @model_validator(mode="after")
    def _a_port_of_its_own(self) -> "Settings":
        if self.web.port == self.fastagi.port != 0:
            raise ValueError(f"web.port and fastagi.port are both {self.web.port}; each needs a port of its own")
        return self

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
        return _anchored(read_yaml(text, str(path), Settings), path.parent)
    except Faults as faults:
        raise Misconfigured(str(faults)) from faults


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Settings whose paths, as far as the file wrote them, begin at the folder of the file."""
    return settings.model_copy(
        update={
            "database": settings.database.model_copy(update={"url": _anchored_url(settings.database, folder)}),
            "prompts": _anchored_paths(settings.prompts, folder),
            "book": _anchored_paths(settings.book, folder),
            "recordings": _anchored_paths(settings.recordings, folder),
            "learning": _anchored_paths(settings.learning, folder),
        }
    )


def _anchored_url(database: Database, folder: Path) -> str:
    found = _SQLITE_RELATIVE.fullmatch(database.url)
    if found is None or "url" not in database.model_fields_set:
        return database.url
    return found["scheme"] + os.path.normpath(folder / found["path"])


def _anchored_paths(part: AnyPart, folder: Path) -> AnyPart:
    written = {name: value for name in part.model_fields_set if isinstance(value := getattr(part, name), Path)}
    return part.model_copy(update={name: Path(os.path.normpath(folder / value)) for name, value in written.items()})


def secret(name: str) -> str:
    """A secret from the environment. Raises Misconfigured when it is missing."""
    value = os.environ.get(name)
    if not value:
        raise Misconfigured(f"{name} is not set in the environment; secrets are never read from a file")
    return value
