"""Sample agents, offers, customers and pops, each changed as a test needs it."""

from dataclasses import replace
from datetime import date

from ivr.ports import (
    AgentCard,
    CaseSeen,
    ContactSeen,
    CustomerView,
    OfferSeen,
    PathStep,
    Pop,
    ProductSeen,
)
from routing.agent import AgentState

DAY_S = 86_400.0


def an_agent(now: float, **changes: object) -> AgentCard:
    """Grace, paused, with a phone."""
    card = AgentCard(
        id=1,
        name="grace",
        full_name="Grace Chen",
        phone="PJSIP/agent-101",
        state=AgentState.PAUSED,
        since=now - 75,
        version=1,
        skills={"general": 5, "complaints": 4, "lang:en": 5, "lang:zh": 5},
        pause_reason="break",
    )
    return replace(card, **changes)  # type: ignore[arg-type]


def an_offer(now: float, **changes: object) -> OfferSeen:
    """An offer made now for a caller who has waited for 48 seconds."""
    offer = OfferSeen(
        offer_id=7,
        fence=3,
        call_id="1790000000.42",
        state="offered",
        queue="complaints",
        reason="complaint",
        made_at=now,
        need_since=now - 48,
    )
    return replace(offer, **changes)  # type: ignore[arg-type]


def a_customer(now: float, **changes: object) -> CustomerView:
    """Li Na: affluent, five products, an open case, some risk of leaving."""
    view = CustomerView(
        id=20417,
        name="Li Na",
        language="zh",
        segment="affluent",
        since_on=date(2014, 3, 9),
        yearly_value_cents=1_284_000,
        churn_risk=0.34,
        numbers=("+8613800000001",),
        products=(
            ProductSeen("current_account", "Everyday 4421", 2_318_455, "CNY"),
            ProductSeen("savings", "Fixed term 12 months", 15_000_000, "CNY", "contract_end", date(2026, 10, 12)),
            ProductSeen("credit_card", "Platinum 0093", -423_780, "CNY", "card_expiry", date(2026, 9, 30)),
            ProductSeen("instalment", "Phone, 24 months", -310_000, "CNY", "instalment_due", date(2026, 9, 25)),
            ProductSeen("insurance", "Family health", 0, "CNY", "premium_due", date(2027, 1, 4)),
        ),
        life_events=(("new_car", date(2026, 8, 2)), ("moving_house", date(2026, 5, 17))),
        cases=(CaseSeen("101187", "Card charged twice at a petrol station", 2, now - 6 * DAY_S, now + 1.5 * DAY_S),),
        contacts=(
            ContactSeen(now - 2 * DAY_S, "app", "transfer"),
            ContactSeen(now - 6 * DAY_S, "agent", "complaint", "complaint_opened"),
            ContactSeen(now - 19 * DAY_S, "ivr", "balance"),
            ContactSeen(now - 21 * DAY_S, "ivr", "transfer"),
            ContactSeen(now - 52 * DAY_S, "ivr", "transfer"),
            ContactSeen(now - 80 * DAY_S, "branch", "card", "resolved"),
        ),
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def a_pop(now: float, **changes: object) -> Pop:
    """Li Na calls about her complaint."""
    pop = Pop(
        offer=an_offer(now),
        ani="+8613800000001",
        caller_name="LI NA",
        language="zh",
        customer=a_customer(now),
        path=(
            PathStep(now - 71, "Main menu"),
            PathStep(now - 64, "Complaints and suggestions", "8"),
            PathStep(now - 55, "About an open complaint", "1"),
            PathStep(now - 48, "Speak with an agent", "0"),
        ),
        habit="usually transfers on the 1st",
    )
    return replace(pop, **changes)  # type: ignore[arg-type]
