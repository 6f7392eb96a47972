"""Find out whether the caller is the customer, without a word or a second more for one wrong part than for another.

Each attempt is counted before its secret is compared, for the customer and for the number, over all calls and nodes:
many calls at once get no more guesses than one. Secrets live in this coroutine's variables only.
"""

from dataclasses import dataclass
from hashlib import sha256

import structlog

from ivr.call import Call
from ivr.errors import BankAway
from ivr.ports import Claimant, Clip
from ivr.steps.keys import Typed, typed
from menus.entry import Form, Keyed
from menus.schema import Verify
from menus.walk import Input, Left, Position, Pressed
from routing.errors import StoreAway

log = structlog.get_logger()

#: Seconds for the first key, and between two: cards are read from the plastic.
FIRST_S, BETWEEN_S = 8.0, 4.0
#: How often one question is asked when nothing is typed, and how often a caller may begin anew.
ASKED, MOST_ROUNDS = 2, 10
MOST_CARD_DIGITS, BIRTHDAY_DIGITS = 19, 8


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What was typed, and whom it is about."""

    claimant: Claimant
    customer: int | None
    subjects: tuple[str, ...]  #: whose lock-outs it counts for


async def verify(call: Call, step: Verify, position: Position) -> Input:
    """Ask for what proves it, a few times; never again in a call in which it was proved."""
    if position.verified_as is not None:
        return Left("then")
    try:
        return await _ask(call, step)
    except (BankAway, StoreAway) as away:
        log.warning("nobody can be verified now", why=type(away).__name__)
        call.note("verification", by=step.by, result="unavailable")
        return Left("otherwise")


async def _ask(call: Call, step: Verify) -> Input:
    deadline_s = call.parts.settings.bank.deadline_s
    ani = call.facts.ani
    await call.leg.arm(deadline_s + call.parts.settings.calls.dead_man_s)
    by_number = await call.parts.bank.whose(Claimant(step.by, ani), deadline_s=deadline_s)
    if await call.parts.lockouts.locked(_subjects(ani, by_number, ""), now=call.now()):
        return _locked(call, step)
    needs_card = by_number is None or step.by != "pin"
    before: tuple[Clip, ...] = ()
    for count in range(1, step.tries + 1):
        card = ""
        if needs_card:
            entry = await _typed(call, before + call.prompt(step.ask_customer), _form(call, MOST_CARD_DIGITS))
            if entry.how is not Keyed.ENDED:
                return _given_up(call, step, entry)
            card, before = entry.digits, ()
        most = step.digits if step.by == "pin" else BIRTHDAY_DIGITS
        entry = await _typed(call, before + call.prompt(step.ask_secret), _form(call, most))
        if entry.how is not Keyed.ENDED:
            return _given_up(call, step, entry)
        left = await _judge(call, step, Claimant(step.by, ani, card, entry.digits), by_number, count)
        if left is not None:
            return left
        before = call.prompt(step.wrong)
    call.typed_ahead = (await call.say(before)).key
    return Left("otherwise")


async def _judge(call: Call, step: Verify, claimant: Claimant, by_number: int | None, count: int) -> Left | None:
    """Whether this attempt settles it: verified, or locked. None when another one may follow."""
    bank, lockouts, deadline_s = call.parts.bank, call.parts.lockouts, call.parts.settings.bank.deadline_s
    await call.leg.arm(2 * deadline_s + call.parts.settings.calls.dead_man_s)
    customer = await bank.whose(claimant, deadline_s=deadline_s)
    subjects = _subjects(claimant.ani, customer, claimant.card)
    if not await lockouts.tried(subjects, now=call.now()):
        return _locked(call, step)
    try:
        proved = await bank.verify(claimant, customer, deadline_s=deadline_s)
    except BankAway:
        await lockouts.untried(subjects, now=call.now())
        raise
    if proved and customer is not None:
        await _forget(call, subjects, customer, own_number=by_number == customer)
        call.note("verification", by=step.by, attempt=count, result="verified", customer_id=customer)
        return Left("then", verified_as=customer)
    call.note("verification", by=step.by, attempt=count, result="failed")
    return _locked(call, step) if await lockouts.locked(subjects, now=call.now()) else None


async def _forget(call: Call, subjects: tuple[str, ...], customer: int, *, own_number: bool) -> None:
    """The customer's failures are forgotten; those of a number only if it is theirs: one good card clears no others."""
    mine = tuple(one for one in subjects if own_number or one == f"customer:{customer}")
    try:
        await call.parts.lockouts.passed(mine, now=call.now())
        await call.parts.lockouts.untried(tuple(one for one in subjects if one not in mine), now=call.now())
    except StoreAway:
        log.warning("the store is away; earlier failures of a verified customer are not forgotten")


def _subjects(ani: str | None, customer: int | None, card: str) -> tuple[str, ...]:
    """Whose failures count. A card that nobody has locks like one that somebody has, or the lock would tell them apart.

    Of such a card so little of its hash is kept that a thousand numbers share it.
    """
    subjects = [f"number:{ani}"] if ani is not None else []
    if customer is not None:
        subjects.append(f"customer:{customer}")
    elif card:
        subjects.append(f"card:{sha256(card.encode()).hexdigest()[:6]}")
    return tuple(subjects)


def _form(call: Call, most: int) -> Form:
    return Form(most, "#", call.edition.book.back_key, call.edition.book.repeat_key)


async def _typed(call: Call, clips: tuple[Clip, ...], form: Form) -> Typed:
    """An entry, or that the caller went back or typed nothing though asked again."""
    silences = 0
    for _ in range(MOST_ROUNDS):
        entry = await typed(call, clips, form, first_s=FIRST_S, between_s=BETWEEN_S)
        if entry.how is Keyed.BACK or entry.digits:
            return entry
        silences += entry.how is not Keyed.AGAIN
        if silences >= ASKED:
            break
    return Typed()


def _given_up(call: Call, step: Verify, entry: Typed) -> Input:
    if entry.how is Keyed.BACK:
        return Pressed(call.edition.book.back_key)
    call.note("verification", by=step.by, result="nothing_typed")
    return Left("otherwise")


def _locked(call: Call, step: Verify) -> Left:
    call.note("verification", by=step.by, result="locked")
    return Left("locked")
