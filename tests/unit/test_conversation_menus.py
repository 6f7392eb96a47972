"""A caller in the menus: what they hear, what their keys do, and what is remembered of it."""

from datetime import UTC, datetime

from ivr.testing.books import SMALL, book_with_a_menu_after_talks
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts, HistoryEvent
from menus.loader import parse_book

MAIN = [f"main.{option}" for option in ("balance", "transfer", "cards", "chinese", "complaint", "agent")]


def _changed(*changes: tuple[str, str]) -> Stage:
    """A stage whose book differs from the small one."""
    text = SMALL
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return Stage(parse_book({"small.yaml": text}))


def _transferrer(language: str = "en") -> CallerFacts:
    """A customer who transfers on the 21st, which is today."""
    times = [datetime(2026, month, 21, 9, tzinfo=UTC) for month in range(1, 9)]
    history = tuple(HistoryEvent(at, "transfer") for at in times)
    return CallerFacts(ani=ANI, customer_id=7, matches=1, language=language, history=history)


async def test_a_caller_who_listens_hears_welcome_greeting_and_options_in_the_books_order() -> None:
    stage = Stage()
    await stage.take(leg := stage.leg(HangUp()))
    assert leg.answered
    assert leg.heard == ["welcome", "main", *MAIN]


async def test_a_key_during_an_option_stops_it_and_counts() -> None:
    stage = Stage()
    await stage.take(leg := stage.leg(Press("3", hearing="main.balance"), HangUp(hearing="cards.lost")))
    assert leg.heard == ["welcome", "main", "main.balance", "cards.lost"]
    assert [(key["menu"], key["key"], key["option"], key["label"]) for key in stage.told("key")] == [
        ("main", "3", "cards", "cards")
    ]


async def test_a_prompt_that_was_cut_short_is_recorded_with_how_much_was_heard() -> None:
    stage = Stage()
    await stage.take(stage.leg(Press("3", hearing="main.balance"), HangUp()))
    _, main, _ = stage.told("prompts")
    assert [clip["prompt"] for clip in main["clips"]] == ["main", "main.balance"]
    whole, part = main["clips"]
    assert whole["heard_s"] == whole["of_s"] > 0
    assert 0 < part["heard_s"] < part["of_s"]


async def test_a_key_typed_during_the_welcome_is_the_answer_to_the_first_menu() -> None:
    stage = Stage()
    await stage.take(leg := stage.leg(Press("3", hearing="welcome"), HangUp()))
    assert leg.heard == ["welcome", "cards.lost", "cards.agent"]
    assert [key["option"] for key in stage.told("key")] == ["cards"]


async def test_a_key_typed_during_the_first_of_several_prompts_stops_them_all() -> None:
    stage = _changed(("prompts: [welcome], then: main", "prompts: [welcome, still], then: main"))
    await stage.take(leg := stage.leg(Press("3", hearing="welcome"), HangUp(hearing="cards.lost")))
    assert leg.heard == ["welcome", "cards.lost"]


async def test_a_goodbye_is_said_to_its_end_whatever_is_pressed() -> None:
    stage = Stage()
    stage.agent()
    await stage.take(stage.leg(Press("0", hearing="main"), Press("1", hearing="bye")))
    (bye,) = stage.told("prompts")[-1]["clips"]
    assert (bye["prompt"], bye["heard_s"]) == ("bye", bye["of_s"])


async def test_a_key_typed_during_a_no_input_prompt_answers_the_menu_without_speaking_it_again() -> None:
    stage = Stage()
    await stage.take(leg := stage.leg(Press("3", hearing="silent"), HangUp()))
    assert leg.heard == ["welcome", "main", *MAIN, "silent", "cards.lost", "cards.agent"]


async def test_a_key_typed_before_a_queue_is_not_kept_for_the_menu_after_it() -> None:
    stage = Stage(book_with_a_menu_after_talks())
    stage.agent()
    leg = stage.leg(Press("2", hearing="main"), Press("1", hearing="notice"), HangUp(hearing="after.done"))
    await stage.take(leg)
    assert leg.heard == ["welcome", "main", "notice", "after.done"]
    assert [key["option"] for key in stage.told("key")] == ["transfer"]


async def test_silence_and_wrong_keys_are_counted_apart() -> None:
    stage = Stage()
    leg = stage.leg(Press("9", hearing="main.balance"), HangUp(hearing="silent_again"))
    await stage.take(leg)
    assert [name for name in leg.heard if name in ("wrong", "silent", "silent_again")] == [
        "wrong",
        "silent",
        "silent_again",
    ]
    assert [kind.kind for kind in stage.store.events if kind.kind in ("invalid", "no_input")] == [
        "invalid",
        "no_input",
        "no_input",
    ]


