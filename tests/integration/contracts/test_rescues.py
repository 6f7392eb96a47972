"""What every store promises about the calls of dead nodes, and of nodes on another switch."""

from ivr.testing.world import WISH, T, arrival
from menus.facts import CallerFacts
from models.tables import NodeRow
from routing.agent import AgentState
from routing.views import Swept


async def nodes(world, *, seen_at=T, **switches):
    """Nodes by the switch they serve; those without one have not told yet."""
    for letter in "ab":
        row = {"started_at": T - 100, "seen_at": seen_at, "switch": switches.get(letter)}
        await world.put(NodeRow, f"node-{letter}", row)


async def test_a_call_is_left_behind_when_its_node_is_dead_and_only_then(world):
    await nodes(world)
    await world.call("c1")
    assert await world.other_rescues.left_behind({"c1", "c2"}, now=T + 15) == {}
    assert await world.other_rescues.left_behind({"c1", "c2"}, now=T + 16) == {"c1": "node-a"}
    assert await world.other_rescues.left_behind(set(), now=T + 16) == {}
    assert not await world.other_rescues.claim("c1", "node-a", now=T + 15)


async def test_what_a_node_does_not_hold_of_its_own_calls_was_left_behind_by_its_process_before(world):
    await nodes(world)
    await world.call("c1")
    assert await world.rescues.left_behind({"c1"}, now=T) == {"c1": "node-a"}
    assert await world.rescues.claim("c1", "node-a", now=T)


async def test_one_node_alone_takes_a_call_on_and_may_give_it_back(world):
    await nodes(world)
    await world.put(NodeRow, "node-c", {"started_at": T - 100, "seen_at": T})
    await world.call("c1")
    assert await world.other_rescues.claim("c1", "node-a", now=T + 16)
    assert not await world.other_rescues.claim("c1", "node-a", now=T + 16)
    assert (await world.row("c1")).node == "node-b"
    await world.rescues.give_back("c1", "node-c")  # of the node that does not have it: nothing
    assert (await world.row("c1")).node == "node-b"
    await world.other_rescues.give_back("c1", "node-a")
    assert (await world.row("c1")).node == "node-a"


async def test_an_ended_call_is_not_left_behind(world):
    await nodes(world)
    await world.call("c1")
    assert (await world.sweep(now=T + 10, alive=frozenset())).calls_closed == 1
    assert await world.other_rescues.left_behind({"c1"}, now=T + 16) == {}
    assert not await world.other_rescues.claim("c1", "node-a", now=T + 16)


async def test_no_node_closes_the_calls_of_another_switch(world):
    """The first node has looked at its switch, on which the other's calls have no channel."""
    await nodes(world, a="east", b="west")
    await world.agent(ready_at=T - 60)
    world.other_log.opened(arrival("west-1"), now=T, facts=CallerFacts(), language="en", book_version=1)
    assert await world.other_log.settle("west-1", deadline_s=5)
    await world.exchange.open_need("west-1", WISH, now=T)
    claim = await world.exchange.claim(await world.decision(now=T), node="node-b", now=T, lease_s=15)
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 1)
    nobody = frozenset[tuple[str, str]]()
    for now in (T + 10, T + 60):  # also when the other node is dead
        assert await world.sweep(now=now, alive=frozenset(), phones=nobody) == Swept()
    assert await world.state(claim.agent_id) is AgentState.BUSY
    await nodes(world, b="west")  # a node that does not know yet which switch it has
    assert await world.sweep(now=T + 61, alive=frozenset(), phones=nobody) == Swept()
    await nodes(world, a="west", b="west")
    assert (await world.sweep(now=T + 62, alive=frozenset(), phones=nobody)).calls_closed == 1
