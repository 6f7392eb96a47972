"""Nodes that claim as fast as they can, for measurements. All decide on the same picture, so that they want the same
agents for the same callers.

`python -m ivr.testing.contest URL NODE BATCH` is one of them: it decides on each first line it reads, claims on each
second, and says as JSON what it won.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, update

from ivr.testing.rival import SKILLS
from models.claims import Claims
from models.database import Database
from models.tables import AgentRow, AgentSkillRow, CallRow, NeedRow, OfferRow
from routing.decision import Decision, Policy, decide
from routing.offer import Claimed

#: How many claims a node has under way at a time.
UNDER_WAY = 4
#: Bytes of a tally: some thousand pairs.
MOST_BYTES = 2**24


async def prepare(database: Database, *, pairs: int) -> None:
    """So many callers who wait and agents who are ready."""
    numbers = range(1, pairs + 1)
    call = {"uniqueid": "", "channel": "", "node": "setup", "state": "waiting", "started_at": 0.0}
    agent = {"full_name": "", "password_hash": "", "phone": "PJSIP/x", "state": "ready"}
    need = {"queue": "general", "required": {"general": 1}, "language": "en", "not_agents": [], "state": "waiting"}
    async with database.write() as session:
        await session.execute(insert(CallRow), [{"id": f"call-{n}", **call} for n in numbers])
        await session.execute(insert(AgentRow), [{"id": n, "name": f"agent-{n}", **agent} for n in numbers])
        rows = [{"agent_id": n, "skill": skill, "level": level} for n in numbers for skill, level in SKILLS.items()]
        await session.execute(insert(AgentSkillRow), rows)
        await session.execute(
            insert(NeedRow), [{"id": n, "call_id": f"call-{n}", "since": float(n), **need} for n in numbers]
        )


async def again(database: Database) -> None:
    """Everybody waits and is ready again; versions have moved on."""
    async with database.write() as session:
        await session.execute(delete(OfferRow))
        await session.execute(update(NeedRow).values(state="waiting"))
        await session.execute(update(AgentRow).values(state="ready"))


@dataclass(frozen=True, slots=True)
class Tally:
    """What a node made of one round."""

    won: list[tuple[int, int]]  #: need and agent
    tried: int
    began: float
    ended: float


async def contend(exchange: Claims, node: str, decisions: Sequence[Decision], batch: int) -> Tally:
    """Claim whatever was decided, a few claims under way at a time."""
    parts = [decisions[first : first + batch] for first in range(0, len(decisions), batch)]
    parts.reverse()
    won: list[tuple[int, int]] = []
    began = time.time()

    async def work() -> None:
        while parts:
            claims = await exchange.claim_all(parts.pop(), node=node, now=time.time(), lease_s=60)
            won.extend((claim.need_id, claim.agent_id) for claim in claims if isinstance(claim, Claimed))

    await asyncio.gather(*(work() for _ in range(UNDER_WAY)))
    return Tally(won, len(decisions), began, time.time())


class Contest:
    """Nodes as processes on one database, which contend round after round."""

    def __init__(self, nodes: Sequence[asyncio.subprocess.Process]) -> None:
        self._nodes = nodes

    @classmethod
    async def begin(cls, url: str, nodes: int, batch: int) -> "Contest":
        """Start so many nodes."""
        return cls(
            [
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "ivr.testing.contest", url, f"node-{number}", str(batch)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=MOST_BYTES,
                )
                for number in range(nodes)
            ]
        )

    async def round(self) -> list[Tally]:
        """All nodes decide, then all claim at once."""
        await self._all_say()
        told = [json.loads(line) for line in await self._all_say()]
        return [
            Tally([(need, agent) for need, agent in one["won"]], one["tried"], one["began"], one["ended"])
            for one in told
        ]

    async def _all_say(self) -> list[bytes]:
        for node in self._nodes:
            assert node.stdin is not None, "it was asked for"
            node.stdin.write(b"go\n")
        said = []
        for node in self._nodes:
            assert node.stdout is not None, "it was asked for"
            said.append(await node.stdout.readline())
        return said

    async def end(self) -> None:
        """Let the nodes go."""
        await asyncio.gather(*(node.communicate(b"") for node in self._nodes))


async def _main(url: str, node: str, batch: int) -> None:
    few = Policy(others_named=3)
    async with Database.opened(url) as database:
        exchange = Claims(database)
        while sys.stdin.readline():
            decisions = decide(await exchange.snapshot(now=0.0), 0.0, few)
            print("decided", flush=True)
            sys.stdin.readline()
            print(json.dumps(asdict(await contend(exchange, node, decisions, batch))), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
