"""Whose turn it is: callers who wait and customers to be called back, on one scale."""

from hypothesis import given
from hypothesis import strategies as st

from routing.agent import Agent, AgentState
from routing.callback import CallbackSeen, CallbackState, CallbackWish, of_call, share_out
from routing.decision import decide
from routing.need import Need, NeedState
from routing.snapshot import Snapshot

NOW = 1000.0


def agent(number: int, *, state=AgentState.READY, **skills: int) -> Agent:
    return Agent(number, f"a{number}", state, 1, f"PJSIP/{number}", {"lang:en": 5, "general": 5, **skills}, 0.0)


def caller(number: int, since: float, **more) -> Need:
    return Need(number, f"c{number}", "general", since, 1, required={"general": 1}, **more)


def wish(number: int, since: float, *, state=CallbackState.WAITING, required=None, of="", **more) -> CallbackSeen:
    kept = CallbackWish(
        "c0", of or f"+8613{number}", None, "general", "x", "en", "keep_place", since, since,
        required or {"general": 1}, **more,
    )  # fmt: skip
    return CallbackSeen(number, 4, state, kept, next_at=0.0)


def share(needs, agents, callbacks, most=9):
    shares = share_out(Snapshot(tuple(needs), tuple(agents)), callbacks, NOW, most)
    return [d.need_id for d in shares.decisions], [one.id for one in shares.to_dial]


def test_a_callback_is_dialled_when_an_agent_is_ready_and_nobody_came_before():
    assert share([], [agent(1)], [wish(7, 100)]) == ([], [7])


def test_nobody_is_called_while_no_agent_is_ready():
    assert share([], [agent(1, state=AgentState.BUSY)], [wish(7, 100)]) == ([], [])


def test_who_has_waited_longer_is_served_first_and_the_callback_is_not_dialled_yet():
    assert share([caller(1, 50)], [agent(1)], [wish(7, 100)]) == ([1], [])


def test_who_came_later_does_not_take_the_agent_of_a_callback_whose_turn_it_is():
    assert share([caller(1, 150)], [agent(1)], [wish(7, 100)]) == ([], [7])


def test_credit_counts_for_both():
    assert share([caller(1, 150, credit_s=100)], [agent(1)], [wish(7, 100)]) == ([1], [])
    assert share([caller(1, 50)], [agent(1)], [wish(7, 100, credit_s=60)]) == ([], [7])


def test_an_agent_is_kept_for_a_phone_that_rings():
    assert share([caller(1, 150)], [agent(1)], [wish(7, 100, state=CallbackState.DIALLING)]) == ([], [])
    assert share([caller(1, 150)], [agent(1), agent(2)], [wish(7, 100, state=CallbackState.DIALLING)]) == ([1], [])


def test_a_customer_who_asked_to_be_connected_stands_there_by_their_own_need_alone():
    assert share([caller(1, 150)], [agent(1)], [wish(7, 100, state=CallbackState.TALKING)]) == ([1], [])
    ringing = wish(7, 100, state=CallbackState.DIALLING)  # as it was read a moment ago
    connected = Need(1, ringing.call_id, "general", 100, 1, required={"general": 1})
    assert share([connected], [agent(1)], [ringing]) == ([1], [])


def test_no_more_phones_ring_than_agents_are_ready():
    assert share([], [agent(1), agent(2)], [wish(7, 1), wish(8, 2), wish(9, 3)]) == ([], [7, 8])
    ringing = wish(7, 1, state=CallbackState.DIALLING)
    assert share([], [agent(1), agent(2)], [ringing, wish(8, 2), wish(9, 3)]) == ([], [8])


def test_a_callback_beyond_what_may_ring_at_once_keeps_no_agent_from_callers():
    agents, needs = [agent(1), agent(2), agent(3)], [caller(1, 500), caller(2, 600)]
    assert share(needs, agents, [wish(7, 1), wish(8, 2)], most=1) == ([1, 2], [7])
    assert share(needs, agents, [wish(7, 1), wish(8, 2)], most=0) == ([1, 2], [])


def test_of_two_wishes_of_a_number_one_is_dialled_and_the_other_keeps_no_agent():
    same = [wish(8, 400, of="+861", required={"cards": 1}), wish(7, 1, of="+861")]
    agents = [agent(1), agent(2, cards=5)]
    assert share([], agents, same) == ([], [7])
    waiting = Need(1, "c1", "cards", 900, 1, required={"cards": 1})
    assert share([waiting], agents, same) == ([1], [7])
    assert share([], agents, [*same, wish(9, 3)]) == ([], [7, 9])


def test_a_callback_waits_for_an_agent_who_fits():
    asks_more = wish(7, 1, required={"cards": 3})
    assert share([caller(1, 500)], [agent(1)], [asks_more]) == ([1], [])
    assert share([], [agent(1), agent(2, cards=4)], [asks_more]) == ([], [7])


def test_a_callback_that_is_not_due_or_whose_number_is_on_the_line_keeps_no_place():
    later = CallbackSeen(7, 1, CallbackState.WAITING, wish(7, 1).wish, next_at=NOW + 1)
    calling = CallbackSeen(8, 1, CallbackState.WAITING, wish(8, 1).wish, on_the_line=True)
    assert share([caller(1, 500)], [agent(1)], [later, calling]) == ([1], [])


def test_a_call_names_the_wish_and_the_claim_that_it_carries_out():
    assert of_call(wish(7, 1).call_id) == (7, 4)
    for other in ("1795.1", "callback-7", "callback-7-x", "xcallback-7-1", "callback-7-1\n", "callback-7-1-2"):
        assert of_call(other) is None


times = st.integers(0, 60).map(float)


@given(
    st.lists(st.tuples(times, st.sampled_from(list(NeedState))), max_size=6),
    st.lists(st.sampled_from(list(AgentState)), max_size=6),
    st.lists(st.tuples(times, st.sampled_from(list(CallbackState)[:3])), max_size=6),
    st.integers(0, 3),
)
def test_shares_never_exceed_agents_or_bounds_and_never_pass_over_who_waited_longer(waiting, states, wishes, most):
    needs = [caller(n, since, state=state) for n, (since, state) in enumerate(waiting, 1)]
    agents = [agent(n, state=state) for n, state in enumerate(states, 1)]
    callbacks = [wish(n, since, state=state) for n, (since, state) in enumerate(wishes, 1)]
    shares = share_out(Snapshot(tuple(needs), tuple(agents)), callbacks, NOW, most)
    ready = sum(state is AgentState.READY for state in states)
    assert len(shares.to_dial) <= most
    assert len(shares.decisions) + len(shares.to_dial) <= ready
    if shares.to_dial:
        served = {decision.need_id for decision in shares.decisions}
        last = max(one.wish.since for one in shares.to_dial)
        assert all(need.id in served for need in needs if need.state is NeedState.WAITING and need.since < last)
    if not callbacks:
        assert shares.decisions == decide(Snapshot(tuple(needs), tuple(agents)), NOW)
