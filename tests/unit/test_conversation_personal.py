"""Whole calls of callers whose menus are their own: by rule, habit and segment, with keys that may move, and frozen."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.conversation import converse
from ivr.parts import Edition
from ivr.ports import Clip
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.utterances import all_of
from ivr.testing.books import SMALL
from ivr.testing.generated import MOMENTS, books, callers
from ivr.testing.line import Action, Break, HangUp, Press, ScriptedLeg
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts, HistoryEvent, MenuMemory
from menus.loader import parse_book
from menus.phrases import option_text
from menus.schema import Menu, MenuBook

#: A customer. The stage's clock begins on the 21st of September 2026.
SOMEBODY = CallerFacts(ani=ANI, customer_id=7, matches=1, language="en")


def the_book(*changes: tuple[str, str], main: str = "") -> MenuBook:
    """The small book with a key that freezes, other changes, and more said of its top menu."""
    text = SMALL.replace("heard_within_s: 30", "heard_within_s: 40\nfreeze_key: 8\nfrozen: kept\nunfrozen: free")
    text = text.replace("prompts:\n", "prompts:\n  kept: {text: {en: Kept., zh: 已保留。}}\n", 1)
    text = text.replace("prompts:\n", "prompts:\n  free: {text: {en: Free., zh: 已取消。}}\n", 1)
    for old, new in (*changes, ("    order: personal\n", f"    order: personal\n{main}")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse_book({"small.yaml": text})


def said_of(option: str, more: str) -> tuple[str, str]:
    """One more thing said of an option of the top menu."""
    return f"{{id: {option}, key:", f"{{id: {option}, {more}, key:"


def options_heard(leg: ScriptedLeg) -> list[str]:
    return [name.removeprefix("main.") for name in leg.heard if name.startswith("main.")]


def why(stage: Stage, call_id: str = "call-1") -> dict[str, str]:
    return dict(stage.told("menu", call_id)[-1]["record"]["why"])


async def first_heard(stage: Stage, call_id: str = "call-1", *script: Action, facts: CallerFacts | None = None) -> str:
    """The option that a caller hears first."""
    if facts is not None:
        stage.store.facts[ANI] = (facts,)
    await stage.take(leg := stage.leg(*(script or (HangUp(),)), call_id=call_id))
    return options_heard(leg)[0]


def habit_of(task: str, *, day: int = 21) -> CallerFacts:
    """A customer who does this on that day of every month."""
    times = [datetime(2026, month, day, 9, tzinfo=UTC) for month in range(1, 9)]
    return replace(SOMEBODY, history=tuple(HistoryEvent(at, task) for at in times))


async def test_transfers_come_first_in_the_first_days_of_a_month_when_the_book_says_so() -> None:
    stage = Stage(the_book(said_of("transfer", "promote_when: calendar.month_start")))
    assert await first_heard(stage) == "balance"
    stage.clock.advance(timedelta(days=11).total_seconds())  # the 2nd of October
    assert await first_heard(stage, "call-2") == "transfer"
    assert why(stage, "call-2") == {"transfer": "rule"}


async def test_a_new_option_comes_first_for_the_customers_drawn_and_stays_there_when_the_menu_is_said_again() -> None:
    stage = Stage(
        the_book(said_of("cards", "explore: true"), main="    gate: {explore: 0.2}\n"),
        settings={"personal": {"hold_out": 0}},
    )
    firsts = set()
    for customer in range(40):
        facts = replace(SOMEBODY, customer_id=customer)
        stage.store.facts[ANI] = (facts,)
        await stage.take(stage.leg(Press("#"), HangUp(), call_id=f"call-{customer}"))
        menus = stage.told("menu", f"call-{customer}")
        drawn = menus[-1]["record"]["drawn"]
        assert {one["record"]["promoted"] == drawn for one in menus} == {True}
        firsts.add((tuple(drawn), menus[0]["order"][0]["option"], menus[-1]["order"][0]["option"]))
    assert firsts == {((), "balance", "balance"), (("cards",), "cards", "cards")}


async def test_cards_come_first_for_a_customer_whose_card_expires_soon() -> None:
    stage = Stage(the_book(said_of("cards", "promote_when: customer.card_expires_in_days <= 30")))
    late = replace(SOMEBODY, key_dates=(("card_expiry", date(2027, 9, 21)),))
    assert await first_heard(stage, facts=late) == "balance"
    soon = replace(SOMEBODY, key_dates=(("card_expiry", date(2026, 10, 1)),))
    assert await first_heard(stage, "call-2", facts=soon) == "cards"


async def test_an_event_in_a_customers_life_brings_an_option_forward_and_another_into_the_menu() -> None:
    moved = "\"'moving_house' in customer.life_events\""
    stage = Stage(the_book(said_of("cards", f"when: {moved}"), said_of("transfer", f"promote_when: {moved}")))
    await stage.take(leg := stage.leg(HangUp()))
    assert options_heard(leg) == ["balance", "transfer", "chinese", "complaint", "agent"]
    stage.store.facts[ANI] = (replace(SOMEBODY, life_events=(("moving_house", date(2026, 8, 1)),)),)
    await stage.take(leg := stage.leg(HangUp(), call_id="call-2"))
    assert options_heard(leg) == ["transfer", "balance", "cards", "chinese", "complaint", "agent"]


async def test_a_segment_hears_first_what_the_book_has_for_it() -> None:
    book = the_book(
        said_of("cards", "promote_for: [private]"), ("languages: [en, zh]", "languages: [en, zh]\nsegments: [private]")
    )
    stage = Stage(book)
    assert await first_heard(stage, facts=replace(SOMEBODY, segment="mass")) == "balance"
    assert await first_heard(stage, "call-2", facts=replace(SOMEBODY, segment="private")) == "cards"
    assert why(stage, "call-2") == {"cards": "segment"}


async def test_the_key_of_a_hidden_option_is_a_wrong_key() -> None:
    stage = Stage(the_book(said_of("transfer", "when: customer.known")))
    await stage.take(leg := stage.leg(Press("2", hearing="main.balance"), HangUp("again")))
    assert "wrong" in leg.heard
    assert stage.told("invalid") == [{"menu": "main", "key": "2"}]
    stage.store.facts[ANI] = (SOMEBODY,)
    await stage.take(stage.leg(Press("2", hearing="main.balance"), HangUp("hold"), call_id="call-2"))
    assert [key["option"] for key in stage.told("key", "call-2")] == ["transfer"]


async def test_the_key_of_a_hidden_option_is_wrong_also_when_it_is_typed_ahead() -> None:
    stage = Stage(the_book(said_of("transfer", "when: customer.known")))
    await stage.take(stage.leg(Press("2", hearing="welcome"), HangUp("main")))
    assert stage.told("invalid") == [{"menu": "main", "key": "2"}]


async def test_a_condition_on_a_queue_is_asked_when_the_menu_is_spoken_and_never_holds_a_caller() -> None:
    stage = Stage(the_book(said_of("cards", "promote_when: queue.general.agents_ready > 0")))
    assert await first_heard(stage) == "balance"
    stage.agent()
    assert await first_heard(stage, "call-2") == "cards"
    stage.store.away = True
    async with stage.dispatching():
        await converse(leg := stage.leg(HangUp(), call_id="call-3"), stage.parts)
    assert options_heard(leg)[0] == "balance"


async def test_a_shortcut_is_offered_on_its_own_key_before_the_whole_menu() -> None:
    stage = Stage(the_book(main="    keys: shortcut\n"))
    stage.store.facts[ANI] = (habit_of("card"),)
    await stage.take(leg := stage.leg(Press("3", hearing="main.balance"), HangUp("cards.lost")))
    assert options_heard(leg) == ["cards", "balance"]
    assert [key["option"] for key in stage.told("key")] == ["cards"]
    await stage.take(leg := stage.leg(HangUp(), call_id="call-2"))
    assert options_heard(leg) == ["cards", "balance", "transfer", "cards", "chinese", "complaint", "agent"]


RENUMBER = "    keys: renumber\n"


def texts_of_options(stage: Stage) -> list[str]:
    clips = [clip for prompts in stage.told("prompts") for clip in prompts["clips"]]
    return [clip["text"] for clip in clips if clip["prompt"].startswith("main.")]


async def test_renumbered_keys_are_told_and_mean_what_was_told_also_after_a_repeat() -> None:
    stage = Stage(the_book(main=RENUMBER))
    stage.store.facts[ANI] = (habit_of("card"),)
    script = (Press("#", hearing="main.chinese"), Press("1", hearing="again"), HangUp("cards.lost"))
    await stage.take(leg := stage.leg(*script))
    assert texts_of_options(stage)[:3] == [
        "For cards, press one.",
        "For balance, press two.",
        "For transfers, press three.",
    ]
    assert leg.heard[-1] == "cards.lost"
    assert stage.told("key") == [{"menu": "main", "key": "1", "option": "cards", "label": "cards", "task": "card"}]


async def test_a_renumbered_key_that_is_typed_ahead_means_what_would_be_told() -> None:
    stage = Stage(the_book(main=RENUMBER))
    stage.store.facts[ANI] = (habit_of("card"),)
    await stage.take(leg := stage.leg(Press("1", hearing="welcome"), HangUp("cards.lost")))
    assert leg.heard == ["welcome", "cards.lost"]


async def test_complaint_and_agent_keep_their_keys_when_others_are_renumbered() -> None:
    stage = Stage(the_book(main=RENUMBER))
    stage.store.facts[ANI] = (habit_of("card"),)
    await stage.take(stage.leg(Press("5", hearing="main.cards"), HangUp("hold")))
    assert [key["option"] for key in stage.told("key")] == ["complaint"]


async def test_on_another_engine_a_renumbered_key_means_what_the_first_engine_told() -> None:
    first = Stage(the_book(main=RENUMBER))
    first.store.facts[ANI] = (habit_of("card"),)
    await first.take(first.leg(Break(hearing="main.transfer")))
    second = Stage(the_book(main=RENUMBER), beside=first, node="node-b")
    second.directory.late = True  # the second engine does not find out who calls
    await second.take(leg := second.leg(Press("1", hearing="main"), HangUp("cards.lost"), rung=2))
    assert leg.heard == ["main", "cards.lost"]
    assert [key["option"] for key in second.told("key")] == ["cards"]


async def test_a_key_keeps_its_meaning_until_another_was_told() -> None:
    """After ten seconds a rule brings cards forward, and with `renumber` onto key 1."""
    book = the_book(said_of("cards", "promote_when: call.seconds > 10"), main=RENUMBER)
    for presses, option in ((Press("1", hearing="again"), "balance"), (Press("1", hearing="main.balance"), "cards")):
        stage = Stage(book)
        await stage.take(leg := stage.leg(Press("#", after_s=1), presses, HangUp("hold"), HangUp("cards.lost")))
        assert options_heard(leg)[:2] == ["balance", "transfer"]
        assert [key["option"] for key in stage.told("key")] == [option]


async def test_an_offer_of_which_nothing_was_heard_changes_no_key() -> None:
    book = the_book(said_of("cards", "promote_when: call.seconds > 10"), main=RENUMBER)
    stage = Stage(book)
    script = (Press("#", after_s=1), Press("#", hearing="again"), Press("1", hearing="again"), HangUp("hold"))
    await stage.take(stage.leg(*script))
    assert [key["option"] for key in stage.told("key")] == ["balance"]


async def test_what_a_caller_may_expect_is_worked_out_from_the_sounds_as_they_are() -> None:
    book = the_book()
    assert await first_heard(Stage(book), facts=habit_of("card")) == "cards"
    stage = Stage(book)
    slow = {said: Clip(said.text, said.text, 60 if "cards" in said.text else 2) for said in all_of(book)}
    stage.editions[1] = Edition.of(1, book, Catalogue(book, slow))
    assert await first_heard(stage, facts=habit_of("card")) == "balance"  # a minute of cards is too long for the rest
    record = stage.told("menu")[0]["record"]
    assert (record["seconds"]["cards"], record["seconds"]["balance"]) == (60, 2)
    assert record["expected_s"]["spoken"] == record["expected_s"]["book"]


def memory_of(stage: Stage) -> MenuMemory:
    return stage.store.memories["customer:7", "main"]


async def test_a_menu_that_was_frozen_stays_as_it_is_until_the_key_is_pressed_again() -> None:
    stage = Stage(the_book(said_of("transfer", "promote_when: calendar.day == 21")))
    freeze = (Press("8", hearing="main.chinese"), HangUp())
    assert await first_heard(stage, "call-1", *freeze, facts=habit_of("card")) == "transfer"
    assert stage.told("frozen") == [{"menu": "main", "frozen": True, "promoted": ["transfer", "cards"]}]
    assert memory_of(stage) == MenuMemory(("transfer", "cards"), frozen=True)

    stage.clock.advance(timedelta(days=9).total_seconds())  # the 30th: neither the rule nor the habit holds
    assert await first_heard(stage, "call-2") == "transfer"
    assert why(stage, "call-2") == {"transfer": "frozen", "cards": "frozen"}

    await stage.take(leg := stage.leg(Press("8", hearing="main.chinese"), HangUp(), call_id="call-3"))
    assert [name for name in leg.heard if name in ("kept", "free")] == ["free"]
    assert options_heard(leg)[4:6] == ["balance", "transfer"]  # in the same call the menu is the book's again
    assert not memory_of(stage).frozen
    assert await first_heard(stage, "call-4") == "balance"


async def test_a_caller_who_freezes_a_menu_is_told_and_hears_it_again() -> None:
    stage = Stage(the_book())
    stage.store.facts[ANI] = (SOMEBODY,)
    await stage.take(leg := stage.leg(Press("8", hearing="main.balance"), HangUp("main.balance")))
    assert leg.heard == ["welcome", "main", "main.balance", "kept", "again", "main.balance"]


async def test_a_menu_can_be_frozen_before_it_is_heard() -> None:
    stage = Stage(the_book())
    stage.store.facts[ANI] = (habit_of("card"),)
    await stage.take(stage.leg(Press("8", hearing="welcome"), HangUp("main.balance")))
    assert memory_of(stage) == MenuMemory(("cards",), frozen=True)


async def test_nothing_is_frozen_for_callers_of_whom_nothing_can_be_remembered() -> None:
    stage = Stage(the_book())
    await stage.take(leg := stage.leg(Press("8", hearing="main.balance"), HangUp("again"), ani=None))
    assert leg.heard[-2:] == ["main.balance", "again"]
    assert not stage.store.memories


async def test_an_unknown_number_can_freeze_what_rules_promote() -> None:
    stage = Stage(the_book(said_of("transfer", "promote_when: calendar.day == 21")))
    await stage.take(stage.leg(Press("8", hearing="main.chinese"), HangUp()))
    assert stage.store.memories[f"number:{ANI}", "main"] == MenuMemory(("transfer",), frozen=True)


async def test_a_new_habit_needs_several_calls_and_each_call_counts_once() -> None:
    stage = Stage(the_book(main="    gate: {steady_calls: 3}\n"))
    stage.store.facts[ANI] = (habit_of("card"),)
    firsts = []
    for number in range(1, 5):
        firsts.append(await first_heard(stage, f"call-{number}", Press("#", hearing="main.chinese"), HangUp()))
        assert memory_of(stage).streak == number
    assert firsts == ["balance", "balance", "cards", "cards"]
    stage.store.facts[ANI] = (habit_of("transfer"),)
    assert await first_heard(stage, "call-5") == "balance"  # cards first would only cost this caller time
    assert memory_of(stage) == MenuMemory(("cards",), ("transfer",), 1)


async def test_an_engine_that_takes_a_call_over_does_not_count_its_menu_again() -> None:
    first = Stage(the_book(main="    gate: {steady_calls: 3}\n"))
    first.store.facts[ANI] = (habit_of("card"),)
    await first.take(first.leg(Break(hearing="main.balance")))
    second = Stage(the_book(main="    gate: {steady_calls: 3}\n"), beside=first, node="node-b")
    await second.take(second.leg(HangUp(), rung=2))
    assert memory_of(second).streak == 1


async def test_a_menu_that_was_only_typed_through_counts_for_nothing() -> None:
    stage = Stage(the_book())
    stage.store.facts[ANI] = (habit_of("card"),)
    await stage.take(stage.leg(Press("1", hearing="welcome"), HangUp("hold")))
    assert not stage.store.memories


async def test_nothing_is_remembered_of_callers_without_habits() -> None:
    stage = Stage(the_book())
    stage.store.facts[ANI] = (SOMEBODY,)
    await stage.take(stage.leg(HangUp()))
    await stage.take(stage.leg(HangUp(), call_id="call-2", ani="+8613900000001"))
    assert not stage.store.memories


PRESSES = st.builds(
    Press,
    st.sampled_from("1234567890#8"),
    st.none() | st.sampled_from(["main", "again", "wrong", *(f"main.option{n}" for n in range(12))]),
)


@settings(max_examples=25)
@given(st.data())
def test_whatever_a_caller_presses_means_what_they_were_told(data: st.DataObject) -> None:
    now = data.draw(MOMENTS)
    book, facts = data.draw(books()), data.draw(callers(now))
    stage = Stage(book)
    stage.clock.advance(max(0.0, now.timestamp() - stage.clock.now()))
    if facts.ani is not None:
        stage.store.facts[facts.ani] = (facts,) if facts.customer_id is not None else ()
        for menu, memory in facts.memory.items():
            stage.store.memories[f"number:{facts.ani}", menu] = memory
    leg = stage.leg(*data.draw(st.lists(PRESSES, max_size=6)), HangUp("hold"), ani=facts.ani)
    leg.most_waits = 30
    asyncio.run(stage.take(leg))
    _assert_keys_meant_what_was_told(book, [(row.kind, row.data) for row in stage.store.events])


def _assert_keys_meant_what_was_told(book: MenuBook, events: list[tuple[str, Mapping[str, Any]]]) -> None:
    """Read from what was said, word for word, and from nothing else."""
    menu = book.steps["main"]
    assert isinstance(menu, Menu)
    language, told, offered = "", {}, set[str]()
    for kind, data in events:
        if kind == "identified":
            language = data["language"]
        elif kind == "menu" and data["menu"] == "main":
            offered = {option["option"] for option in data["order"]}
        elif kind == "prompts":
            for clip in data["clips"]:
                name = clip["prompt"].removeprefix("main.")
                option = next((one for one in menu.offered(language) if f"main.{one.id}" == clip["prompt"]), None)
                if option is not None and clip["heard_s"] == clip["of_s"]:
                    (key,) = [k for k in "1234567890" if option_text(book, option, language, k) == clip["text"]]
                    told[key] = name
        elif kind == "key" and data["menu"] == "main" and told.get(data["key"]) in offered:
            assert data["option"] == told[data["key"]]
        elif kind == "invalid" and data["menu"] == "main":
            assert told.get(data["key"]) not in offered
