"""The trained model: equal to scikit-learn's, safe to read, honest about who it would harm."""

import base64
import io
import json
import zipfile
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from menus.errors import BadModel, TooLittleHistory
from menus.facts import CallerFacts, HistoryEvent
from menus.learning.days import Calendar
from menus.learning.evaluation import calibration, decile_gains, interval, ranks_of
from menus.learning.examples import Done, Examples
from menus.learning.habits import RememberedHistory, habits_of
from menus.learning.inputs import PER_TASK, names_of
from menus.learning.lesson import Judgement, judge, teach
from menus.learning.model import Model, from_bytes, to_bytes
from menus.learning.model_ranker import _KINDS, ModelRanker
from menus.learning.training import trees_of

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar(2022, 2028)
TASKS = ("transfer", "balance", "card")
FIRST, LAST = date(2025, 1, 1).toordinal(), date(2026, 12, 1).toordinal()


def histories(customers: int) -> list[list[Done]]:
    """Customers who transfer around a day of their own, ask for the balance 30 days apart, and use cards at random."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(customers):
        day, phase = int(rng.integers(1, 28)), int(rng.integers(0, 30))
        done = [
            Done(ordinal, task)
            for ordinal in range(FIRST, LAST)
            for task, happens in enumerate(
                (date.fromordinal(ordinal).day == day, ordinal % 30 == phase, rng.random() < 1 / 60)
            )
            if happens
        ]
        made.append(done)
    return made


@pytest.fixture(scope="module")
def examples() -> Examples:
    found = Examples(len(TASKS), judged_from=date(2026, 8, 1).toordinal())
    for customer, done in enumerate(histories(25)):
        found.add(customer, customer % 2, done)
    return found


@pytest.fixture(scope="module")
def model(examples: Examples) -> Model:
    taught = teach(
        examples.fitted, tasks=TASKS, segments=("mass", "private"), oldest=1095, calendar=CALENDAR, about={"x": 1}
    )
    return from_bytes(to_bytes(taught)[0])


@pytest.fixture(scope="module")
def judgement(model: Model, examples: Examples) -> Judgement:
    return judge(model, examples.judged, CALENDAR)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_arrays_score_like_the_classifier_they_come_from(classes: int) -> None:
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(900, 12)).astype(np.float32).round(1)  # ties with thresholds happen
    y = (np.abs(x[:, :classes]) + rng.normal(0, 0.3, (900, classes))).argmax(axis=1)
    fitted = HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=16, random_state=0).fit(x, y)
    trees = trees_of(fitted)
    for row, expected in zip(x[:200], fitted.decision_function(x[:200]), strict=True):
        assert trees.raw(row) == pytest.approx(np.atleast_1d(expected), abs=1e-9)


def test_habits_are_learned_and_beat_the_plain_rules(judgement: Judgement) -> None:
    assert judgement.model.hit1 > 0.85
    assert judgement.model.hit1 > max(rule.hit1 for rule in judgement.baselines.values()) + 0.02
    assert judgement.ece < 0.08
    assert judgement.objections(None) == []
    assert judgement.worst_decile_s == min(*judgement.deciles, *judgement.deciles_before)
    assert judgement.objections(replace(judgement.model, seconds=0.1)) != []


def test_a_model_that_is_worse_than_the_static_order_is_objected_to(model: Model, examples: Examples) -> None:
    shuffled = np.random.default_rng(0).dirichlet(np.ones(len(TASKS)), len(examples.judged))
    objections = judge(model, examples.judged, CALENDAR, shuffled).objections(None)
    assert any("slower than popularity" in one for one in objections)
    assert any("a tenth of the customers" in one for one in objections)


def test_of_many_events_a_share_is_taken_but_all_of_a_rare_task() -> None:
    done = [Done(738000 + n, int(n % 100 == 0)) for n in range(4000)]
    found = Examples(2, judged_from=740000, fitted_share=0.1, judged_share=0.0, counts=(1980, 20))
    found.add(1, -1, done)
    kept = [example.task for example in found.fitted]
    assert kept.count(1) == 20
    assert 130 < kept.count(0) < 270
    assert found.judged == []


def test_customers_are_judged_by_all_of_their_events_or_not_at_all() -> None:
    found = Examples(1, judged_from=738000, judged_share=0.5)
    for customer in range(100):
        found.add(customer, -1, [Done(738000 + n, 0) for n in range(3)])
    judged = [example.customer for example in found.judged]
    assert 30 < len(set(judged)) < 70
    assert len(judged) == 3 * len(set(judged))


def test_too_little_history_is_no_lesson(examples: Examples) -> None:
    with pytest.raises(TooLittleHistory, match="are too little to learn from"):
        teach(examples.fitted[:100], tasks=TASKS, segments=(), oldest=1095, calendar=CALENDAR, about={})


def test_the_same_history_teaches_the_same_model(model: Model, examples: Examples) -> None:
    again = teach(
        examples.fitted, tasks=TASKS, segments=("mass", "private"), oldest=1095, calendar=CALENDAR, about={"x": 1}
    )
    assert to_bytes(again)[1] == model.about["digest"]


def caller(now: datetime, segment: str | None = None) -> CallerFacts:
    """Somebody who transfers on the 5th."""
    events = [HistoryEvent(datetime(2026, month, 5, 10, tzinfo=ZONE), "transfer") for month in range(1, 12)]
    events += [HistoryEvent(datetime(2026, month, 20, 10, tzinfo=ZONE), "card") for month in (2, 5, 9)]
    return CallerFacts(customer_id=1, segment=segment, history=RememberedHistory(habits_of(events), ZONE))


def test_a_record_gives_the_same_scores_bit_for_bit(model: Model) -> None:
    now = datetime(2026, 12, 5, 9, tzinfo=ZONE)
    ranker = ModelRanker(model, CALENDAR)
    given = ranker.scores(caller(now), TASKS, now)
    assert given["transfer"] == max(given.values())
    assert sum(given.values()) <= 1 + 1e-9
    basis = json.loads(json.dumps(given.basis))
    assert dict(ranker.again(basis, TASKS)) == dict(given)
    row = np.frombuffer(base64.b64decode(basis["inputs"]), np.float32)
    seen = dict(zip(names_of(model.tasks, model.segments), map(float, row), strict=True))
    assert (seen["transfer: six_months"], seen["transfer: ever"], seen["day of month"]) == (6, 11, 5)
    with pytest.raises(BadModel, match="was made by model abc"):
        ranker.again({**basis, "model": "abc"}, TASKS)


def test_what_each_kind_of_knowledge_adds_comes_to_the_probability(model: Model) -> None:
    now = datetime(2026, 12, 5, 9, tzinfo=ZONE)
    ranker = ModelRanker(model, CALENDAR)
    facts = caller(now, "mass")
    told = ranker.why(facts, TASKS, now)
    for task, score in ranker.scores(facts, TASKS, now).items():
        assert sum(share for _, share in told[task]) == pytest.approx(score)
    assert dict(told["transfer"])["around this day of the month"] > 0.2
    assert [words for words, _ in ranker.why(CallerFacts(), TASKS, now)["card"]] == ["all callers"]


def test_every_input_of_a_task_is_of_one_kind_of_knowledge() -> None:
    named = [name for _, names in _KINDS for name in names]
    assert sorted(named) == sorted(PER_TASK)


def test_history_as_events_and_as_habits_ranks_alike(model: Model) -> None:
    now = datetime(2026, 12, 5, 9, tzinfo=ZONE)
    facts = caller(now)
    ranker = ModelRanker(model, CALENDAR)
    assert ranker.scores(replace(facts, history=tuple(facts.history)), TASKS, now) == ranker.scores(facts, TASKS, now)


def test_who_has_no_history_gets_what_is_popular_in_their_segment(model: Model) -> None:
    now = datetime(2026, 12, 5, tzinfo=ZONE)
    ranker = ModelRanker(model, CALENDAR)
    for segment, place in (("mass", 1), ("private", 2), ("unheard-of", 0), (None, 0)):
        given = ranker.scores(CallerFacts(segment=segment), TASKS, now)
        assert list(given.values()) == pytest.approx(model.popularity[place])


def test_history_older_than_the_setting_is_not_looked_at(model: Model) -> None:
    now = datetime(2028, 6, 5, tzinfo=ZONE)
    facts = caller(now)
    assert ModelRanker(model, CALENDAR).scores(facts, TASKS, now).basis["known"]
    assert not ModelRanker(model, CALENDAR, oldest=365).scores(facts, TASKS, now).basis["known"]


def test_a_task_that_the_model_never_heard_of_gets_no_score(model: Model) -> None:
    now = datetime(2026, 12, 5, tzinfo=ZONE)
    assert set(ModelRanker(model, CALENDAR).scores(caller(now), ["card", "crypto"], now)) == {"card"}


def test_a_model_of_another_customer_set_holds_nothing_of_a_person(model: Model) -> None:
    content = to_bytes(model)[0]
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        names = set(file.namelist())
    # Only trees and shares: no part has a row for a customer or an event.
    assert names == {"header.json", *(f"{n}.npy" for n in
        ("feature", "threshold", "strikes", "starts", "values", "bias", "popularity"))}  # fmt: skip
    assert model.popularity.shape == (3, len(TASKS))


def rewritten(content: bytes, **parts: bytes) -> bytes:
    """The file with some parts replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, parts.get(name.partition(".")[0], old.read(name)))
    return out.getvalue()


