"""The bench of simulated offers: it finds nothing on the product, and says so when something is planted."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLANTED = """
import sys
from models import moves
end = moves.end
def forgets_the_age(need, agent, offer, event, **how):
    end(need, agent, offer, event, **how)
    if need.closed_at is None:
        need.since = how["now"]
moves.end = forgets_the_age
sys.path.insert(0, "bench")
from parts.turmoil import MEMORY, played
found = played(MEMORY, 40, 1, 2)
assert found.lost_needs and "has forgotten its age" in found.wrong[0], found
"""


def test_offers_with_injected_faults_are_made_once_and_served() -> None:
    run = subprocess.run(
        [sys.executable, "bench/offers.py", "--json", "--offers", "80", "--nodes", "3"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    told = json.loads(run.stdout)
    assert (run.returncode, told["double_offers"], told["lost_needs"], told["stuck_agents"]) == (0, 0, 0, 0)
    assert (told["lost_wishes"], told["double_dials"]) == (0, 0)
    assert told["offers"] >= 80
    assert told["answered"] + told["missed"] + told["expired"] + told["withdrawn"] == told["offers"]
    assert told["faults_injected"] == sum(told["faults"].values()) > 20


def test_what_was_broken_off_goes_on_where_it_was(tmp_path: Path) -> None:
    record = tmp_path / "runs.jsonl"

    def told(offers: int) -> tuple[dict[str, object], str]:
        bench = [sys.executable, "bench/offers.py", "--json", "--offers", str(offers), "--record", str(record)]
        run = subprocess.run(bench, capture_output=True, text=True, cwd=ROOT, check=True)
        return json.loads(run.stdout), record.read_text()

    first, written = told(40)
    record.write_text(written + '{"run": ["mem')
    again, kept = told(40)
    assert kept == written, "the whole run is read, the half one dropped, and none is played"
    assert {**again, "wall_s": 0} == {**first, "wall_s": 0}


def test_a_file_that_holds_no_runs_is_named_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text('{"run": []}\n')
    bench = [sys.executable, "bench/offers.py", "--offers", "40", "--record", str(tmp_path / "runs.jsonl")]
    run = subprocess.run(bench, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 2
    assert "runs.jsonl:1: no run of this bench" in run.stderr


def test_a_planted_fault_is_counted() -> None:
    run = subprocess.run([sys.executable, "-c", PLANTED], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