async def test_a_wrong_key_is_recorded() -> None:
    stage = Stage()
    await stage.take(stage.leg(Press("9", hearing="main.balance"), HangUp()))
    assert stage.told("invalid") == [{"menu": "main", "key": "9"}]


async def test_the_second_wrong_key_leads_to_an_agent() -> None:
    stage = Stage()
    stage.agent()
    row = await stage.take(leg := stage.leg(Press("9", hearing="main"), Press("9", hearing="again")))
    assert leg.heard == ["welcome", "main", "wrong", "again", "bye"]
    assert (row.result, row.reason) == ("served", "agent")
    assert stage.told("gave_up") == [{"menu": "main", "key": "9"}]


async def test_three_silences_lead_to_an_agent() -> None:
    stage = Stage()
    stage.agent()
    row = await stage.take(leg := stage.leg())
    assert [name for name in leg.heard if not name.startswith("main.")] == [
        "welcome", "main", "silent", "again", "silent_again", "again", "bye",
    ]  # fmt: skip
    assert (row.result, row.reason) == ("served", "agent")


async def test_a_menu_waits_for_a_key_as_long_as_the_book_says() -> None:
    stage = Stage()
    await stage.take(stage.leg(HangUp(hearing="silent")))
    spoken_s = sum(clip["heard_s"] for prompts in stage.told("prompts") for clip in prompts["clips"])
    silent_s = stage.clock.monotonic() - spoken_s
    assert abs(silent_s - 5) < 0.01


async def test_a_wake_meant_for_a_queue_is_no_key_and_does_not_shorten_the_menus_wait() -> None:
    stage = Stage()
    leg = stage.leg(HangUp(hearing="silent"))
    quiet = Stage()
    await quiet.take(quiet.leg(HangUp(hearing="silent")))
    before_silence_s = quiet.clock.monotonic() - 3
    for tenth in range(10):
        stage.clock.later(before_silence_s + tenth / 10, leg.wake)
    await stage.take(leg)
    assert not stage.told("key")
    assert not stage.told("invalid")
    assert abs(stage.clock.monotonic() - quiet.clock.monotonic()) < 0.01


async def test_the_line_is_armed_for_every_prompt_and_every_wait() -> None:
    stage = Stage()
    await stage.take(leg := stage.leg(HangUp(hearing="silent")))
    dead_man_s = stage.parts.settings.calls.dead_man_s
    spoken = [sum(clip["of_s"] for clip in prompts["clips"]) for prompts in stage.told("prompts")]
    expected = [0.0, spoken[0], spoken[1], 5.0, spoken[2]]
    assert [round(armed - dead_man_s, 2) for armed in leg.armed] == [round(seconds, 2) for seconds in expected]


async def test_the_language_option_changes_the_language_of_everything_that_follows() -> None:
    stage = Stage()
    row = await stage.take(leg := stage.leg(Press("4", hearing="main.chinese"), HangUp(hearing="main.english")))
    assert "main.english" in leg.heard
    texts = [clip["text"] for clip in stage.told("prompts")[2]["clips"]]
    assert texts[0] == "再说一遍。"
    assert row.language == "zh"


async def test_a_known_customer_hears_their_own_language_and_habit_first() -> None:
    stage = Stage()
    stage.store.facts[ANI] = (_transferrer("zh"),)
    row = await stage.take(leg := stage.leg(HangUp()))
    assert leg.heard[:4] == ["welcome", "main", "main.transfer", "main.balance"]
    assert (row.language, row.customer_id) == ("zh", 7)
    (menu,) = stage.told("menu")
    first = {"option": "transfer", "key": "2", "task": "transfer", "promoted": True, "score": 0}
    assert menu["order"][0] | {"score": 0} == first
    assert menu["order"][0]["score"] > 0.5


async def test_facts_that_come_late_leave_the_books_order_and_language() -> None:
    stage = Stage()
    stage.store.facts[ANI] = (_transferrer("zh"),)
    stage.directory.late = True
    row = await stage.take(leg := stage.leg(HangUp()))
    assert leg.heard == ["welcome", "main", *MAIN]
    assert (row.language, row.customer_id) == ("en", None)


async def test_a_caller_who_is_held_out_keeps_the_books_order() -> None:
    stage = Stage(settings={"personal": {"hold_out": 0.5, "salt": "b"}})
    stage.store.facts[ANI] = (_transferrer(),)
    orders = set()
    for number in range(8):
        stage.store.facts[ANI] = (CallerFacts(ANI, number, 1, "en", None, _transferrer().history),)
        await stage.take(leg := stage.leg(HangUp(), call_id=f"call-{number}"))
        held_out = stage.told("menu", f"call-{number}")[0]["record"]["held_out"]
        orders.add((held_out, leg.heard[2]))
    assert orders == {(True, "main.balance"), (False, "main.transfer")}


