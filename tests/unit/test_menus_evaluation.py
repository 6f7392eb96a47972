"""The figures of the report on menus, on calls made by hand whose figures were worked out by hand."""

import math
from typing import Any

import pytest

from menus.evaluation.figures import FIGURES, SWITCH
from menus.evaluation.intervals import Interval, newcombe, percentiles, weights_of, wilson
from menus.evaluation.report import Arm, Difference, Evaluation, Group, Report
from menus.evaluation.told import sentence
from menus.evaluation.visits import RecordedCall, Visit, visits_of

ORDER = [("balance", "balance", 2.0), ("transfer", "transfer", 3.0), ("complaint", "complaint", 4.0)]
Event = tuple[float, str, dict[str, Any]]


def heard(at: float, *, held: str | None = None, promoted: tuple[str, ...] = (), **more: Any) -> Event:
    """The menu is spoken: options of 2, 3 and 4 seconds after a greeting of one."""
    record = {
        "personal": True, "language": "en", "segment": "mass", "held": held, "held_out": held is not None,
        "promoted": list(promoted), "seconds": {option: seconds for option, _, seconds in ORDER},
    }  # fmt: skip
    order = [{"option": option, "task": task} for option, task, _ in ORDER]
    return at, "menu", {"menu": "main", "order": order, "record": record | more}


def listened(at: float, *seconds: float) -> Event:
    """How much of the greeting and of each option was heard."""
    names = ["greeting", *(f"main.{option}" for option, _, _ in ORDER)]
    of = [1.0, *(length for _, _, length in ORDER)]
    clips = [
        {"prompt": name, "heard_s": heard_s, "of_s": of_s}
        for name, heard_s, of_s in zip(names, seconds, of, strict=False)
    ]
    return at, "prompts", {"clips": clips}


def did(at: float, kind: str, **data: Any) -> Event:
    return at, kind, {"menu": "main"} | data


def chose(at: float, option: str = "transfer", task: str | None = "transfer") -> Event:
    return did(at, "key", option=option, task=task, key="2")


def call(*events: Event, caller: str = "customer:1", at: float = 0.0, ended: str = "served/agent") -> RecordedCall:
    result, reason = ended.split("/")
    return RecordedCall(f"{caller}-{at}", caller, result, reason, events)


def visit(*events: Event) -> Visit:
    (only,) = visits_of(call(*events))
    return only


def told(*calls: RecordedCall) -> Report:
    evaluation = Evaluation()
    for one in calls:
        evaluation.add(one)
    return evaluation.told()


def values(report: Report, arm: Arm = Arm.PERSONAL, group: Group | None = None) -> dict[str, float]:
    part = next(one for one in report.groups if one.group == (group or Group("all")))
    return {name: round(value.value, 6) for name, value in part.arms[arm].values.items()}


def test_the_time_to_the_target_runs_from_the_first_word_to_the_key_of_the_option() -> None:
    one = visit(heard(10), listened(14.5, 1, 2, 1.5), chose(14.5))
    assert (one.seconds, one.heard, one.trouble) == (4.5, 2, False)


def test_a_wrong_key_and_a_repeat_are_told_and_the_time_runs_on() -> None:
    again = heard(16), listened(19, 1, 2), chose(19)
    one = visit(heard(10), listened(12, 1, 1), did(12, "invalid", key="9"), (13.0, "step", {"step": "main"}), *again)
    assert (one.seconds, one.heard, one.wrong, one.repeated, one.trouble) == (9, 2, 1, 0, True)
    one = visit(heard(10), listened(20, 1, 2, 3, 4), did(21, "repeated", key="*"), *again)
    assert (one.wrong, one.repeated, one.heard, one.trouble) == (0, 1, 4, True)


def test_silence_is_told_but_is_no_trouble_and_giving_up_ends_the_visit() -> None:
    one = visit(heard(0), did(20, "no_input"), did(40, "gave_up"), chose(50))
    assert (one.silent, one.wrong, one.seconds, one.trouble) == (2, 0, None, False)
    assert visit(heard(0), did(20, "gave_up", key="9")).wrong == 1


def test_a_choice_that_is_left_by_the_way_back_is_taken_back_but_one_further_on_is_not() -> None:
    back = (9.0, "back", {"menu": "cards", "key": "*"})
    assert visit(heard(0), chose(3), (4.0, "step", {"step": "cards"}), back).returned
    deeper = (6.0, "key", {"menu": "cards", "option": "lost"})
    assert not visit(heard(0), chose(3), deeper, (9.0, "back", {"menu": "lost", "key": "*"})).returned


