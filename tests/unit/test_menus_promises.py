"""What is promised of personal menus, held over every book, caller and personalisation that a book can state."""

import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.testing.books import small_book
from ivr.testing.generated import HISTORIES, MOMENTS, POLICIES, SCORES, ToldRanker, books, callers
from menus.facts import CallerFacts, HistoryEvent, MenuHeard, MenuMemory
from menus.learning.ranker import KernelRanker
from menus.pace import estimated_s, heard_after_s
from menus.personalise import SpokenMenu, reproduce, spoken_menu
from menus.phrases import option_text
from menus.schema import Menu, MenuBook, Option

SMALL_BOOK = small_book()
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=SMALL_BOOK.zone)
IDS = st.lists(st.integers(0, 13).map(lambda n: f"option{n}"), unique=True)


def top_menu(book: MenuBook) -> Menu:
    menu = book.steps["main"]
    assert isinstance(menu, Menu)
    return menu


def expected_by_hand(order: list[str], chances: Mapping[str, float], seconds: Mapping[str, float]) -> float:
    """Summed option by option: how long until its first mention ends, times how likely it is wanted."""
    return sum(chance * sum(seconds[said] for said in order[: order.index(id_) + 1]) for id_, chance in chances.items())


def assert_promises(book: MenuBook, spoken: SpokenMenu, hidden: Collection[str], ruled: Collection[str]) -> None:
    """Every promise that can be seen on one spoken menu."""
    menu, record = top_menu(book), spoken.record
    language, gate = record["language"], menu.gate or book.gate
    offered = [o for o in menu.offered(language) if o.id not in hidden or o.task in ("complaint", "agent")]
    by_id = {option.id: option for option in offered}
    said = [option.id for option in spoken.options]
    promoted = [option.id for option in spoken.options if option.promoted]
    whole = spoken.options[len(promoted) :] if menu.keys == "shortcut" else spoken.options

    # Everybody is offered everything that is not hidden, complaint and agent in any case; the rest means nothing.
    assert sorted(option.id for option in whole) == sorted(by_id)
    assert {"complaint", "agent"} <= {option.task for option in spoken.options}
    offers = spoken.offers()
    assert sorted(offers.values()) == sorted(by_id)

    # Keys: one for each option, the same set as the book's; those of options that stay are the book's, always.
    keys = {option.id: option.key for option in spoken.options}
    assert {key: id_ for id_, key in keys.items()} == offers
    assert sorted(keys.values()) == sorted(option.key for option in offered)
    moving = menu.keys == "renumber" and menu.order == "personal"
    for option in offered:
        assert keys[option.id] == option.key or (moving and not option.stays)
    if moving:
        free_keys = [option.key for option in spoken.options if not by_id[option.id].stays]
        assert free_keys == sorted(free_keys, key="1234567890".index)

    # What stays keeps its slot in the menu; what is neither pinned nor promoted keeps its order.
    for slot, option in enumerate(offered):
        if option.stays:
            assert whole[slot].id == option.id
            assert option.id not in promoted
    if menu.keys == "shortcut":
        assert said == promoted + list(by_id)
    else:
        rest = [option.id for option in offered if not option.stays and option.id not in promoted]
        assert [id_ for id_ in said if not by_id[id_].stays] == promoted + rest

    # Few are promoted, and each for a reason, in the order of the reasons.
    why = record["why"]
    assert promoted == record["promoted"] == list(why)
    assert len(promoted) <= (0 if menu.order == "fixed" else gate.most)
    frozen = record["memory"] is not None and record["memory"]["frozen"]
    ranks = [("frozen", "rule", "explore", "habit", "popular", "segment").index(reason) for reason in why.values()]
    assert ranks == sorted(ranks)
    assert not ({"habit", "popular"} <= set(why.values()))
    tried_out = [id_ for id_, reason in why.items() if reason == "explore"]
    assert len(tried_out) <= (1 if gate.explore > 0 else 0)
    for id_ in tried_out:
        assert by_id[id_].explore
        assert id_ in record["drawn"]
        assert by_id[id_].task not in ("complaint", "agent")
        assert not record["held_out"]
        assert not frozen
        if record["settled"] is None and by_id[id_].task in record["scores"]:
            assert record["scores"][by_id[id_].task] < gate.least
    assert not frozen or set(why.values()) <= {"frozen"}
    assert frozen or "frozen" not in why.values()
    free = [] if menu.order == "fixed" else [option.id for option in offered if not option.stays]
    by_rule = [id_ for id_ in free if id_ in ruled][: gate.most]
    if not frozen:
        assert [id_ for id_, reason in why.items() if reason == "rule"] == by_rule
    if record["held_out"] and not frozen:
        assert promoted == by_rule
        if not by_rule:
            assert said == list(by_id)

    # Nobody has to expect to listen longer because of habits, nor longer than a new option takes because of that.
    seconds, scores = record["seconds"], record["scores"]
    sharing = [option.task for option in offered]
    own = {o.id: scores[o.task] / sharing.count(o.task) if o.task in scores else 0.0 for o in offered}
    rest_each = max(0.0, 1 - sum(own.values())) / len(own)
    chances = {id_: chance + rest_each for id_, chance in own.items()}
    expected = record["expected_s"]
    assert abs(expected["spoken"] - expected_by_hand(said, chances, seconds)) < 0.001
    assert abs(expected["book"] - expected_by_hand(list(by_id), chances, seconds)) < 0.001
    assert ("explored" in expected) == bool(tried_out)
    if tried_out:
        assert expected["explored"] <= expected["ruled"] + seconds[tried_out[0]] + 0.002
    if scores:
        assert expected["spoken"] <= expected.get("explored", expected["ruled"])
    if not by_rule and not frozen:
        assert expected["ruled"] == expected["book"]

    # Complaint and agent are heard in time, with the very words of this order.
    heard_s = estimated_s(book.prompts["main"].text[language])
    for one in spoken.options:
        option = by_id[one.id]
        heard_s += estimated_s(option_text(book, option, language, one.key))
        if option.task in ("complaint", "agent"):
            assert heard_s <= heard_after_s(book, menu, option, language) + 1e-9 <= book.heard_within_s + 2e-9

    # The record is plain and gives the same again, to the last bit.
    stored = json.loads(json.dumps(record, allow_nan=False, sort_keys=True))
    assert reproduce(book, stored) == stored == record


