"""Personal menus: the likely first, complaint and agent always in their place, every decision explained."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ivr.testing.books import small_book
from menus.facts import CallerFacts, HistoryEvent
from menus.learning.ranker import KernelRanker
from menus.pace import estimated_s, heard_after_s
from menus.personalise import SpokenMenu, habit, held_out, reproduce, spoken_menu
from menus.phrases import option_text
from menus.rules import check
from menus.schema import Menu, MenuBook

BOOK = small_book()
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=ZONE)
KNOWN = CallerFacts(customer_id=1, history=(HistoryEvent(NOW - timedelta(days=40), "transfer"),))
STATIC = ["balance", "transfer", "cards", "chinese", "complaint", "agent"]


class Says:
    """A ranker that says what it is told."""

    name = "says"

    def __init__(self, **scores: float) -> None:
        self._scores = scores

    def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, float]:
        return self._scores


def hear(ranker: Any, facts: CallerFacts = KNOWN, *, held: bool = False, language: str = "en") -> SpokenMenu:
    return spoken_menu(BOOK, "main", facts, NOW, language, ranker, held_out=held, again=False)


def order(spoken: SpokenMenu) -> list[str]:
    return [option.id for option in spoken.options]


def test_a_likely_option_is_spoken_first_on_its_own_key() -> None:
    spoken = hear(Says(transfer=0.6, balance=0.1))
    assert order(spoken) == ["transfer", "balance", "cards", "chinese", "complaint", "agent"]
    first = spoken.options[0]
    assert (first.key, first.promoted, first.score, first.label) == ("2", True, 0.6, "transfers")
    assert not spoken.options[1].promoted


@pytest.mark.parametrize(
    "scores",
    [
        {},
        {"transfer": 0.49},
        {"transfer": 0.55, "balance": 0.4},
        {"complaint": 0.9},  # pinned: keeps its place
        {"agent": 0.9},
        {"insurance": 0.9},  # not on this menu
        {"transfer": float("nan")},
        {"transfer": float("inf")},
        {"transfer": -1.0, "card": 0.9},
        {"transfer": 0.9, "card": 0.9},
    ],
)
def test_the_book_has_the_order_when_nothing_is_sure(scores: dict[str, float]) -> None:
    spoken = hear(Says(**scores))
    assert order(spoken) == STATIC
    assert not any(option.promoted for option in spoken.options)


def test_a_second_option_is_promoted_when_it_is_likely_given_that_the_first_is_wrong() -> None:
    assert order(hear(Says(card=0.6, transfer=0.3)))[:3] == ["cards", "transfer", "balance"]
    assert order(hear(Says(card=0.8, transfer=0.15)))[:3] == ["cards", "balance", "transfer"]  # too faint
    assert order(hear(Says(card=0.55, transfer=0.22, balance=0.2)))[:3] == ["cards", "balance", "transfer"]  # too close


def test_held_out_callers_and_callers_without_history_hear_the_book() -> None:
    held = hear(Says(transfer=0.9), held=True)
    assert order(held) == STATIC
    assert held.record["scores"] == {"transfer": 0.9}
    assert order(hear(Says(transfer=0.9), CallerFacts())) == STATIC


def test_a_fixed_menu_is_the_same_for_all() -> None:
    spoken = spoken_menu(BOOK, "cards", KNOWN, NOW, "en", Says(agent=0.9), held_out=False, again=False)
    assert (order(spoken), spoken.greeting, spoken.record["scores"]) == (["lost", "agent"], None, {})


def test_the_greeting_is_shorter_on_return() -> None:
    again = spoken_menu(BOOK, "main", KNOWN, NOW, "en", Says(), held_out=False, again=True)
    assert (hear(Says()).greeting, again.greeting) == ("main", "again")


def test_the_language_option_is_that_of_the_call_and_speaks_the_other() -> None:
    labels = {option.id: option.label for option in hear(Says(), language="zh").options}
    assert labels["english"] == "English"
    assert "chinese" not in labels
    assert labels["balance"] == "余额"


def test_the_ranker_is_asked_in_the_time_zone_of_the_book() -> None:
    asked: list[datetime] = []

    class Notes(Says):
        def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, float]:
            asked.append(now)
            assert list(tasks) == ["balance", "transfer", "card", "complaint", "agent"]
            return {}

    spoken_menu(
        BOOK, "main", KNOWN, datetime(2026, 11, 30, 23, 0, tzinfo=UTC), "en", Notes(), held_out=False, again=False
    )
    assert (asked[0].day, asked[0].hour) == (1, 7)


def test_who_is_held_out_stays_so_and_the_share_is_kept() -> None:
    callers = [f"+86138{n:08}" for n in range(4000)]
    drawn = [held_out(caller, "salt", 0.1) for caller in callers]
    assert drawn == [held_out(caller, "salt", 0.1) for caller in callers]
    assert 320 < sum(drawn) < 480
    assert drawn != [held_out(caller, "other", 0.1) for caller in callers]
    assert not any(held_out(caller, "salt", 0.0) for caller in callers)


def month_start_transferrer(months: int = 12) -> CallerFacts:
    first = [datetime(2026 - (12 - m < 1), (m - 1) % 12 + 1, 1, 10, tzinfo=ZONE) for m in range(12 - months, 12)]
    return CallerFacts(customer_id=1, history=tuple(HistoryEvent(at, "transfer") for at in first))


def test_a_month_start_transferrer_hears_transfer_first_on_the_1st_and_not_on_the_15th() -> None:
    facts = month_start_transferrer()
    assert order(hear(KernelRanker(), facts))[0] == "transfer"
    mid = spoken_menu(BOOK, "main", facts, NOW.replace(day=15), "en", KernelRanker(), held_out=False, again=False)
    assert order(mid) == STATIC


def test_the_habit_is_told_in_the_agents_language() -> None:
    facts = month_start_transferrer()
    assert habit(BOOK, facts, NOW, "en") == "usually transfers money on the 1st"
    assert habit(BOOK, facts, NOW, "zh") == "通常在每月1日转账"
    assert habit(BOOK, month_start_transferrer(2), NOW, "en") == ""
    assert habit(BOOK, CallerFacts(), NOW, "en") == ""


def test_of_two_habits_the_one_near_today_is_told() -> None:
    paid = tuple(HistoryEvent(datetime(2026, m, 15, 9, tzinfo=ZONE), "balance") for m in range(1, 12))
    facts = CallerFacts(
        customer_id=1, history=tuple(sorted((*month_start_transferrer().history, *paid), key=lambda e: e.at))
    )
    assert habit(BOOK, facts, NOW.replace(day=2), "en") == "usually transfers money on the 1st"
    assert habit(BOOK, facts, NOW.replace(day=14), "en") == "usually checks the balance on the 15th"


@st.composite
def books(draw: st.DrawFn) -> MenuBook:
    """Books that pass every rule, with a personal top menu of any shape and gate."""
    count = draw(st.integers(3, 9))
    keys = draw(st.permutations("123456789"))
    complaint, agent = draw(st.permutations(range(count)))[:2]
    labels = st.text(st.sampled_from("abcdefgh "), min_size=1, max_size=40).filter(lambda text: text.strip() != "")
    options: list[dict[str, Any]] = []
    for n in range(count):
        option: dict[str, Any] = {"id": f"option{n}", "key": keys[n], "then": "general" if n else "cards"}
        option["label"] = {"en": draw(labels), "zh": draw(labels)}
        option["task"] = f"task{draw(st.integers(0, 5))}"
        option["pinned"] = draw(st.booleans())
        option["only_in"] = draw(st.sampled_from([(), (), (), ("en",), ("zh",)]))
        if n in (complaint, agent):
            option |= {"task": "complaint" if n == complaint else "agent", "pinned": True, "only_in": ()}
            option["key"] = "0" if n == agent else option["key"]
        options.append(option)
    main = BOOK.steps["main"].model_dump() | {"options": options}
    gate = {
        "promote_at": draw(st.floats(0.01, 1)),
        "lead": draw(st.floats(0, 1)),
        "most": draw(st.integers(0, 3)),
        "least": draw(st.floats(0, 1)),
    }
    tasks = {**BOOK.tasks, **{f"task{n}": {"en": "does", "zh": "做"} for n in range(6)}}
    steps = {name: step.model_dump() for name, step in BOOK.steps.items() if name not in ("to_zh", "to_en")}
    book = MenuBook.model_validate(
        BOOK.model_dump()
        | {"steps": steps | {"main": main}, "gate": gate, "tasks": tasks, "heard_within_s": draw(st.floats(5, 60))}
    )
    assume(all(finding.warning for finding in check(book)))
    return book


MOMENTS = st.integers(1_735_660_800, 1_798_732_800).map(lambda at: datetime.fromtimestamp(at, ZONE))  # 2025 and 2026
HISTORIES = st.lists(
    st.builds(
        HistoryEvent,
        MOMENTS,
        st.sampled_from([f"task{n}" for n in range(7)] + ["complaint", "agent"]),
    ),
    max_size=40,
).map(lambda events: tuple(sorted(events, key=lambda event: event.at)))
SCORES = st.dictionaries(st.sampled_from([f"task{n}" for n in range(6)] + ["complaint", "agent"]), st.floats(0, 1)).map(
    lambda scores: {task: score / max(1.0, sum(scores.values())) for task, score in scores.items()}
)


@settings(max_examples=250, deadline=None)
@given(
    book=books(),
    history=HISTORIES,
    told=st.none() | SCORES,
    language=st.sampled_from(["en", "zh"]),
    now=MOMENTS,
    held=st.booleans(),
)
def test_no_personal_order_takes_anything_from_a_caller(
    book: MenuBook,
    history: tuple[HistoryEvent, ...],
    told: dict[str, float] | None,
    language: str,
    now: datetime,
    held: bool,
) -> None:
    facts = CallerFacts(customer_id=1, history=history or (HistoryEvent(now, "task0"),))
    ranker = KernelRanker() if told is None else Says(**told)
    spoken = spoken_menu(book, "main", facts, now, language, ranker, held_out=held, again=False)
    menu = book.steps["main"]
    assert isinstance(menu, Menu)
    offered = menu.offered(language)
    # every option once, on its own key
    assert sorted((option.id, option.key) for option in spoken.options) == sorted(
        (option.id, option.key) for option in offered
    )
    # pinned options stay where they are, among them complaint and agent
    for slot, option in enumerate(offered):
        if option.pinned:
            assert spoken.options[slot].id == option.id
            assert not spoken.options[slot].promoted
    # the others keep their order but for the promoted, which are few, and none when held out
    promoted = [option.id for option in spoken.options if option.promoted]
    assert len(promoted) <= (0 if held else book.gate.most)
    pinned = {option.id for option in offered if option.pinned}
    rest = [option.id for option in offered if option.id not in {*pinned, *promoted}]
    assert [option.id for option in spoken.options if option.id not in pinned] == promoted + rest
    # complaint and agent are heard in time, with the very words of this order
    by_id = {option.id: option for option in offered}
    heard = estimated_s(book.prompts["main"].text[language])
    for said in spoken.options:
        option = by_id[said.id]
        heard += estimated_s(option_text(book, option, language))
        if option.task in ("complaint", "agent"):
            assert heard <= heard_after_s(book, menu, option, language) + 1e-9 <= book.heard_within_s + 1e-6
    # the record is plain and gives the same order again
    record = json.loads(json.dumps(spoken.record, allow_nan=False))
    assert reproduce(book, record) == record
    assert record["order"] == [option.id for option in spoken.options]