def test_seconds_until_complaint_count_the_greeting_and_all_options_before_it() -> None:
    whole = visit(heard(0), listened(10, 1, 2, 3, 4), chose(11))
    assert (whole.complaint_due_s, whole.complaint_heard_s) == (10, 10)
    quicker = visit(heard(0), listened(3, 1, 2), chose(3))
    assert (quicker.complaint_due_s, quicker.complaint_heard_s) == (10, None)
    cut = visit(heard(0), listened(9, 1, 2, 3, 3), chose(9))
    assert cut.complaint_heard_s is None


def test_a_menu_with_a_fixed_order_and_one_that_was_only_typed_through_are_no_visits() -> None:
    assert visits_of(call(heard(0, personal=False), chose(3))) == ()
    assert visits_of(call(chose(3))) == ()


def test_the_time_of_a_caller_who_froze_the_menu_is_not_a_time_to_a_target() -> None:
    report = told(call(heard(0), did(4, "frozen", frozen=True), heard(6), chose(9)))
    assert "target_s" not in values(report)


def test_means_and_shares_are_those_worked_out_by_hand() -> None:
    report = told(
        call(heard(0), listened(3, 1, 2), chose(3), ended="served/self_service"),
        call(
            heard(0), listened(6, 1, 2, 3), did(6, "invalid", key="9"), heard(7), chose(9), at=1, ended="left/in_menu"
        ),
        call(heard(0), chose(6, "agent", "agent"), caller="customer:2"),
        call(heard(0, held="drawn"), listened(10, 1, 2, 3, 4), chose(12), caller="customer:3"),
    )
    assert values(report) == {
        "target_s": 6.0, "options_heard": 1.0, "wrong_key": 0.333333, "repeated": 0.0, "silent": 0.0, "returned": 0.0,
        "complaint_due_s": 10.0, "trouble_stayed": 1.0, "agent": 0.333333, "contained": 0.333333,
        "left_in_menu": 0.333333,
    }  # fmt: skip
    assert values(report, Arm.STATIC)["target_s"] == 12.0
    assert (report.calls, report.callers, report.static_because) == (4, 3, {"drawn": 1})
    for group in (Group("menu", "main"), Group("segment", "mass"), Group("language", "en")):
        assert values(report, group=group) == values(report)


def test_trouble_is_parted_by_whether_other_options_were_promoted_than_in_the_last_call() -> None:
    wrong = did(3, "invalid", key="9")
    report = told(
        call(heard(0), wrong, chose(9), at=0),  # the first call of a caller says nothing about a move
        call(heard(0), chose(3), at=1),
        call(heard(0, promoted=("transfer",)), wrong, chose(9), at=2),
        call(heard(0, promoted=("transfer",)), chose(3), heard(5, promoted=()), wrong, chose(9), at=3),
        call(heard(0), chose(9), caller="customer:2"),
    )
    found = values(report)
    assert (found["trouble_moved"], found["trouble_stayed"]) == (1.0, 0.0)
    switch = report.groups[0].arms[Arm.PERSONAL].switch
    assert switch is not None
    assert (switch.value, switch.interval) == (1.0, None)  # one caller tells nothing


def test_callers_on_off_days_are_static_and_callers_without_a_number_are_compared_with_nobody() -> None:
    report = told(
        call(heard(0), chose(2), at=0),
        call(heard(0, held="off_days"), chose(8), at=1),
        call(heard(0, held="nobody"), chose(99), caller="number:x"),
    )
    assert (values(report)["target_s"], values(report, Arm.STATIC)["target_s"]) == (2.0, 8.0)
    assert (report.static_because, report.without_menu) == ({"off_days": 1}, 1)


def of_callers(personal: list[float], static: list[float]) -> Report:
    return told(
        *(call(heard(0), chose(s), caller=f"customer:{n}") for n, s in enumerate(personal)),
        *(call(heard(0, held="drawn"), chose(s), caller=f"number:{n}") for n, s in enumerate(static)),
    )


