"""The statements that find out who is calling. Made once: making one anew costs as much as running it."""

from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Float,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from models.recent import TELLING
from models.tables import (
    CallbackRow,
    CallEventRow,
    CallRow,
    CaseRow,
    CustomerRow,
    KeepsakeRow,
    LifeEventRow,
    MenuMemoryRow,
    NumberRow,
    OptOutRow,
    ProductRow,
)
from routing.call import Reason
from routing.callback import OURS

#: The most recent calls of a number that conditions may count.
MOST_RECENT = 20


def _who() -> Any:
    """Customers."""
    return select(
        CustomerRow.id,
        CustomerRow.language,
        CustomerRow.segment,
        CustomerRow.since_on,
        CustomerRow.yearly_value_cents,
        CustomerRow.churn_risk,
        CustomerRow.agent,
    )


def _held() -> Any:
    """Products with their key dates, life events of the last year, and cases that are open or of the last year: of a
    customer and from a number, there only those of nobody's when the customer is known."""
    no_case = [cast(null(), kind) for kind in (Float, Integer, Integer, Float, String)]
    products = select(literal("product"), ProductRow.kind, ProductRow.key_kind, ProductRow.key_on, *no_case)
    events = select(literal("life"), LifeEventRow.kind, null(), LifeEventRow.happened_on, *no_case)
    customer, nobodys = bindparam("customer", type_=Integer), CaseRow.customer_id.is_(None)
    known, of_whom = bindparam("known", type_=Boolean), case((nobodys, literal("nobody")), else_=literal("another"))
    lately = LifeEventRow.happened_on.between(bindparam("since"), bindparam("today"))
    return union_all(
        products.where(ProductRow.customer_id == customer),
        events.where(LifeEventRow.customer_id == customer, lately),
        _cases(literal("customer")).where(CaseRow.customer_id == customer),
        _cases(of_whom).where(CaseRow.ani == bindparam("number"), or_(nobodys, ~known)),
    )


def _cases(whose: ColumnElement[str]) -> Any:
    told = (CaseRow.state, CaseRow.about, CaseRow.severity, cast(null(), Date), CaseRow.opened_at, CaseRow.against_id)
    lately = or_(CaseRow.state == "open", CaseRow.opened_at >= bindparam("complained_since"))
    return select(*told, CaseRow.tier, CaseRow.due_at, whose).where(lately)


def _traces() -> Any:
    """What is remembered of a caller, whether they want messages, and whether we called back in vain."""
    nothing = (null(), null(), null(), null())
    heard = select(
        literal("menu"),
        MenuMemoryRow.menu,
        literal(""),
        MenuMemoryRow.promoted,
        MenuMemoryRow.wished,
        MenuMemoryRow.streak,
        MenuMemoryRow.frozen,
    )
    kept = select(literal("kept"), KeepsakeRow.name, KeepsakeRow.value, *nothing)
    opted_out = select(literal("opted_out"), OptOutRow.number, literal(""), *nothing)
    missed = select(literal("missed"), CallbackRow.number, literal(""), *nothing)
    answered_since = exists().where(
        CallRow.ani == CallbackRow.number,
        CallRow.started_at >= CallbackRow.closed_at,
        CallRow.reason == Reason.AGENT.value,
    )
    in_vain = (CallbackRow.outcome == "missed", CallbackRow.closed_at >= bindparam("since"), ~answered_since)
    return union_all(
        heard.where(MenuMemoryRow.subject == bindparam("subject")),
        kept.where(KeepsakeRow.subject == bindparam("subject")),
        opted_out.where(OptOutRow.number == bindparam("number")),
        missed.where(CallbackRow.number == bindparam("number"), *in_vain),
    )


def _recent() -> Select[Any]:
    """Earlier calls of a number, newest first, with what they were about if they tell it.

    A call that goes on is none of them, so the present one never is; nor is a call that we made.
    """
    told = or_(
        CallRow.customer_id == bindparam("customer", type_=Integer),
        and_(CallRow.customer_id.is_(None), bindparam("nobodys", type_=Boolean)),
    )
    calls = (
        select(CallRow.id, CallRow.started_at, CallRow.result, told.label("told"))
        .where(CallRow.ani == bindparam("number"))
        .where(CallRow.started_at >= bindparam("since"), CallRow.started_at <= bindparam("now"))
        .where(CallRow.ended_at.is_not(None), CallRow.id.not_like(f"{OURS}%"))
        .order_by(CallRow.started_at.desc(), CallRow.id)
        .limit(MOST_RECENT)
        .subquery("recent")
    )
    mine = and_(CallEventRow.call_id == calls.c.id, CallEventRow.kind.in_(TELLING), calls.c.told)
    return (
        select(calls.c.id, calls.c.started_at, calls.c.result, CallEventRow.kind, CallEventRow.data)
        .select_from(calls)
        .outerjoin(CallEventRow, mine)
        .order_by(calls.c.started_at.desc(), calls.c.id, CallEventRow.at, CallEventRow.id)
    )


WITH_NUMBER = _who().join(NumberRow).where(NumberRow.e164 == bindparam("number"))
VERIFIED = (
    _who()
    .add_columns(select(func.count()).where(NumberRow.e164 == bindparam("number")).scalar_subquery())
    .where(CustomerRow.id == bindparam("customer"))
)
HELD, TRACES, RECENT = _held(), _traces(), _recent()
