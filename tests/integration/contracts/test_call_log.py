"""What every store promises about the book of calls: who writes it, and who takes a call over."""

from ivr.testing.world import T, arrival
from menus.facts import CallerFacts
from routing.call import CallEvent, Ending, Reason, Result


async def test_a_call_is_written_with_its_state_position_and_ending(world):
    await world.call()
    world.log.stands("c1", {"step": "main", "tries": 1}, "zh")
    world.log.moved("c1", CallEvent.NEED)
    await world.log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.state, call.position, call.language) == ("waiting", {"step": "main", "tries": 1}, "zh")
    assert (call.node, call.ani, call.caller_name, call.started_at) == ("node-a", "+8613800000001", "Li Na", T)
    world.log.moved("c1", CallEvent.ANSWER)
    world.log.ended("c1", Ending(Result.SERVED, Reason.AGENT), T + 60)
    await world.log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.state, call.ended_at, call.result, call.reason) == ("ended", T + 60, "served", "agent")


async def test_a_call_ends_once(world):
    await world.call()
    world.log.ended("c1", Ending(Result.LEFT, Reason.IN_MENU), T + 5)
    world.log.ended("c1", Ending(Result.FAILED, Reason.FAULT), T + 6)
    world.log.moved("c1", CallEvent.NEED)
    await world.log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.state, call.ended_at, call.reason) == ("ended", T + 5, "in_menu")


async def test_a_move_that_the_table_lacks_is_not_written(world):
    await world.call()
    world.log.moved("c1", CallEvent.ANSWER)
    await world.log.settle("c1", deadline_s=5)
    assert (await world.row("c1")).state == "menu"


async def test_another_node_takes_a_call_over_where_it_stood_and_the_first_one_is_shut_out(world):
    await world.call()
    world.log.stands("c1", {"step": "cards"}, "zh")
    world.log.moved("c1", CallEvent.NEED)
    await world.log.settle("c1", deadline_s=5)
    resumed = await world.other_log.resume("c1", deadline_s=5)
    assert (resumed.state, resumed.position, resumed.language) == ("waiting", {"step": "cards"}, "zh")
    assert (resumed.book_version, resumed.started_at) == (1, T)
    await world.other_log.settle("c1", deadline_s=5)
    world.log.stands("c1", {"step": "stale"}, "en")
    world.log.ended("c1", Ending(Result.LEFT, Reason.IN_QUEUE), T + 30)
    await world.log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.node, call.position, call.ended_at) == ("node-b", {"step": "cards"}, None)
    world.other_log.ended("c1", Ending(Result.SERVED, Reason.AGENT), T + 60)
    await world.other_log.settle("c1", deadline_s=5)
    assert (await world.row("c1")).reason == "agent"


async def test_a_call_that_was_sent_down_the_dialplan_is_taken_up_and_its_ending_taken_back(world):
    await world.call()
    world.log.stands("c1", {"step": "cards"}, "en")
    world.log.ended("c1", Ending(Result.DIVERTED, Reason.FALLBACK), T + 5)
    await world.log.settle("c1", deadline_s=5)
    resumed = await world.other_log.resume("c1", deadline_s=5)
    assert (resumed.state, resumed.position) == ("menu", {"step": "cards"})
    await world.other_log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.state, call.ended_at, call.result, call.reason) == ("menu", None, None, None)


async def test_a_call_that_is_over_or_unknown_is_not_resumed(world):
    await world.call()
    world.log.ended("c1", Ending(Result.LEFT, Reason.IN_MENU), T + 5)
    await world.log.settle("c1", deadline_s=5)
    assert await world.other_log.resume("c1", deadline_s=5) is None
    assert await world.other_log.resume("nobody", deadline_s=5) is None


async def test_an_engine_corrects_what_the_sweep_had_to_guess(world):
    await world.call()
    assert (await world.sweep(now=T + 9, alive=frozenset())).calls_closed == 1
    world.log.ended("c1", Ending(Result.LEFT, Reason.IN_MENU), T + 8)
    await world.log.settle("c1", deadline_s=5)
    assert (await world.row("c1")).reason == "in_menu"


async def test_a_call_opened_again_on_the_next_rung_keeps_its_beginning(world):
    await world.call()
    world.log.stands("c1", {"step": "cards"}, "en")
    again = arrival("c1", rung=2)
    world.other_log.opened(again, now=T + 7, facts=CallerFacts(ani="+861"), language="zh", book_version=2)
    assert await world.log.settle("c1", deadline_s=5)
    assert await world.other_log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.started_at, call.node, call.ani, call.book_version) == (T, "node-b", "+861", 2)


async def test_the_path_tells_what_the_caller_pressed(world):
    await world.call()
    order = [{"option": "transfer", "key": "2", "promoted": True, "score": 0.9}, {"option": "cards", "key": "3"}]
    world.log.event("c1", "identified", T, matches=1)
    world.log.event("c1", "menu", T + 1, menu="main", order=order, record={"version": 1})
    world.log.event("c1", "invalid", T + 4, menu="main", key="9")
    world.log.event("c1", "no_input", T + 8, menu="main")
    world.log.event("c1", "key", T + 9, menu="main", key="3", option="cards", label="Cards")
    world.log.event("c1", "need", T + 9.5, queue="cards", reason="lost card", required={"cards": 1}, tier=1)
    await world.log.settle("c1", deadline_s=5)
    path = await world.log.path("c1")
    assert [(step.at - T, step.text, step.key) for step in path] == [
        (1, "menu main – transfer first", None),
        (4, "pressed a key without meaning in main", "9"),
        (8, "pressed nothing in main", None),
        (9, "Cards", "3"),
        (9.5, "asked for cards: lost card", None),
    ]


async def test_the_decision_records_of_a_call_come_back_as_they_were_the_latest_ones(world):
    await world.call()
    assert await world.log.decisions("c1") == ()
    record = {"menu": "main", "promoted": ["transfer"], "why": {"transfer": "habit"}, "scores": {"transfer": 0.1 + 0.2}}
    for number in range(12):
        world.log.event("c1", "menu", T + number, menu="main", record=record | {"at": number})
        world.log.event("c1", "key", T + number, menu="main", key="1")
    await world.log.settle("c1", deadline_s=5)
    assert await world.other_log.decisions("c1") == tuple(record | {"at": number} for number in range(2, 12))


async def test_the_record_says_who_is_on_the_call(world):
    await world.call()
    caller = await world.other_log.caller("c1")
    assert (caller.ani, caller.caller_name, caller.dnis, caller.language) == ("+8613800000001", "Li Na", "95500", "en")
    assert await world.log.caller("nobody") is None
