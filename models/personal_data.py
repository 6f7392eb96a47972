"""What personal data lies where, and what happens to it when a customer or a number is to be forgotten: declared once.

Every column of every table stands here; a test compares, so that a new column is decided on before it holds anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from menus.walk import Verdict


class Fate(StrEnum):
    """What happens to the rows of a table that belong to whoever is forgotten."""

    DELETED = "deleted"  # the rows go
    ANONYMISED = "made anonymous"  # the rows stay, for counts; what tells of a person is emptied
    UNTOUCHED = "untouched"  # no row is about a customer


@dataclass(frozen=True, slots=True)
class Holding:
    """What one table holds."""

    fate: Fate
    by: tuple[str, ...] = ()  #: columns by which the rows are found: of a customer, product, subject, number, call
    emptied: Mapping[str, Any] = field(default_factory=dict)  #: column → what stands there afterwards
    rest: tuple[str, ...] = ()  #: columns that go with their row, or tell nothing of a person


def _deleted(*by: str, rest: str) -> Holding:
    return Holding(Fate.DELETED, by, {}, tuple(rest.split()))


def _untouched(columns: str) -> Holding:
    return Holding(Fate.UNTOUCHED, rest=tuple(columns.split()))


#: Table → what it holds. Rows are deleted in this order, so that what refers to another row goes first; the calls are
#: made anonymous before, since by them other rows are found.
HOLDINGS: Mapping[str, Holding] = {
    # Calls: the rows stay, so that calls, queues and endings can still be counted.
    "call_events": Holding(Fate.ANONYMISED, ("call_id",), {"data": "what EVENTS keeps"}, ("id", "at", "kind")),
    "offers": Holding(
        Fate.ANONYMISED,
        ("call_id",),
        {"note": None, "why": {}, "talk": None},  # a decision tells which life event an agent was preferred for
        (
            *("id", "need_id", "agent_id", "node", "fence", "state", "agent_since", "made_at", "expires_at"),
            *("popped_at", "ringing_at", "answered_at", "closed_at", "disposition", "wrapped_up_at"),
            *("refused_for", "wrap_up_extended"),
        ),
    ),
    "needs": Holding(
        Fate.ANONYMISED,
        ("call_id",),
        {"terms": None, "sent": None},  # life events may be told; queue, skills and reason tell of nobody
        (
            *("id", "queue", "required", "language", "tier", "credit_s", "reason", "not_agents", "since", "state"),
            *("refused_by", "version", "closed_at", "outcome", "kind"),
        ),
    ),
    "ratings": Holding(
        Fate.ANONYMISED,
        ("call_id", "subject"),
        {"subject": None, "recording": None},
        ("id", "survey", "question", "ask", "score", "at"),
    ),
    "talk_recordings": _deleted("call_id", rest="recording began_at ended_at pause_until muted version consent"),
    "recordings": _deleted("call_id", "customer_id", rest="id purpose at seconds"),
    "case_events": Holding(Fate.DELETED, rest=("id", "case_id", "at", "kind", "agent_id", "by", "data")),  # with cases
    "case_alarms": Holding(Fate.DELETED, rest=("case_id", "alarm", "due_at", "at")),  # with their case
    "cases": _deleted(
        "customer_id", "ani", "call_id",
        rest="id number subject tier state opened_at due_at closed_at recording severity about against_id handler_id",
    ),
    "outbox": _deleted(
        "customer_id", "to", "call_id",
        rest="id key text template state tries made_at next_at node sent_at fault",
    ),
    "callbacks": _deleted(
        "customer_id", "number", "call_id",
        rest="id queue reason language required terms tier credit_s kind hours since due_at state tries next_at node "
        "fence made_at closed_at outcome",
    ),
    "calls": Holding(
        Fate.ANONYMISED,
        ("id", "ani", "customer_id", "verified_as"),
        {"ani": None, "caller_name": "", "customer_id": None, "verified_as": None, "channel": "", "position": None},
        (
            *("uniqueid", "node", "dnis", "entry", "campaign", "language", "book_version", "state"),
            *("started_at", "ended_at", "result", "reason"),
        ),
    ),
    # What is remembered of a caller.
    "keepsakes": _deleted("subject", rest="name value at"),
    "menu_memories": _deleted("subject", rest="menu promoted wished streak frozen at"),
    "lockouts": _deleted("subject", rest="failures since locked_until"),
    "opt_outs": _deleted("number", rest="at"),
    # The customer.
    "habits": _deleted("customer_id", rest="tasks days first events"),
    "history_events": _deleted("customer_id", rest="id at task source call_id"),
    "bank_orders": _deleted("customer_id", rest="key operation call_id at answer"),
    "movements": _deleted("product_id", rest="id at amount_cents about"),
    "instalments": _deleted("product_id", rest="id amount_cents remaining next_on"),
    "accounts": _deleted("product_id", rest="number"),
    "cards": _deleted(
        "customer_id", rest="id product_id number_hash last_four state limit_cents limit_most_cents used_cents"
    ),
    "credentials": _deleted("customer_id", rest="pin_hash birthday_hash"),
    "points": _deleted("customer_id", rest="points"),
    "life_events": _deleted("customer_id", rest="id kind happened_on"),
    "products": _deleted("customer_id", rest="id kind name opened_on balance_cents currency key_on key_kind"),
    "numbers": _deleted("customer_id", rest="id e164 kind"),
    "customers": _deleted("id", rest="name language segment since_on yearly_value_cents churn_risk agent"),
    # Of the site and its staff.
    "agents": _untouched(
        "id name full_name password_hash phone team state since version pause_reason pause_after wrap_up_until "
        "desk_seen_at supervisor set_aside back_at "
        "missed_at refused_at freed_at auto_answer sessions"
    ),
    "supervisor_acts": _untouched("id at supervisor_id act agent_id call_id done"),
    "listenings": _untouched("id supervisor_id agent_id call_id mode asked_at began_at ended_at"),
    "agent_skills": _untouched("agent_id skill level"),
    "phones": _untouched("phone state since seen_at node"),
    "nodes": _untouched("name started_at seen_at switch"),
    "told_waits": _untouched("id need_id at least_min most_min mean_s ahead agents basis sight"),
    "menu_books": _untouched("version published_at message digest files"),
    "book_choices": _untouched("id at stable canary canary_share chosen_by message"),
}  # fmt: skip

#: Kind of event → what is kept of its data in an anonymous call: words of the book and of ours, never of a caller.
EVENTS: Mapping[str, tuple[str, ...]] = {
    "answered": ("agent",),
    "arrived": ("dnis", "rung", "node"),
    "branch": ("step", "case", "when"),
    "callback": ("outcome", "queue", "time"),
    "called_back": ("tries",),
    "case": ("subject", "tier", "outcome"),
    "closed": ("queue",),
    "confirmed": ("step",),
    "dip": ("step", "outcome", "ms", "values"),
    "ended": ("result", "reason"),
    "entered": ("step", "into"),
    "fault": ("step",),
    "frozen": ("menu", "frozen"),
    "identified": ("matches", "language", "ms", "rung"),
    "key": ("menu", "key", "option", "label", "task"),
    "matter": ("matter", "taken", "heard"),
    "menu": ("menu",),
    "message": ("template", "outcome"),
    "need": ("queue", "reason", "required", "tier"),
    "not_neutral": ("queue", "wait_s"),
    "not_confirmed": ("step",),
    "offer": ("agent", "offer"),
    "offer_closed": ("agent", "how", "rang_s", "talked_s"),
    "order": ("operation", "result", "refusal", "ms"),
    "popped": ("agent", "shown", "ms"),
    "prompts": ("clips",),  # and of these only CLIP
    "refused": ("agent", "reason"),
    "recording": ("purpose", "outcome", "seconds", "hung_up"),
    "recording_consent": ("queue", "how", "given"),
    "recording_pause": ("agent", "paused", "confirmed", "by", "until"),
    "resumed": ("matches", "language", "ms", "rung"),
    "ringing": ("agent",),
    "step": ("step", "does", "by"),
    "out_of_reach": ("queue", "tier", "level", "lower_after_s"),
    "talk_limit": ("agent", "max_talk_s"),
    "supervised": ("act", "by", "agent"),
    "survey": ("survey", "outcome", "answered", "of"),
    "tier": ("step", "tier"),
    "talk": ("does", "agent", "asked_at"),
    "transfer": ("to", "outcome", "talked_s"),
    "unspoken": ("prompt",),
    "wait_told": ("least_min", "most_min"),
    "verification": ("by", "attempt", "result"),
    **dict.fromkeys(
        map(str, (Verdict.NO_INPUT, Verdict.INVALID, Verdict.REPEATED, Verdict.BACK, Verdict.GAVE_UP)),
        ("menu", "key", "why"),
    ),
}
#: What is kept of a prompt: which one and for how long. What was said in it may have been a balance.
CLIP = ("prompt", "heard_s", "of_s")
#: Kinds of event that name a customer.
NAMING = ("identified", "resumed", "verification")


def anonymous(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an event: nothing of a kind that nobody has decided on."""
    kept = {name: data[name] for name in EVENTS.get(kind, ()) if name in data}
    if isinstance(clips := kept.get("clips"), list):
        kept["clips"] = [
            {name: clip[name] for name in CLIP if name in clip} for clip in clips if isinstance(clip, Mapping)
        ]
    return kept
