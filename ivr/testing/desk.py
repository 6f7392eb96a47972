"""The agents' browsers in memory: takes every pop, and answers as the test says."""

from ivr.ports import Pop


class MemoryDesk:
    """Twin of the desktop's hub (port Desk); remembers what it was told."""

    def __init__(self, *, shows: bool = True) -> None:
        self.shows = shows  #: whether a browser says in time that the pop stands on the screen
        self.pops: list[tuple[int, Pop]] = []
        self.changes: list[int | None] = []

    async def pop(self, agent_id: int, pop: Pop, *, deadline_s: float) -> bool:
        """Remember the pop; answers at once."""
        self.pops.append((agent_id, pop))
        return self.shows

    def changed(self, agent_id: int | None = None) -> None:
        """Remember whose state has changed."""
        self.changes.append(agent_id)
