"""Training from the command line, and the engine's ranker that serves what came of it."""

import asyncio
import logging
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from ivr.rankers import CURRENT, LiveRanker, calendar_of, publish_model, read_model
from ivr.settings import Learning, Settings
from ivr.testing.clock import FakeClock
from ivr.testing.command import ivr
from menus.facts import CallerFacts
from menus.learning.model_ranker import ModelRanker


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demonstration bank with a trained model."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "settings.yaml").write_text("database: {url: 'sqlite:///bank.db'}\nlearning: {folder: models}\n")
    settings = ("-s", str(folder / "settings.yaml"))
    assert ivr("migrate", *settings).status == 0
    assert ivr("bank", "fill", "--customers", "300", "--until", "2026-12-01", *settings).status == 0
    tried = ivr("train", "--dry-run", *settings)
    assert "not published: a dry run" in tried.out
    assert not (folder / "models").exists()
    trained = ivr("train", "--report", str(folder / "report.html"), *settings)
    assert (trained.status, trained.err) == (0, "")
    assert re.search(r"^published .*[0-9a-f]{12}\.model", trained.out, re.MULTILINE)
    return folder


def settings_in(folder: Path) -> Settings:
    return Settings(learning=Learning(folder=folder / "models"))


def test_the_model_says_where_it_comes_from(site: Path) -> None:
    about = read_model(site / "models" / CURRENT).about
    assert {"fitted_window", "judged_window", "code", "trained_at", "scores", "chosen", "digest"} <= set(about)
    assert about["scores"]["seconds"] < about["scores"]["kernel_seconds"] < about["scores"]["static_seconds"]


def test_the_report_stands_alone_and_has_its_plots(site: Path) -> None:
    page = (site / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 5
    assert "http" not in page
    assert "src=" not in page


def test_a_model_that_is_no_better_than_the_one_in_use_is_not_published(site: Path) -> None:
    settings = settings_in(site)
    better = read_model(site / "models" / CURRENT)
    before = (site / "models" / CURRENT).read_bytes()
    again = ivr("train", "-s", str(site / "settings.yaml"), "--since", "2026-08-01")
    assert "model in use" in again.out or "published" in again.out
    if again.status == 1:
        assert (site / "models" / CURRENT).read_bytes() == before
    publish_model(settings.learning.folder, better)
    assert read_model(site / "models" / CURRENT).digest == better.digest


def test_an_order_is_explained_by_the_trained_model(site: Path) -> None:
    told = ivr("explain", "--as", "+8613800000001", "--at", "2026-12-01T09:30", "-s", str(site / "settings.yaml"))
    assert told.status == 0
    assert f"model-{read_model(site / 'models' / CURRENT).digest}" in told.out
    assert "around this day of the month" in told.out


def test_habits_are_counted_anew_for_everybody(site: Path) -> None:
    assert (
        ivr("history", "rebuild", "-s", str(site / "settings.yaml")).out == "the habits of 300 customers are counted\n"
    )


NOW = datetime(2026, 12, 1, 9, 30).astimezone()


async def test_the_engine_serves_the_model_swaps_it_and_falls_back_with_an_alarm(
    site: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_in(tmp_path)
    registry = CollectorRegistry()
    ranker = LiveRanker(settings, FakeClock(), registry)
    file = tmp_path / "models" / CURRENT

    def alarm() -> float | None:
        return registry.get_sample_value("ringwise_ranker_fallback")

    await ranker.look()
    assert (ranker.name, alarm()) == ("kernel-1", 1.0)  # none there yet
    model = read_model(site / "models" / CURRENT)
    publish_model(settings.learning.folder, model)
    await ranker.look()
    assert (ranker.name, alarm()) == (f"model-{model.digest}", 0.0)
    assert set(ranker.scores(CallerFacts(segment="mass"), ["balance"], NOW)) == {"balance"}
    other = replace(model, modesty=0.5)
    publish_model(settings.learning.folder, other)
    await ranker.look()
    assert ranker.name not in ("kernel-1", f"model-{model.digest}")
    file.write_bytes(file.read_bytes()[:500])
    await ranker.look()
    assert (ranker.name, alarm()) == ("kernel-1", 1.0)
    assert ranker.scores(CallerFacts(), ["balance"], NOW) == {"balance": 1.0}
    publish_model(settings.learning.folder, model)
    await ranker.look()
    assert alarm() == 0.0
    file.unlink()
    await ranker.look()
    assert alarm() == 1.0


@pytest.mark.fault("S6", "a model that fails")
async def test_a_model_that_fails_costs_the_caller_their_order_and_nothing_else(site: Path, tmp_path: Path) -> None:
    ranker = LiveRanker(settings_in(tmp_path), FakeClock())
    broken = replace(read_model(site / "models" / CURRENT), popularity=None)
    ranker._ranker = ModelRanker(broken, calendar_of(Settings(), NOW.date()))  # type: ignore[arg-type]
    logging.disable(logging.CRITICAL)
    try:
        assert ranker.scores(CallerFacts(), ["balance"], NOW) == {"balance": 1.0}
    finally:
        logging.disable(logging.NOTSET)
    assert ranker.faults == 1


async def test_the_engine_looks_for_models_until_it_is_told_to_stop(site: Path) -> None:
    clock = FakeClock()
    ranker = LiveRanker(settings_in(site), clock)
    async with asyncio.timeout(10):
        following = asyncio.create_task(ranker.follow())
        while ranker.name == "kernel-1":
            await asyncio.sleep(0.005)
    following.cancel()
    await asyncio.wait([following])
    assert following.cancelled()
