"""Offer the caller's own menu, take a key, and keep a menu as it is for callers who ask for that."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ivr.call import Call
from ivr.ports import Clip, ClipHeard, Waited
from menus.exploration import drawn_to_try
from menus.facts import MenuHeard, MenuMemory, subject_of
from menus.personalise import SpokenMenu, spoken_menu
from menus.schema import Menu
from menus.trial import held
from menus.walk import Input, Move, NothingPressed, Position, Pressed

_WHOLE_S = 0.05  #: a clip of which less than this is missing was heard to its end


async def menu(call: Call, step: Menu, position: Position) -> Input:
    """Speak the options in this caller's order, with barge-in, and answer with the key or with silence."""
    typed, call.typed_ahead = call.typed_ahead, None
    spoken = await spoken_menu_of(call, step, position)
    if typed is not None:
        before = position.menus.get(position.step)
        _keep(call, step, position, before or replace(spoken.heard, keys={}, spoken=False))
        return Pressed(typed, spoken.offers())
    call.note(
        "menu",
        menu=position.step,
        order=[
            {
                "option": option.id,
                "key": option.key,
                "task": option.task,
                "promoted": option.promoted,
                "score": round(option.score, 4),
            }
            for option in spoken.options
        ],
        record=spoken.record,
    )
    # Before a word is said: an engine that takes the call over must not count the menu twice, nor read keys otherwise.
    _remember(call, position.step, spoken.memory)
    if _keep(call, step, position, spoken.heard):
        call.parts.log.stands(call.id, (call.position or position).to_json(), call.language)
    said = await call.say(_clips(call, position.step, spoken))
    offers = spoken.offers(_heard_whole(position.step, said.clips))
    if spoken.heard.keys:
        _keep(call, step, position, replace(spoken.heard, keys=offers))
    key: str | None = said.key
    if key is None:
        key = await key_within(call, step.no_input.timeout_s)
    return Pressed(key, offers) if key is not None else NothingPressed()


async def key_within(call: Call, seconds: float) -> str | None:
    """A key of the caller within that time, or None; a wake meant for a wait in a queue does not count."""
    clock = call.parts.clock
    until = clock.monotonic() + seconds
    await call.leg.arm(seconds + call.parts.settings.calls.dead_man_s)
    while (left := until - clock.monotonic()) > 0:
        waited = await call.leg.wait(left)
        if not isinstance(waited, Waited):
            return waited
    return None


async def spoken_menu_of(call: Call, step: Menu, position: Position) -> SpokenMenu:
    """The menu as this caller hears it now."""
    personal, facts = call.parts.settings.personal, call.facts
    caller = str(facts.customer_id) if facts.customer_id is not None else facts.ani
    # The day on which the call began: a menu must not change at midnight while somebody listens to it.
    began_on = datetime.fromtimestamp(call.started_at, call.parts.settings.zone).date()
    why_held = held(
        caller,
        began_on,
        salt=personal.salt,
        share=personal.hold_out,
        cycle_days=personal.cycle_days,
    )
    hidden, ruled = await _conditions(call, step, position)
    option = call.edition.catalogue.option
    return spoken_menu(
        call.edition.book,
        position.step,
        facts,
        call.local_time(),
        call.language,
        call.parts.ranker,
        held_out=why_held is not None,
        held=why_held,
        again=position.again,
        hidden=hidden,
        ruled=ruled,
        seconds={one.id: option(position.step, one.id, call.language).seconds for one in step.offered(call.language)},
        heard=position.menus.get(position.step),
        drawn=drawn_to_try(call.edition.book, position.step, facts, began_on, personal.salt),
    )


def freeze(call: Call, moved: Move) -> Move:
    """Keep the menu as this caller has just heard it in all later calls too, or let it change again; and say so.

    Callers of whom nothing can be remembered hear the menu again and nothing else.
    """
    position, subject, book = moved.position, subject_of(call.facts), call.edition.book
    if position is None or subject is None:
        return moved
    name = position.step
    memory = call.facts.memory.get(name) or MenuMemory()
    heard = position.menus.get(name)
    if memory.frozen:
        memory = replace(memory, frozen=False, wished=(), streak=0)
    else:
        memory = MenuMemory(promoted=heard.promoted if heard else (), frozen=True)
    _remember(call, name, memory)
    call.note("frozen", menu=name, frozen=memory.frozen, promoted=list(memory.promoted))
    call.facts = replace(call.facts, memory={**call.facts.memory, name: memory})
    if heard is not None:
        position = replace(position, menus={**position.menus, name: replace(heard, spoken=False)})
    told = book.frozen if memory.frozen else book.unfrozen
    return replace(moved, position=position, say=() if told is None else (told,))


async def _conditions(call: Call, step: Menu, position: Position) -> tuple[list[str], list[str]]:
    """The options whose `when` does not hold, and those whose `promote_when` does."""
    texts = [text for option in step.options for text in (option.when, option.promote_when) if text is not None]
    if not texts:
        return [], []
    told, holds = await call.picture(position, *texts), call.edition.conditions.holds
    return (
        [option.id for option in step.options if option.when is not None and not holds(option.when, told)],
        [option.id for option in step.options if option.promote_when is not None and holds(option.promote_when, told)],
    )


def _keep(call: Call, step: Menu, position: Position, heard: MenuHeard) -> bool:
    """Keep with the call how it heard a personal menu; whether that is new."""
    if step.order == "fixed" or position.menus.get(position.step) == heard:
        return False
    call.position = replace(position, menus={**position.menus, position.step: heard})
    return True


def _remember(call: Call, name: str, memory: MenuMemory | None) -> None:
    subject = subject_of(call.facts)
    if memory is not None and subject is not None:
        call.parts.log.menu_heard(subject, name, memory, call.now())


def _heard_whole(menu_name: str, clips: Sequence[ClipHeard]) -> set[str]:
    """The options that were heard to their end, key included: the next clip was begun, or almost nothing is missing."""
    whole = [part.clip.prompt for part in clips[:-1] if part.seconds > 0]
    whole += [part.clip.prompt for part in clips[-1:] if part.seconds >= part.clip.seconds - _WHOLE_S]
    return {prompt.removeprefix(f"{menu_name}.") for prompt in whole if prompt.startswith(f"{menu_name}.")}


def _clips(call: Call, menu_name: str, spoken: SpokenMenu) -> list[Clip]:
    clips = list(call.prompt(spoken.greeting)) if spoken.greeting else []
    catalogue = call.edition.catalogue
    clips += [catalogue.option(menu_name, option.id, call.language, option.key) for option in spoken.options]
    if spoken.closing:
        clips += call.prompt(spoken.closing)
    return clips