@st.composite
def situations(draw: st.DrawFn) -> dict[str, Any]:
    """A book, a caller, and whatever may be the case at that moment."""
    now = draw(MOMENTS)
    told = draw(st.none() | SCORES)
    book = draw(books())
    heard = st.builds(
        MenuHeard,
        st.sampled_from(["customer:7", "number:+8613800000009", None]),
        habit=IDS.map(tuple),
        explored=IDS.map(tuple),
        spoken=st.booleans(),
    )
    long = {option.id: draw(st.floats(0.3, 9)) for option in top_menu(book).options}
    return {
        "book": book,
        "facts": draw(callers(now)),
        "now": now,
        "language": draw(st.sampled_from(["en", "zh"])),
        "ranker": KernelRanker() if told is None else ToldRanker(told),
        "held_out": draw(st.booleans()),
        "again": draw(st.booleans()),
        "hidden": draw(IDS),
        "ruled": draw(IDS),
        "seconds": draw(st.none() | st.just(long)),
        "heard": draw(st.none() | heard),
        "drawn": draw(st.permutations([f"option{n}" for n in range(12)]) | IDS),
    }


@settings(max_examples=100)
@given(situations())
def test_no_personal_menu_takes_anything_from_a_caller(situation: dict[str, Any]) -> None:
    spoken = spoken_menu(name="main", **situation)
    assert_promises(situation["book"], spoken, situation["hidden"], situation["ruled"])


@settings(max_examples=40)
@given(situations())
def test_a_menu_heard_again_in_the_same_call_is_the_same(situation: dict[str, Any]) -> None:
    first = spoken_menu(name="main", **situation)
    second = spoken_menu(name="main", **{**situation, "heard": first.heard, "again": True})
    assert second.options == first.options
    assert second.heard == first.heard
    assert second.memory is None


