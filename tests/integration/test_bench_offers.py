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


def test_a_planted_fault_is_counted() -> None:
    run = subprocess.run([sys.executable, "-c", PLANTED], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