def pickled() -> bytes:
    """An array that only pickle could read."""
    out = io.BytesIO()
    np.save(out, np.array([object()], dtype=object), allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: b"", "cannot be read"),
        (lambda content: content[: len(content) // 2], "cannot be read"),
        (lambda content: rewritten(content, header=b"{}"), "cannot be read"),
        (lambda content: rewritten(content, header=b"[" * 100_000), "cannot be read"),
        (lambda content: rewritten(content, header=header(content, format=99)), "format 99"),
        (lambda content: rewritten(content, header=header(content, sharpness=9.0)), "digest is wrong"),
        (lambda content: rewritten(content, values=pickled()), "cannot be read"),
        (lambda content: b"\0" * (65 * 2**20), "at most 64 MB"),
    ],
)
@pytest.mark.fault("S5", "a damaged model file")
def test_a_damaged_file_is_refused_with_a_reason(model: Model, damage, says: str) -> None:
    with pytest.raises(BadModel, match=says):
        from_bytes(damage(to_bytes(model)[0]))


def header(content: bytes, **changes: object) -> bytes:
    """The header of a file with some entries changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return json.dumps({**json.loads(file.read("header.json")), **changes}).encode()


def test_trees_that_look_at_inputs_which_are_not_there_are_refused(model: Model) -> None:
    wild = replace(model, trees=replace(model.trees, feature=model.trees.feature + 10_000))
    with pytest.raises(BadModel, match="do not fit one another"):
        from_bytes(to_bytes(wild)[0])


def test_ties_go_to_the_more_popular_task() -> None:
    ranks = ranks_of(np.array([[0.0, 0.0, 1.0]]), np.array([0]), np.array([0.2, 0.7, 0.1]))
    assert list(ranks) == [3]


def test_calibration_is_the_gap_between_what_is_said_and_what_comes() -> None:
    assert calibration(np.full(150, 0.8), np.arange(150) % 5 > 0)[0] == pytest.approx(0.0)
    assert calibration(np.full(150, 0.5), np.ones(150, bool))[0] == pytest.approx(0.5)


def test_deciles_and_intervals_go_by_customers_not_by_events() -> None:
    customers = np.repeat(np.arange(20), 5)
    static = np.repeat(np.arange(20.0), 5)
    gains = decile_gains(customers, static, static - 1, static)
    assert gains == pytest.approx([1.0] * 10)
    low, high = interval(customers, static)
    assert low < static.mean() < high