def test_a_clear_difference_is_told_and_a_faint_one_is_not() -> None:
    spread = [n % 5 for n in range(60)]
    clear = of_callers([4 + s for s in spread], [9 + s for s in spread]).groups[0].differences["target_s"]
    assert clear.value == pytest.approx(-5)
    assert clear.told == -1
    assert clear.interval is not None
    # The standard error of the difference is sqrt(2 · 2 / 60) = 0.258, so about -5 ± 0.51.
    assert clear.interval.low == pytest.approx(-5.51, abs=0.12)
    assert clear.interval.high == pytest.approx(-4.49, abs=0.12)
    faint = of_callers([4 + s for s in spread], [4.1 + s for s in spread]).groups[0].differences["target_s"]
    assert faint.told == 0


def test_every_difference_is_told_in_the_words_of_its_unit() -> None:
    told = {
        (figure.name, way): sentence(figure, Difference(way * 0.5, Interval(*sorted((way * 0.25, way * 0.5)))))
        for figure in FIGURES
        if figure.name not in SWITCH
        for way in (-1, 1)
    }
    assert told["target_s", -1] == (
        "With the personal order callers reach what they want 0.50 s sooner (personal less static: -0.50 to -0.25 s)."
    )
    assert "callers heard complaint 0.50 s later (" in told["complaint_heard_s", 1]
    assert "callers hear 0.50 options less before they choose (" in told["options_heard", -1]
    assert "callers press a wrong key more often, by 50.0 percentage points (" in told["wrong_key", 1]
    assert "callers are served by the menu alone less often, by 50.0 percentage points (" in told["contained", -1]


def test_with_few_callers_nothing_is_said_however_many_calls_they_made() -> None:
    calls = [call(heard(0), chose(3), at=n) for n in range(500)]
    calls += [call(heard(0, held="drawn"), chose(9), caller="number:2", at=n) for n in range(500)]
    difference = told(*calls).groups[0].differences["target_s"]
    assert (difference.value, difference.interval, difference.told) == (-6.0, None, 0)


def test_a_caller_with_many_calls_widens_the_interval_as_one_caller_and_not_as_many_calls() -> None:
    once = of_callers([3.0 + n % 5 for n in range(40)], [5.0] * 40)
    often = told(
        *(call(heard(0), chose(3.0 + n % 5), caller=f"customer:{n}", at=at) for n in range(40) for at in range(9)),
        *(call(heard(0, held="drawn"), chose(5), caller=f"number:{n}") for n in range(40)),
    )
    a, b = (report.groups[0].arms[Arm.PERSONAL].values["target_s"].interval for report in (once, often))
    assert a is not None
    assert b is not None
    assert (a.low, a.high) == (pytest.approx(b.low), pytest.approx(b.high))


def test_the_same_calls_give_the_same_report_in_whatever_order_callers_come() -> None:
    calls = [call(heard(0), chose(2 + n % 7), caller=f"customer:{n}") for n in range(50)]
    a, b = told(*calls), told(*reversed(calls))
    one, other = (report.groups[0].arms[Arm.PERSONAL].values["target_s"].interval for report in (a, b))
    assert one is not None
    assert other is not None
    assert (one.low, one.high) == (pytest.approx(other.low), pytest.approx(other.high))


def test_a_share_of_none_is_not_told_as_certain() -> None:
    report = of_callers([3.0] * 30, [3.0] * 30)
    value = report.groups[0].arms[Arm.PERSONAL].values["wrong_key"]
    assert (value.value, value.of, value.callers) == (0.0, 30, 30)
    assert value.interval == wilson(0.0, 30)
    difference = report.groups[0].differences["wrong_key"]
    assert difference.told == 0
    assert difference.interval == newcombe(0.0, 30, 0.0, 30)


def test_intervals_of_shares_are_those_of_the_papers() -> None:
    # Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10.
    assert (round(wilson(0.0, 10).low, 4), round(wilson(0.0, 10).high, 4)) == (0.0, 0.2775)
    found = newcombe(56 / 70, 70, 48 / 80, 80)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    found = newcombe(9 / 10, 10, 3 / 10, 10)
    assert (round(found.low, 4), round(found.high, 4)) == (0.1705, 0.8090)


def test_a_caller_counts_once_on_average_and_equally_often_in_every_report() -> None:
    weights = sum(weights_of(f"customer:{n}") for n in range(400)) / 400
    assert math.isclose(float(weights.mean()), 1.0, abs_tol=0.01)
    assert (weights_of("customer:7") == weights_of("customer:7")).all()


def test_too_few_repetitions_with_a_value_give_no_interval() -> None:
    weights = weights_of("customer:7")
    assert percentiles(weights * math.nan) is None
