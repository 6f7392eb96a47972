"""Scenario files: what may stand in them, and every fault with its line."""

import json

import pytest

from ivr.rehearsal.schema import ScenarioFile, Step, day_of, schema_text, seconds_of
from ivr.settings import SHIPPED
from ivr.testing.scenes import CALLERS, scenarios
from menus.yaml_source import Faults

HEAD = CALLERS.count("\n")  #: lines above the scenarios of a test


def _faults(*lines: str) -> list[str]:
    with pytest.raises(Faults) as raised:
        scenarios("".join(f"{line}\n" for line in ("  - name: A call of the tests", *lines)))
    return [str(fault) for fault in raised.value.faults]


def _one(*lines: str) -> str:
    (fault,) = _faults(*lines)
    return fault


def _in_steps(step: str) -> str:
    return _one("    steps:", f"      - {step}")


def test_a_scenario_keeps_the_line_of_each_step() -> None:
    (part,) = scenarios("  - name: A call of the tests\n    steps:\n      - hears: welcome\n\n      - hangs_up: true\n")
    assert part.lines == (HEAD + 3, HEAD + 5)
    assert part.line == HEAD + 1


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("heard: welcome", "unknown-key: 'heard' is not known here; did you mean 'hears'?"),
        ("{hears: welcome, next: main}", "wrong-value: a step is one thing"),
        ("{within_s: 3}", "here: none of them"),
        ("{hears: welcome, while: main}", "while goes with presses and hangs_up, not with hears"),
        ("{waits: 3s, within_s: 4}", "within_s goes with what must happen, not with waits"),
        ("{hangs_up: false}", "hangs_up is true, or left out"),
        ("{presses: 12a}", "'12a' are no telephone keys"),
        ("{waits: soon}", "'soon' is no time; write seconds, as in 7, 7.5s or 2min"),
        ("{hears: wellcome}", "nothing in the book is called 'wellcome' or says so; did you mean 'welcome'?"),
        ("{presses: 1, while: main.card}", "did you mean 'main.cards'?"),
        ("{reaches: generl}", "no queue is called 'generl'; did you mean 'general'?"),
        ("{reaches: general/grase}", "no agent of this scenario is called 'grase'; did you mean 'grace'?"),
        ("{first_option: balanse}", "no option is called 'balanse'; did you mean 'balance'?"),
        ("{options: [balance, lst]}", "no option is called 'lst'; did you mean 'lost'?"),
        ("{callback: xyz}", "no queue is called 'xyz'; known are general, other"),
        ("{value: {age: 3}}", "no value that a step of the book gives is called 'age'"),
        ("{ends: servd}", "no result of a call is called 'servd'; did you mean 'served'?"),
        ("{ends: served/in_queue}", "no reason of served is called 'in_queue'"),
        ("{hears: }", "here: none of them"),
        ("{hears: welcome, within_s: inf}", "less than or equal to 3600"),
    ],
)
def test_a_step_that_means_nothing_is_told_at_its_line(step: str, told: str) -> None:
    fault = _in_steps(step)
    assert fault.startswith(f"s.yaml:{HEAD + 3}:")
    assert told in fault


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("caller: transferer", "no caller of this file is called 'transferer'; did you mean 'transferrer'?"),
        ("agents: [gracy]", "no agent of this file is called 'gracy'; did you mean 'grace'?"),
        ("agents: nobody", "none"),
        ("at: 2026-13-01T09:30", "'2026-13-01T09:30' is no time; write it as 2026-12-01T09:30"),
        ("at: 2026-12-01", "write day and local time of the book"),
        ("lang: fr", "no language of the book is called 'fr'; known are en, zh"),
        ("dips: {'http://x/': slow}", "write late, broken, or the answer as JSON in quotes"),
        ("dips: {'http://x/': late}", "no address of a dip step is called 'http://x/'"),
        ("outside: maybe", "'maybe' is not one of answers, busy, no_answer"),
    ],
)
def test_a_scenario_that_names_what_is_not_there_is_told_so(line: str, told: str) -> None:
    assert any(told in fault for fault in _faults(f"    {line}", "    steps: [{hears: welcome}]"))


def test_a_scenario_without_steps_is_refused() -> None:
    assert "this scenario has no steps" in _one("    steps: []")


def test_two_scenarios_of_one_name_are_told_apart_by_nobody() -> None:
    fault = _one("    steps: [{hears: welcome}]", "  - name: A call of the tests", "    steps: [{hears: welcome}]")
    assert "scenario 1 of this file has that name too" in fault


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        ("{number: 13800000001}", "write the whole number with +"),
        ("{number: '+8613800000001', pin: '1234'}", "pin belongs to a customer: give this caller a name"),
        ("{name: A, habits: [{task: dancing, day: 1}]}", "no task of the book is called 'dancing'"),
        ("{name: A, habits: [{task: transfer, day: 31}]}", "less than or equal to 28"),
        ("{name: A, key_dates: {card_expiry: soon}}", "'soon' is no day"),
        ("{name: A, langauge: en}", "did you mean 'language'?"),
        ("{number: '+8613800000001', language: en}", "language belongs to a customer: give this caller a name"),
        ("{name: A, value_yearly: .nan}", "'.nan' is not a number"),
        ("{name: A, products: [{kind: savings, balance: -.inf}]}", "'-.inf' is not a number"),
    ],
)
def test_a_caller_that_cannot_be_is_told_at_its_line(caller: str, told: str) -> None:
    text = CALLERS.replace("  stranger:", f"  odd: {caller}\n  stranger:")
    with pytest.raises(Faults) as raised:
        _parse(text)
    assert any(told in str(fault) for fault in raised.value.faults)
    assert {fault.line for fault in raised.value.faults} == {CALLERS.split("  stranger:")[0].count("\n") + 1}


def _parse(text: str) -> None:
    from ivr.rehearsal.files import parsed
    from ivr.testing.scenes import small_scene

    scene = small_scene()
    parsed(
        text + "  - name: A call of the tests\n    steps: [{hears: welcome}]\n",
        "s.yaml",
        scene.edition.book,
        scene.queues,
    )


def test_days_and_times_mean_what_people_mean_by_them() -> None:
    from datetime import date

    today = date(2026, 12, 1)
    assert [day_of(day, today).isoformat() for day in ("today", "+9 days", "-1 day", "2027-01-02")] == [
        "2026-12-01", "2026-12-10", "2026-11-30", "2027-01-02",
    ]  # fmt: skip
    assert [seconds_of(time) for time in ("7", "7.5s", "2min", "2 min", "3 s")] == [7.0, 7.5, 120.0, 120.0, 3.0]


def test_the_json_schema_beside_the_scenarios_is_that_of_the_models() -> None:
    kept = (SHIPPED / "menus" / "tests" / "scenarios.schema.json").read_text(encoding="utf-8")
    assert kept == schema_text(), "run: .venv/bin/python -m ivr.rehearsal > config/menus/tests/scenarios.schema.json"


def test_every_key_of_a_step_is_described_for_editors() -> None:
    steps = json.loads(schema_text())["$defs"]["Step"]["properties"]
    assert {key for key, told in steps.items() if "description" not in told} == set()
    assert {"hears", "while", "within_s"} <= set(steps)
    assert len(steps) == len(Step.model_fields)


def test_the_example_of_the_json_schema_is_a_scenario_file() -> None:
    (example,) = json.loads(schema_text())["examples"]
    assert ScenarioFile.model_validate(example).scenarios[0].steps[2].while_ == "main.transfer"
