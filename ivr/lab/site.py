"""A whole site on this machine: private Asterisk, engine nodes, bank and agents; for the demo and the live tests."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from ivr.bank.fill import Filled, fill
from ivr.bank.people import SEED
from ivr.bank.staff import AgentSeed, demo_agents
from ivr.editions import publish_folder
from ivr.lab.asterisk import LabAsterisk
from ivr.lab.engine import EngineProcess
from ivr.lab.ports import free_ports
from ivr.settings import SHIPPED, Settings, load
from models.agents import Agents
from models.database import Database
from models.migrate import migrate

#: The trunk to the outside world: whatever number is called over it, one robot answers.
OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class SitePorts:
    """Ports of a site; 0 = any free one."""

    sip: int = 0
    ami: int = 0
    fastagi: int = 0
    web: int = 0


@dataclass(slots=True)
class Site:
    """One Asterisk and `nodes` engines on one database, all of it in one folder."""

    folder: Path
    prompts: Path  #: rendered sounds; may be shared by several sites
    nodes: int = 1
    ports: SitePorts = SitePorts()
    database_url: str | None = None  #: SQLite in the folder when None
    book: Path = SHIPPED / "menus"
    queues: Path = SHIPPED / "queues.yaml"
    softphones: Sequence[str] = ()
    silent_s: int = 60  #: a phone, or a caller, that sends no sound for so long is hung up
    overrides: dict[str, Any] = field(default_factory=dict)  #: further settings, whole or by section
    staff: tuple[AgentSeed, ...] = field(default_factory=demo_agents)
    asterisk: LabAsterisk = field(init=False)
    engines: list[EngineProcess] = field(init=False, default_factory=list)
    secrets: dict[str, str] = field(init=False)
    _desktops: list[str] = field(init=False)  #: every node's, as browsers reach them
    clock_ahead_s: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        found = free_ports(2 * self.nodes, socket.SOCK_STREAM)
        fastagi = [self.ports.fastagi + n if self.ports.fastagi else found[n] for n in range(self.nodes)]
        web = [self.ports.web + n if self.ports.web else found[self.nodes + n] for n in range(self.nodes)]
        robots = [agent.phone.removeprefix("PJSIP/") for agent in self.staff]
        self.asterisk = LabAsterisk(
            self.folder / "asterisk",
            node_a=f"127.0.0.1:{fastagi[0]}",
            node_b=f"127.0.0.1:{fastagi[1]}" if self.nodes > 1 else "",
            sip_port=self.ports.sip or None,
            ami_port=self.ports.ami or None,
            robots=robots,
            outside=[OUTSIDE],
            softphones=self.softphones,
            silent_s=self.silent_s,
        )
        self.secrets = {
            "RINGWISE_AMI_SECRET": self.asterisk.plan.ami_secret,
            "RINGWISE_WEB_SECRET": kept_secret(self.folder / "web-secret"),
        }
        self._desktops = [f"http://127.0.0.1:{port}" for port in web] if self.nodes > 1 else []
        for number in range(self.nodes):
            node = f"node-{'abcdefgh'[number]}"
            self._write_settings(node, fastagi[number], web[number])
            self.engines.append(
                EngineProcess(
                    self.settings_file(node),
                    web_port=web[number],
                    secrets=self.secrets,
                    log=self.folder / f"{node}.log",
                )
            )

    @property
    def engine(self) -> EngineProcess:
        """The first engine node."""
        return self.engines[0]

    @property
    def settings(self) -> Settings:
        """Settings of the first engine node."""
        return load(self.settings_file("node-a"))

    def settings_file(self, node: str) -> Path:
        """Where the settings of a node are."""
        return self.folder / f"{node}.yaml"

    def set_clock(self, moment: str) -> None:
        """Let it be this local time now for every engine that is started from now on (2026-12-01T09:30)."""
        local = datetime.fromisoformat(moment).replace(tzinfo=self.settings.zone)
        self.clock_ahead_s = local.timestamp() - time.time()
        for number in range(self.nodes):
            file = self.settings_file(f"node-{'abcdefgh'[number]}")
            settings = yaml.safe_load(file.read_text(encoding="utf-8"))
            file.write_text(yaml.safe_dump({**settings, "clock_ahead_s": self.clock_ahead_s}), encoding="utf-8")

    def now(self) -> float:
        """The time of day of the engines, UTC seconds of the epoch."""
        return time.time() + self.clock_ahead_s

    def _write_settings(self, node: str, fastagi_port: int, web_port: int) -> None:
        settings: dict[str, Any] = {
            "node": node,
            "database": {"url": self.database_url or f"sqlite+aiosqlite:///{self.folder / 'ringwise.db'}"},
            "fastagi": {"port": fastagi_port},
            "ami": {"port": self.asterisk.plan.ami_port},
            "web": {"port": web_port, "nodes": self._desktops},
            "prompts": {"folder": str(self.prompts.resolve())},
            "book": {"folder": str(self.book), "queues": str(self.queues)},
            "learning": {"folder": str(self.folder / "models")},
            "recordings": {"folder": str(self.folder / "recordings")},
            "outbound": {"allow": ["+86"], "dial": f"PJSIP/{{number}}@{OUTSIDE}"},
            "webhooks": {"allow": ["http://127.0.0.1:8490/claims/"]},
        }
        for section, values in self.overrides.items():
            settings[section] = {**settings.get(section, {}), **values} if isinstance(values, dict) else values
        self.settings_file(node).write_text(yaml.safe_dump(settings), encoding="utf-8")

    async def prepare(
        self, url: str, *, until: date, customers: int, progress: Callable[[int, int], None] | None = None
    ) -> Filled:
        """Tables, the bank and its agents in that database. What is there already is kept."""
        await migrate(url)
        async with Database.opened(url) as database:
            filled = await fill(
                database, seed=SEED, until=until, zone=self.settings.zone, customers=customers, progress=progress
            )
            agents = Agents(database)
            for agent in self.staff:
                if await agents.by_name(agent.name) is None:
                    await agents.add(agent.name, agent.full_name, self.password, agent.phone, agent.skills)
        return filled

    @property
    def password(self) -> str:
        """The password of every demonstration agent of this installation."""
        return kept_secret(self.folder / "agent-password", length=9)

    async def publish(self, message: str = "first edition") -> int:
        """Check, render and publish the book."""
        return await publish_folder(self.settings, message)

    async def start(self) -> None:
        """Start Asterisk and every engine node."""
        await asyncio.to_thread(self.asterisk.start)
        for engine in self.engines:
            await engine.start()

    async def stop(self) -> None:
        """Stop everything that was started."""
        await asyncio.gather(*(engine.stop() for engine in self.engines))
        await asyncio.to_thread(self.asterisk.stop)


def kept_secret(file: Path, *, length: int = 32) -> str:
    """A random secret that is made once and kept in a file that only its owner can read."""
    if not file.exists():
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_urlsafe(length))
    return file.read_text(encoding="ascii")
