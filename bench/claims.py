"""Claims per second of two nodes that race for the same agents and callers, on SQLite and on PostgreSQL.

    .venv/bin/python bench/claims.py [--calls 300] [--agents 20] [--nodes 2]

Each claim here carries a whole offer with it: claim, answer, complete, agent ready again (four transactions). The run
fails when a need was served twice.
"""

import argparse
import asyncio
import platform
import sqlite3
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_url
from ivr.testing.rival import prepare, race
from models.agents import Agents
from models.database import Database


async def main(calls: int, agents: int, nodes: int) -> int:
    """Race on both databases and print a table."""
    print(f"{platform.platform()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    print(f"{calls} calls, {agents} agents, {nodes} nodes")
    print(f"{'database':<12}{'offers/s':>10}{'lost claims':>13}{'double offers':>15}")
    doubles = 0
    for kind in (SQLITE, POSTGRESQL):
        with tempfile.TemporaryDirectory() as folder:
            async with fresh_url(kind, Path(folder)) as url:
                async with Database.opened(url) as database:
                    await prepare(database, agents=agents, calls=calls, roster=Agents(database))
                scores = await race(url, nodes)
        won = Counter(need for score in scores for need, _ in score.won)
        lost = sum(score.lost.total() for score in scores)
        double = sum(count - 1 for count in won.values()) + (calls - len(won))
        doubles += double
        seconds = max(score.seconds for score in scores)
        print(f"{kind:<12}{calls / seconds:>10.0f}{lost:>13}{double:>15}")
    return 1 if doubles else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=2)
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.calls, asked.agents, asked.nodes)))
