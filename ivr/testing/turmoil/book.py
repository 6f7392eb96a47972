"""What the centre in turmoil is set up as: its book, its queues, its settings, its agents' skills."""

from functools import cache

from ivr.parts import Parts
from ivr.queues import Queue, QueueTable
from ivr.testing.stage import Stage
from menus.schema import MenuBook
from menus.yaml_source import read_yaml

#: Callers go to an agent at once, those of the second line to one who can do cards; then they are thanked. Who presses
#: 1 while they wait is called back; those of the fourth line say when.
BOOK = """\
version: 1
name: Turmoil
time_zone: UTC
languages: [en]
entry: general
option_phrase: {en: "For {label}, press {key}."}
waiting: {hold: hold, position: place, still: still}
calling_back: {greeting: we_call, connect_key: 1, then: thanks, otherwise: nobody}
tasks: {}
entries:
  cards: {numbers: ["2"], then: cards}
  rare: {numbers: ["3"], then: rare}
  later: {numbers: ["4"], then: which_time}
prompts:
  hold: {text: {en: Please hold.}}
  place: {text: {en: "You are number {position:number}."}}
  still: {text: {en: Still waiting.}}
  may_call: {text: {en: Press 1 to be called back.}}
  we_call: {text: {en: We call you back. Press 1.}}
  at_what: {text: {en: When shall we call?}}
  wrong: {text: {en: That is no time.}}
  bye: {text: {en: Goodbye.}}
steps:
  general:
    kind: route
    queue: general
    reason: General
    ways: [{key: 1, prompt: may_call, then: keep}]
    then: thanks
    otherwise: nobody
  cards:
    kind: route
    queue: cards
    reason: Cards
    ways: [{key: 1, prompt: may_call, then: keep_cards}]
    then: thanks
    otherwise: nobody
  rare: {kind: route, queue: rare, reason: Rare, then: thanks, otherwise: nobody}
  keep: {kind: callback, queue: general, reason: General, time: keep_place, then: thanks, otherwise: nobody}
  keep_cards: {kind: callback, queue: cards, reason: Cards, time: keep_place, then: thanks, otherwise: nobody}
  which_time:
    kind: collect
    into: wished
    type: time
    prompt: at_what
    no_input: {prompts: [at_what], then: nobody}
    invalid: {prompts: [wrong], then: nobody}
    then: at_a_time
  at_a_time: {kind: callback, queue: general, reason: General, time: at, at: wished, then: thanks, otherwise: nobody}
  thanks: {kind: goodbye, prompts: [bye]}
  nobody: {kind: goodbye, prompts: [bye], because: no_agents}
"""
GENERAL, CARDS, RARE, LATER = "1", "2", "3", "4"
RING_S, WRAP_UP_S, MOST_WAIT_S = 15.0, 10.0, 600.0
QUEUES = {
    "general": Queue(skills={"general": 1}, goal_s=20, ring_s=RING_S, wrap_up_s=WRAP_UP_S, max_wait_s=MOST_WAIT_S),
    "cards": Queue(
        skills={"cards": 2},
        goal_s=10,
        ring_s=RING_S,
        wrap_up_s=WRAP_UP_S,
        max_wait_s=MOST_WAIT_S,
        callback_first="agent",
    ),
    "rare": Queue(skills={"rare": 9}, ring_s=RING_S, wrap_up_s=WRAP_UP_S, max_wait_s=MOST_WAIT_S),  # nobody has it
}
LEASE_S, DESK_LOST_S = 15.0, 45.0
#: Callbacks: how long a customer's phone rings, calls until a wish is given up, seconds between two, and at once.
CUSTOMER_RING_S, MOST_TRIES, RETRY_S, AT_ONCE = 10.0, 3, 20.0, 2
SKILLS = ({"general": 5, "lang:en": 5}, {"general": 3, "cards": 5, "lang:en": 5})
_SETTINGS = {
    "time_zone": "UTC",
    "routing": {"offer_lease_s": LEASE_S, "desk_lost_s": DESK_LOST_S},
    "personal": {"hold_out": 0},
    "outbound": {"allow": ["+86"]},
    "callbacks": {"ring_s": CUSTOMER_RING_S, "most_tries": MOST_TRIES, "retry_s": RETRY_S, "at_once": AT_ONCE},
}


@cache
def parts_of_a_site() -> Parts:
    """The parts that no node has of its own. The book is read without the rules over whole books: nobody hears it."""
    stage = Stage(read_yaml(BOOK, "turmoil.yaml", MenuBook), queues=QueueTable(QUEUES), settings=_SETTINGS)
    stage.directory.late = True
    return stage.parts
