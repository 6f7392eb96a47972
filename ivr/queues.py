"""Queues: what a caller who waits in one needs of an agent, and how long things may take; read from YAML."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ivr.errors import Misconfigured
from menus.schema import QueueName, SkillName
from menus.yaml_source import Faults, read_yaml

Level = Annotated[int, Field(ge=1, le=10)]


class Queue(BaseModel):
    """A named service goal that needs belong to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    skills: dict[SkillName, Level] = Field(description="Skill → least level an agent must have, 1 to 10.")
    credit_minutes: float = Field(
        default=0, ge=0, le=600, description="Priority: minutes of waiting granted in advance."
    )
    ring_s: float = Field(default=15, ge=3, le=120, description="How long an agent's phone rings before RONA.")
    wrap_up_s: float = Field(default=30, ge=0, le=3600, description="Time for the agent after each conversation.")
    max_wait_s: float = Field(
        default=900, ge=10, le=14400, description="Longest wait; then the book goes on at `otherwise`."
    )
    announce_every_s: float = Field(default=30, ge=10, le=600, description="Seconds of music between announcements.")

    def required(self, more: Mapping[str, int]) -> dict[str, int]:
        """The queue's skills and a step's own, the higher level of each."""
        return {skill: max(self.skills.get(skill, 1), more.get(skill, 1)) for skill in {*self.skills, *more}}


class Queues(BaseModel):
    """All queues of the site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1, le=1, description="Of this file format: 1.")
    queues: dict[QueueName, Queue] = Field(min_length=1, description="Every queue by its name.")


def load(path: Path) -> Queues:
    """Queues from a file. Raises Misconfigured with every fault of the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        raise Misconfigured(f"{path}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise Misconfigured(f"{path}: is not UTF-8 from byte {fault.start + 1} on; save it as UTF-8") from fault
    try:
        return read_yaml(text, str(path), Queues)
    except Faults as faults:
        raise Misconfigured(str(faults)) from faults
