"""Models of waits: what is fitted, how it is judged, and which files are not believed."""

import json
from dataclasses import replace
from itertools import pairwise
from random import Random
from time import thread_time

import numpy as np
import pytest

from ivr.wait_models.content import FittedWaits, from_bytes, to_bytes
from ivr.wait_models.fitting import Row, _boosted, fit, weighed
from ivr.wait_models.judging import FORMULA, MODEL, judge
from ivr.wait_models.weights import quantiles, weights_of
from menus.errors import BadModel
from routing.waits import INPUTS, Sight, Tree, WaitModel, inputs


def sight(ahead: int, **more: float) -> Sight:
    formula_s = (ahead + 1) * 20.0
    return Sight(
        waiting=ahead, ahead=ahead, agents=9, service_s=180.0, services=50, patience_s=600.0, formula_s=formula_s,
        last_wait_s=50.0, head_wait_s=40.0, mean_wait_s=20.0, recent_wait_s=50.0, starts_5=10, starts_15=30,
        **more,
    )  # fmt: skip


def waits(truth: float, days: int = 30, seed: int = 1) -> list[Row]:
    """Waits that last `truth` times what the formula says, and 100 s more in the evening."""
    rng, rows = Random(seed), []
    for day in range(days):
        for _ in range(100):
            seen = sight(rng.randrange(12), hour=rng.uniform(8, 20))
            mean = seen.formula_s * truth + 100 * (seen.hour > 18)
            rows.append(Row(f"{day:03}", rng.choice(("cards", "loans")), seen, mean * rng.uniform(0.6, 1.4)))
    return rows


@pytest.fixture(scope="module")
def model() -> WaitModel:
    return fit(waits(1.5))


def test_a_served_model_says_what_the_fitted_one_says(model: WaitModel) -> None:
    rows = waits(1.5)
    assert model.queues == ("cards", "loans")
    x = np.array([inputs(model.queues, row.queue, row.sight) for row in rows])
    varying = np.flatnonzero(x.min(axis=0) < x.max(axis=0))
    assert len(varying) < x.shape[1]
    y, ones = np.array([row.wait_s for row in rows]), np.ones(len(rows))
    theirs = sum(_boosted(x[:, varying], y, ones, seed).predict(x[:50, varying]) for seed in (0, 1, 2)) / 3
    ours = [model.mean_s(row.queue, row.sight) for row in rows[:50]]
    assert ours == pytest.approx(list(theirs), abs=1e-6)


def test_an_estimate_takes_less_than_a_few_milliseconds_of_processor_time(model: WaitModel) -> None:
    took = []
    for row in waits(1.5)[:50]:
        began = thread_time()
        model.around(model.mean_s(row.queue, row.sight))
        took.append(thread_time() - began)
    assert sorted(took)[25] < 0.005


def test_a_model_learns_what_the_formula_does_not_know_and_may_be_published(model: WaitModel) -> None:
    found = judge(model, waits(1.5, days=6, seed=2))
    assert found.scores[MODEL]["rmse_s"] < 0.8 * found.scores[FORMULA]["rmse_s"]
    assert found.lead[1] < 0
    assert found.objections() == []
    assert found.better_in == ("cards", "loans")


def test_a_model_that_is_no_better_than_the_formula_is_refused_and_so_is_one_worse_than_that_in_use(
    model: WaitModel,
) -> None:
    """Waits are now as the formula says."""
    now = waits(1.0, days=6, seed=2)
    right = replace(model, trees=(Tree((1, 1, -1, -1, -1), (120.0, 60.0, 40.0, 90.0, 180.0), (1, 2, 0, 0, 0),
                                       (4, 3, 0, 0, 0)),), base_s=0.0)  # fmt: skip
    found = judge(model, now, in_use=right)
    assert "not surely better than the formula" in found.objections()[0]
    assert "worse than the model in use" in found.objections()[-1]
    assert found.better_in == ()


def test_callers_who_left_do_not_make_waits_look_shorter() -> None:
    """Waits of 300 s on average, of callers who stay for 300 s on average."""
    rng, truth, seen = Random(3), [], []
    for number in range(4000):
        wait, patience = rng.uniform(0, 600), rng.expovariate(1 / 300)
        truth.append(wait)
        seen.append((f"{number % 10}", "cards", sight(3), min(wait, patience), wait <= patience))
    rows = weighed(seen)
    plain = sum(row.wait_s for row in rows) / len(rows)
    weighted = sum(row.wait_s * row.weight for row in rows) / sum(row.weight for row in rows)
    assert plain < 230
    assert weighted == pytest.approx(sum(truth) / len(truth), rel=0.05)
    assert list(weights_of([1.0, 2.0, 3.0], [True, True, True])) == [1.0, 1.0, 1.0]


def test_quantiles_of_equal_weights_are_those_of_numpy() -> None:
    values, shares = np.array([5.0, 1.0, 4.0, 2.0]), np.linspace(0, 1, 11)
    assert list(quantiles(values, np.ones(4), shares)) == pytest.approx(list(np.quantile(values, shares)))


def test_a_model_is_the_same_after_it_was_in_a_file(model: WaitModel) -> None:
    content, digest = to_bytes(FittedWaits(model, ("cards",), {"code": "1"}))
    again = from_bytes(content)
    assert (again.model, again.served, again.about, again.digest) == (model, ("cards",), {"code": "1"}, digest)
    assert all(below < above for (below, _), (above, _) in pairwise(model.bands))


def broken(tree: Tree) -> bytes:
    return to_bytes(FittedWaits(WaitModel(("a",), 1.0, (tree,), ((float("inf"), (1.0,)),)), ("a",), {}))[0]


@pytest.mark.parametrize(
    ("why", "content"),
    [
        ("cannot be read", b"no JSON"),
        ("do not fit one another", broken(Tree((0, -1, -1), (1.0, 0.0, 0.0), (0, 0, 0), (2, 0, 0)))),  # never ends
        ("do not fit one another", broken(Tree((len(INPUTS) + 1, -1, -1), (1.0, 0.0, 0.0), (1, 0, 0), (2, 0, 0)))),
        ("do not fit one another", broken(Tree((-1,), (float("inf"),), (0,), (0,)))),
        ("other inputs", b""),
        ("format 2", b""),
        ("digest is wrong", b""),
    ],
)
def test_a_file_that_cannot_be_trusted_is_no_model(why: str, content: bytes, model: WaitModel) -> None:
    if not content:
        plain = json.loads(to_bytes(FittedWaits(model, ("cards",), {}))[0])
        if why == "format 2":
            plain["format"] = 2
        elif why == "digest is wrong":
            plain["served"] = ["loans"]
        else:
            plain["inputs"] = plain["inputs"][1:]
            plain["digest"] = _digest_of(plain)
        content = json.dumps(plain).encode()
    with pytest.raises(BadModel, match=why):
        from_bytes(content)


def _digest_of(plain: dict) -> str:
    from ivr.wait_models.content import _digest

    return _digest({key: value for key, value in plain.items() if key != "digest"})
