"""The robots that stand for the agents' telephones."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from ivr.demo.voices import agent_voice
from ivr.lab.robots import Manner, RobotPhone
from ivr.lab.site import Site

RING_S = 1.5


async def agents_phones(site: Site, stack: AsyncExitStack, *, talk_s: float) -> Mapping[str, RobotPhone]:
    """A phone for every agent: it rings, is answered, says a sentence and hangs up after that time."""
    phones = {}
    for agent in site.staff:
        manner = Manner(ring_s=RING_S, sentence=await agent_voice(agent), talk_s=talk_s)
        address = site.asterisk.phone_address(agent.phone.removeprefix("PJSIP/"))
        phones[agent.name] = await stack.enter_async_context(RobotPhone(address, manner))
    return phones
