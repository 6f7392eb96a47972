"""What we install must not collide with anybody else's packages."""

import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
OURS = {"ivr", "routing", "menus", "models"}


def test_the_wheel_puts_everything_under_one_folder(tmp_path: Path) -> None:
    wheel = next(iter(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])))
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        names = archive.namelist()
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ringwise"}
    assert "ringwise/_app/ivr/app.py" in names
    assert "ringwise/_app/config/queues.yaml" in names
    assert any(name.startswith("ringwise/_app/models/migrations/versions/") for name in names)


def test_no_other_distribution_owns_our_top_level_names() -> None:
    owners = packages_distributions()
    assert {name: owners[name] for name in OURS & owners.keys() if set(owners[name]) - {"ringwise"}} == {}
