"""The bench of learned menus, on a small invented file in the Berka format with labels of its own."""

import gzip
import json
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEYS = {
    "n_events", "n_accounts", "hit1", "hit3", "mrr", "mean_rank", "ece", "seconds_to_target", "worst_decile_gain_s",
    "baselines", "train_s", "predict_us_p50", "predict_us_p99",
}  # fmt: skip


def czech(accounts: int) -> tuple[str, int]:
    """Transactions of some accounts in the words of the Czech originals, and how many of them somebody chose."""
    rng = random.Random(3)
    lines, chosen = (
        ['"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"'],
        0,
    )
    for account in range(accounts):
        rent, wage = rng.randint(1, 28), rng.randint(1, 28)
        day = date(1996, 1, 1)
        while day < date(1998, 1, 1):
            todo = []
            if day.day == rent:
                todo.append(("VYDAJ", "PREVOD NA UCET", "SIPO"))
            if day.day == wage:
                todo.append(("PRIJEM", "VKLAD", ""))
            if rng.random() < 0.05:
                todo.append(("VYDAJ", "VYBER", ""))
            chosen += len(todo)
            if (day + timedelta(days=1)).day == 1:
                todo += [("PRIJEM", "", "UROK"), ("VYDAJ", "VYBER", "SLUZBY")]
            for kind, operation, symbol in todo:
                lines.append(f'{len(lines)};{account};{day:%y%m%d};"{kind}";"{operation}";1.0;2.0;"{symbol}";"";')
            day += timedelta(days=1)
    return "\n".join(lines) + "\n", chosen


def test_every_script_of_the_folder_measures_something_when_it_is_called() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "bench").glob("*.py")}
    assert scripts
    assert [name for name, text in scripts.items() if '\nif __name__ == "__main__":\n' not in text] == []


def test_no_script_of_the_folder_hides_a_package_of_its_name() -> None:
    program = "import sys; sys.path.insert(0, 'bench'); import routing.need, menus.facts, ivr.ports"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.parametrize("packed", [False, True])
def test_the_bench_runs_on_other_labels_and_learns_them(tmp_path: Path, packed: bool) -> None:
    text, chosen = czech(12)
    file = tmp_path / "trans"
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    ran = subprocess.run(
        [sys.executable, "bench/menus.py", "--data", str(file), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    figures = json.loads(ran.stdout)
    assert set(figures) >= KEYS
    assert set(figures["seconds_to_target"]) == {"static", "kernel", "model", "oracle"}
    assert set(figures["baselines"]) >= {"popularity", "mfu", "kernel"}
    assert (figures["n_events"], figures["n_accounts"], figures["n_categories"]) == (chosen, 12, 3)
    seconds = figures["seconds_to_target"]
    assert seconds["oracle"] <= seconds["model"] < seconds["static"]
    assert figures["hit1"] > figures["baselines"]["popularity"]["hit1"] + 0.1
