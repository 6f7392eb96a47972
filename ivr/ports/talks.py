"""Conversations: what agents ask for while they talk, and what has become of it.

Times named `…_at` and `now` are UTC seconds of the epoch, from `Clock.now()`. Nothing here knows AGI, AMI, SQL or HTTP.
"""

from typing import Protocol

from routing.talk import Ask, Sent, Talk
from routing.views import NeedWish, SecondSeen, TalkSeen


class Talks(Protocol):
    """Conversations that go on; the one truth. Every verb raises StoreAway."""

    async def of(self, call_id: str) -> TalkSeen | None:
        """The conversation of a call; None while no agent has answered."""
        ...

    async def rooms(self) -> frozenset[int]:
        """Rooms of the conversations that go on, whether somebody is in them or not."""
        ...

    async def ask(self, agent_id: int, offer_id: int, wish: Ask) -> TalkSeen | None:
        """Store what an agent asks for; the conversation as it was, None when it is not theirs.

        Raises IllegalMove for what cannot be done now, also while something else that was asked for waits.
        """
        ...

    async def unask(self, offer_id: int, fence: int, at: float) -> bool:
        """Take back what was asked at that moment; False when it is being carried out, or has been."""
        ...

    async def take_up(self, offer_id: int, fence: int, at: float) -> bool:
        """Begin to carry out what was asked at that moment: from now on it cannot be taken back.

        False when it was taken back; True also when the conversation has ended meanwhile.
        """
        ...

    async def put(self, offer_id: int, fence: int, talk: Talk, carried_out: Ask | None = None) -> bool:
        """Store where the conversation stands; False when it has ended.

        What was asked for meanwhile is kept, unless it is what was `carried_out`.
        """
        ...

    async def hand_on(
        self, offer_id: int, fence: int, wish: NeedWish, sent: Sent, *, now: float, wrap_up_s: float
    ) -> bool:
        """End the conversation and state what the caller needs next, in one; False when it has ended."""
        ...

    async def open_second(self, call_id: str, wish: NeedWish, sent: Sent, *, now: float) -> bool:
        """State the need of an agent who consults another; one that is open already stays. False without a need."""
        ...

    async def second(self, call_id: str) -> SecondSeen | None:
        """How a consultation stands; None without one."""
        ...

    async def close_second(self, call_id: str, *, now: float, wrap_up_s: float) -> None:
        """End a consultation: who had picked up wraps up, who had not is free again."""
        ...

    async def take_over(self, offer_id: int, fence: int, *, now: float, wrap_up_s: float) -> bool:
        """The first agent leaves, the one who was consulted has the caller; False when either has ended."""
        ...