async def test_on_days_that_are_off_everybody_hears_the_books_order_and_the_record_says_why() -> None:
    stage = Stage(settings={"personal": {"hold_out": 0.0, "cycle_days": 1}})
    stage.store.facts[ANI] = (_transferrer(),)
    told = []
    for number in range(2):
        await stage.take(leg := stage.leg(HangUp(), call_id=f"call-{number}"))
        record = stage.told("menu", f"call-{number}")[0]["record"]
        told.append((record["held"], record["held_out"], leg.heard[2]))
        stage.clock.advance(86_400)
    assert set(told) == {("off_days", True, "main.balance"), (None, False, "main.transfer")}


async def test_what_the_one_identified_customer_chose_becomes_their_history() -> None:
    stage = Stage()
    stage.agent()
    stage.store.facts[ANI] = (_transferrer(),)
    await stage.take(stage.leg(Press("2", hearing="main")))
    assert [(row.customer_id, row.task, row.call_id) for row in stage.store.history] == [(7, "transfer", "call-1")]


async def test_an_option_without_a_task_becomes_nobodys_history() -> None:
    stage = Stage()
    stage.store.facts[ANI] = (_transferrer(),)
    await stage.take(stage.leg(Press("4", hearing="main"), HangUp()))
    assert stage.told("key")
    assert not stage.store.history


async def test_several_customers_on_one_number_get_the_static_menu_and_no_history() -> None:
    stage = Stage()
    stage.store.facts[ANI] = (_transferrer("zh"), CallerFacts(ANI, 8, 1, "zh"))
    await stage.take(leg := stage.leg(Press("2", hearing="main.transfer"), HangUp()))
    assert leg.heard[:3] == ["welcome", "main", "main.balance"]
    assert stage.told("identified")[0] | {"ms": 0} == {
        "matches": 2, "customer_id": None, "language": "en", "ms": 0, "rung": 1,
    }  # fmt: skip
    assert not stage.store.history


async def test_a_caller_without_a_number_gets_the_static_menu() -> None:
    stage = Stage()
    row = await stage.take(leg := stage.leg(HangUp(), ani=None))
    assert leg.heard == ["welcome", "main", *MAIN]
    assert row.ani is None
    assert stage.told("menu")[0]["record"]["held_out"] is True


async def test_a_national_number_is_looked_up_in_its_international_form() -> None:
    stage = Stage()
    stage.store.facts[ANI] = (_transferrer(),)
    row = await stage.take(stage.leg(HangUp(), ani="13800000001"))
    assert (row.ani, row.customer_id) == (ANI, 7)


async def test_a_customer_whose_language_the_book_lacks_hears_its_first() -> None:
    stage = Stage()
    stage.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "fr"),)
    row = await stage.take(stage.leg(HangUp()))
    assert row.language == "en"


async def test_the_back_key_leads_to_the_menu_before_and_the_repeat_key_repeats() -> None:
    stage = Stage()
    leg = stage.leg(Press("3", "main"), Press("#", "cards.lost"), Press("*", "cards.lost"), HangUp("again"))
    await stage.take(leg)
    assert leg.heard == ["welcome", "main", "cards.lost", "cards.lost", "again"]
    assert stage.told("repeated") == [{"menu": "cards", "key": "#"}]
    assert stage.told("back") == [{"menu": "cards", "key": "*"}]


async def test_a_call_keeps_the_edition_it_started_with() -> None:
    stage = Stage()

    def publish() -> None:
        stage.editions[2] = _changed(("  main: {text: {en: Main menu.", "  main: {text: {en: New menu.")).editions[1]

    stage.clock.later(1, publish)
    await stage.take(stage.leg(HangUp(hearing="main.agent")))
    assert stage.told("prompts")[1]["clips"][0]["text"] == "Main menu."
    await stage.take(stage.leg(HangUp(hearing="main.agent"), call_id="call-2"))
    assert stage.told("prompts", "call-2")[1]["clips"][0]["text"] == "New menu."


async def test_the_record_tells_by_which_way_a_step_was_left() -> None:
    stage = _changed(
        ("label: {en: cards, zh: 银行卡}, then: cards}", "label: {en: cards, zh: 银行卡}, then: ask}"),
        ("  to_zh:", "  ask: {kind: goto, cases: [{when: call.seconds >= 0, then: cards}], then: general}\n  to_zh:"),
    )
    await stage.take(stage.leg(Press("3", hearing="main"), HangUp(hearing="cards.lost")))
    assert stage.told("step")[1:] == [
        {"step": "main", "does": "menu"},
        {"step": "ask", "does": "goto"},
        {"step": "cards", "does": "menu", "by": "cases.0.then"},
    ]
