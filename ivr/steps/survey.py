"""Ask how it was: some callers, not too often, and no further once they press nothing."""

import asyncio
from hashlib import sha256

import structlog

from ivr.call import Call
from ivr.ports import Rating
from ivr.steps.menu import key_within
from ivr.steps.record import keep, recording_name, take_down
from menus.facts import subject_of
from menus.schema import Question, Survey
from menus.walk import Input, Left, Position
from routing.errors import StoreAway

log = structlog.get_logger()

DAY_S = 86400.0
#: Seconds for the first digit, and between 1 and 0 of a ten.
ANSWER_S, SECOND_DIGIT_S = 6.0, 2.0
#: How often a wrong key is taken before the question counts as not answered.
TRIES = 2
#: Keys that answer a question.
KEYS = {"csat": "12345", "nps": "0123456789", "yes_no": "12"}
#: A comment: longest length, the silence that ends it, and the least that counts, seconds.
COMMENT_S, COMMENT_SILENCE_S, COMMENT_LEAST_S = 60.0, 3.0, 1.0


async def survey(call: Call, step: Survey, position: Position) -> Input:
    """Ask the questions in their order until one is not answered."""
    why_not = await _why_not(call, step, position)
    if why_not is not None:
        call.note("survey", survey=position.step, outcome=why_not)
        return Left("then")
    answered = 0
    for question in step.questions:
        if not await _ask(call, position, question):
            break
        answered += 1
    if answered and step.thanks is not None:
        await call.say_on([step.thanks])
    call.note("survey", survey=position.step, outcome="asked", answered=answered, of=len(step.questions))
    return Left("then")


async def _why_not(call: Call, step: Survey, position: Position) -> str | None:
    """Why this caller is not asked; None when they are. The same call is drawn the same on every node."""
    if _drawn(call.id, position.step) >= step.share:
        return "not_drawn"
    subject = subject_of(call.facts)
    if subject is None or step.again_after_days == 0:
        return None
    since = call.now() - step.again_after_days * DAY_S
    try:
        async with asyncio.timeout(call.parts.settings.calls.lookup_s):
            return "asked_lately" if await call.parts.log.rated_lately(subject, since=since) else None
    except (TimeoutError, StoreAway):
        return "store_away"  # nobody is asked twice because we do not know


def _drawn(call_id: str, survey: str) -> float:
    """A number from 0 to 1, even over calls."""
    digest = sha256(f"{survey}/{call_id}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:6]) / 2.0**48


async def _ask(call: Call, position: Position, question: Question) -> bool:
    """One question; whether it was answered."""
    if question.ask == "comment":
        return await _comment(call, position, question)
    keys = KEYS[question.ask]
    for _ in range(TRIES):
        key, call.typed_ahead = call.typed_ahead, None
        if key is None:
            key = (await call.say(call.prompt(question.prompt))).key or await key_within(call, ANSWER_S)
        if key is None:
            return False
        if key in keys:
            _rate(call, position, question, score=await _score(call, question, key))
            return True
    return False


async def _score(call: Call, question: Question, key: str) -> int:
    """The score of a key; in a question up to 10 a 0 may follow the 1. Any other second key is for what follows."""
    if question.ask == "nps" and key == "1":
        second = await key_within(call, SECOND_DIGIT_S)
        if second == "0":
            return 10
        call.typed_ahead = second
    return int(key == "1") if question.ask == "yes_no" else int(key)


async def _comment(call: Call, position: Position, question: Question) -> bool:
    call.typed_ahead = None
    await call.say(call.prompt(question.prompt))
    name = recording_name(call.id, f"{position.visit}-{question.id}")
    made = await take_down(call, name, longest_s=COMMENT_S, silence_s=COMMENT_SILENCE_S, least_s=COMMENT_LEAST_S)
    if made is None:
        return False
    keep(call, name, "comment", made, customer_id=position.verified_as)
    _rate(call, position, question, score=None, recording=name)
    return True


def _rate(
    call: Call, position: Position, question: Question, *, score: int | None, recording: str | None = None
) -> None:
    rating = Rating(
        call_id=call.id,
        survey=position.step,
        question=question.id,
        ask=question.ask,
        score=score,
        recording=recording,
        subject=subject_of(call.facts),
    )
    call.parts.log.rated(rating, call.now())