@settings(max_examples=40)
@given(situations(), IDS, IDS)
def test_a_key_means_what_was_told_of_it_last(
    situation: dict[str, Any], hidden: list[str], heard_now: list[str]
) -> None:
    first = spoken_menu(name="main", **situation)
    second = spoken_menu(name="main", **{**situation, "heard": first.heard, "hidden": hidden})
    offers = second.offers(heard_now)
    told_now = {option.key: option.id for option in second.options if option.id in heard_now}
    there = {option.id for option in second.options}
    assert {key: id_ for key, id_ in offers.items() if key in told_now} == told_now
    for key, id_ in first.offers().items():
        if key not in told_now and id_ in there:
            assert offers[key] == id_
    assert set(offers.values()) <= there


def _five_options(policy: str, most: int) -> MenuBook:
    book = SMALL_BOOK
    main = top_menu(book)
    kept = [option for option in main.options if option.id not in ("chinese", "english")]
    balance, transfer, cards, complaint, agent = kept
    transfer, cards = (one.model_copy(update={"explore": True}) for one in (transfer, cards))
    gate = {"promote_at": 0.3, "lead": 0.0, "most": most, "least": 0.1, "steady_calls": 2, "explore": 0.2}
    personal = {"options": (balance, transfer, complaint, cards, agent), "keys": policy, "gate": gate}
    main = Menu.model_validate(main.model_dump() | {k: _dumped(v) for k, v in personal.items()})
    return book.model_copy(update={"steps": {**book.steps, "main": main}})


def _dumped(value: Any) -> Any:
    return (
        [part.model_dump() if isinstance(part, Option) else part for part in value] if type(value) is tuple else value
    )


def _subsets(items: Collection[str]) -> Iterator[tuple[str, ...]]:
    yield from itertools.chain.from_iterable(itertools.combinations(items, count) for count in range(len(items) + 1))


def test_every_single_personalisation_of_a_small_menu_keeps_the_promises() -> None:
    free = ("balance", "transfer", "cards")
    known = CallerFacts(
        "+8613800000001", 7, 1, segment="private", history=(HistoryEvent(NOW.replace(month=10), "transfer"),)
    )
    scores = ({}, {"transfer": 0.5, "card": 0.4}, {"card": 0.9}, {"balance": 0.1, "transfer": 0.3, "card": 0.31})
    memories = [
        MenuMemory(promoted, wished, 1, frozen)
        for promoted in itertools.permutations(free, 2)
        for wished in ((), ("cards",))
        for frozen in (False, True)
    ]
    lots = ((), ("cards",), ("transfer",), ("transfer", "cards"), ("complaint", "balance", "cards", "transfer"))
    count = 0
    for policy, most in itertools.product(POLICIES, range(4)):
        book = _five_options(policy, most)
        for hidden, ruled in itertools.product(_subsets([*free, "complaint", "agent"]), _subsets(free)):
            for n, told in enumerate(scores):
                held_out, memory = bool((count + n) % 3 == 0), memories[count % len(memories)]
                facts = CallerFacts(**{**_fields(known), "memory": {"main": memory}})
                spoken = spoken_menu(
                    book, "main", facts, NOW, "en", ToldRanker(told), held_out=held_out, again=False,
                    hidden=hidden, ruled=ruled, drawn=lots[count % 5],
                )  # fmt: skip
                assert_promises(book, spoken, hidden, ruled)
                count += 1
    assert count == len(POLICIES) * 4 * 2**5 * 2**3 * len(scores)


def _fields(facts: CallerFacts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in CallerFacts.__slots__}


@settings(max_examples=30)
@given(books(), HISTORIES, MOMENTS, st.sampled_from(["en", "zh"]))
def test_callers_who_are_held_out_and_callers_unknown_hear_the_book(
    book: MenuBook, history: tuple[HistoryEvent, ...], now: datetime, language: str
) -> None:
    order = [option.id for option in top_menu(book).offered(language)]
    for facts, held_out in ((CallerFacts("+1", 7, 1, history=history), True), (CallerFacts(), False)):
        spoken = spoken_menu(book, "main", facts, now, language, KernelRanker(), held_out=held_out, again=False)
        assert [option.id for option in spoken.options] == order
        assert spoken.memory is None
