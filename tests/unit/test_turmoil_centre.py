"""The simulated centre itself: what it does with nodes is what could happen to real ones."""

from ivr.rehearsal.node import logged
from ivr.testing.turmoil.centre import Centre
from ivr.testing.turmoil.ground import MemoryGround
from ivr.testing.turmoil.still import StillTime


async def test_a_node_that_lives_is_not_begun_a_second_time_beside_itself() -> None:
    with logged() as told:
        centre = Centre(MemoryGround(), StillTime(), told)
        await centre.begin()
        node = centre.nodes[0]
        link = node.link
        await centre.start(node)
        assert node.link is link, "its callers would keep a link that nobody mends"
        await centre.die(node)
        await centre.start(node)
        assert node.link is not link
