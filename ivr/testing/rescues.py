"""Calls whose engine is dead, in memory."""

from collections.abc import Collection, Mapping

from ivr.testing.store import MemoryStore
from models.strays import NODE_LOST_S


class MemoryRescues:
    """Twin of `models.rescues.Rescues` (port LeftBehind)."""

    def __init__(self, store: MemoryStore, node: str) -> None:
        self._store, self._node = store, node

    async def left_behind(self, calls: Collection[str], *, now: float) -> Mapping[str, str]:
        """Those whose engine is dead."""
        self._store.reach()
        mine = (call for id_ in calls if (call := self._store.calls.get(id_)) is not None and call.ended_at is None)
        return {call.id: call.node for call in mine if call.node == self._node or self._is_dead(call.node, now)}

    async def claim(self, call_id: str, node: str, *, now: float) -> bool:
        """Make it this node's."""
        self._store.reach()
        call = self._store.calls[call_id]
        if call.node != node or call.ended_at is not None or (node != self._node and not self._is_dead(node, now)):
            return False
        call.node = self._node
        return True

    async def give_back(self, call_id: str, node: str) -> None:
        """It is the dead node's again."""
        self._store.reach()
        call = self._store.calls[call_id]
        if call.node == self._node and call.ended_at is None:
            call.node = node

    def _is_dead(self, node: str, now: float) -> bool:
        row = self._store.nodes.get(node)
        return row is not None and row.seen_at < now - NODE_LOST_S
