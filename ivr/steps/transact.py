"""Let the bank do something for the verified caller, and tell them what came of it."""

import asyncio
from collections.abc import Mapping

import structlog

from ivr.call import Call
from ivr.errors import BankAway
from ivr.ports import BankAnswer, BankOrder, Clip
from ivr.steps.keys import answer_to
from menus.entry import shown
from menus.errors import UnfitValue
from menus.operations import OPERATIONS, Operation
from menus.schema import Transact
from menus.values import Value, ValueKind, is_of
from menus.walk import Input, Left, Position

log = structlog.get_logger()

#: How long a caller waits without a word, and how often it is looked whether the bank has answered after that.
PATIENCE_S, LOOK_S = 1.0, 0.25
#: Seconds in which a caller may confirm.
CONFIRM_S = 8.0
#: On top of the bank's own deadline; past it the bank counts as away.
SLACK_S = 1.0
#: How often others may run before it is looked whether an answer is there at once.
TURNS = 5


async def transact(call: Call, step: Transact, position: Position) -> Input:
    """Ask the bank, for nobody but the customer whom the caller has proved to be."""
    operation = OPERATIONS.get(step.do)
    if position.verified_as is None or operation is None:
        log.error("a transaction was asked for without a verified customer; the bank was not asked", step=position.step)
        call.note("order", operation=step.do, result="not_verified")
        return Left("otherwise")
    params = _params(call, step, operation, position)
    if params is None:
        log.error("a transaction lacks a value; the bank was not asked", step=position.step)
        call.note("order", operation=step.do, result="value_missing")
        return Left("otherwise")
    if step.confirm is not None and not await _confirmed(call, step, step.confirm, position.values):
        call.note("order", operation=step.do, result="cancelled")
        return Left("cancelled" if step.cancelled is not None else "otherwise")
    key = f"{call.id}:{position.orders}"
    answer = await _ordered(call, step, BankOrder(step.do, position.verified_as, params, key, call.id))
    if answer is None:
        return Left("otherwise")
    if answer.refusal is not None:
        return Left(f"refused.{answer.refusal}" if answer.refusal in step.refused else "otherwise")
    values = {name: value for name, value in answer.values.items() if name in operation.gives}
    await _tell(call, step, {**position.values, **values}, answer)
    return Left("then", values)


def _params(call: Call, step: Transact, operation: Operation, position: Position) -> dict[str, Value] | None:
    """The parameters from values and secrets of the call; None when one is missing or of another kind."""
    params: dict[str, Value] = {}
    for name, kind in {**operation.needs, **operation.may_have}.items():
        given = step.given.get(name)
        value: Value | None
        if given is None:
            value = None
        elif given.isdecimal():
            value = given if kind is ValueKind.DIGITS else int(given)
        else:
            value = position.values.get(given, call.secrets.get(given))
        if value is not None and is_of(value, kind):
            params[name] = value
        elif value is not None or name in operation.needs:
            return None
    return params


async def _confirmed(call: Call, step: Transact, prompt: str, values: Mapping[str, Value]) -> bool:
    """Whether the caller wants it; a key that was typed before the question is no answer to it."""
    call.typed_ahead = None
    return await answer_to(call, call.prompt(prompt, **values), CONFIRM_S) == step.confirm_key


async def _ordered(call: Call, step: Transact, order: BankOrder) -> BankAnswer | None:
    """The bank's answer, with a word to the caller when it takes long; None when it is away.

    The order runs as a task of its own: a caller who hangs up meanwhile does not undo it, so its outcome is waited for.
    """
    deadline_s = call.parts.settings.bank.deadline_s
    await call.leg.arm(deadline_s + SLACK_S + call.parts.settings.calls.dead_man_s)
    working = asyncio.create_task(_ask(call, order, deadline_s), name=f"order {order.key}")
    try:
        await _done_within(call, working, PATIENCE_S)
        if not working.done() and step.wait is not None:
            await call.say(call.prompt(step.wait), keys="")
        while not working.done():
            await _done_within(call, working, LOOK_S)
    except asyncio.CancelledError:
        working.cancel()
        raise
    finally:
        while not working.done():  # it has a deadline of its own
            await _done_within(call, working, LOOK_S)
    return working.result()


async def _ask(call: Call, order: BankOrder, deadline_s: float) -> BankAnswer | None:
    """Ask, and note what came of it, whether the caller is still there or not."""
    began = call.parts.clock.monotonic()
    answer: BankAnswer | None = None
    result = "away"
    try:
        async with asyncio.timeout(deadline_s + SLACK_S):
            answer = await call.parts.bank.perform(order, now=call.now(), deadline_s=deadline_s)
        result = "done" if answer.refusal is None else "refused"
    except (BankAway, TimeoutError) as away:
        log.warning("the bank is away", operation=order.operation, why=str(away) or "too late")
    except asyncio.CancelledError:
        result = "unknown"
        raise
    finally:
        call.note(
            "order",
            operation=order.operation,
            key=order.key,
            given={name: shown(value) for name, value in order.params.items()},
            result=result,
            refusal=answer.refusal if answer else None,
            reference=str(answer.values.get("reference", "")) if answer else "",
            ms=round((call.parts.clock.monotonic() - began) * 1000, 1),
        )
    return answer


async def _done_within(call: Call, working: asyncio.Task[BankAnswer | None], seconds: float) -> None:
    """Return when it is done, or after so many seconds of the engine's clock."""
    for _ in range(TURNS):
        if working.done():
            return
        await asyncio.sleep(0)
    timer = asyncio.ensure_future(call.parts.clock.sleep(seconds))
    try:
        await asyncio.wait({working, timer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()


async def _tell(call: Call, step: Transact, values: Mapping[str, Value], answer: BankAnswer) -> None:
    """Say what was done and read the list out; a key stops it all and is kept for what follows."""
    said: list[tuple[Clip, ...]] = [clips for name in step.say if (clips := _clips(call, name, values))]
    rows = [(step.each[row.kind], row.values) for row in answer.rows if row.kind in step.each]
    for name, of_row in rows[: step.most]:
        if clips := _clips(call, name, {**values, **of_row}):
            said.append(clips)
    for clips in said:
        if call.typed_ahead is None:
            call.typed_ahead = (await call.say(clips)).key


def _clips(call: Call, name: str, values: Mapping[str, Value]) -> tuple[Clip, ...]:
    """A prompt with the bank's values; one that cannot be spoken is left out: what was done stays done."""
    try:
        return call.prompt(name, **values)
    except UnfitValue as unfit:
        log.error("what the bank told cannot be spoken", prompt=name, why=str(unfit))
        call.note("unspoken", prompt=name)
        return ()
