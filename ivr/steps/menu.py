"""Offer the caller's own menu and take a key."""

from ivr.call import Call
from ivr.ports import Clip, Waited
from menus.personalise import SpokenMenu, held_out, spoken_menu
from menus.schema import Menu
from menus.walk import Input, NothingPressed, Position, Pressed


async def menu(call: Call, step: Menu, position: Position) -> Input:
    """Speak the options in this caller's order, with barge-in, and answer with the key or with silence."""
    typed, call.typed_ahead = call.typed_ahead, None
    if typed is not None:
        return Pressed(typed)
    spoken = spoken_menu_of(call, step, position)
    call.note(
        "menu",
        menu=position.step,
        order=[
            {"option": option.id, "key": option.key, "promoted": option.promoted, "score": round(option.score, 4)}
            for option in spoken.options
        ],
        record=spoken.record,
    )
    heard = await call.say(_clips(call, position.step, spoken))
    key: str | None = heard.key
    if key is None:
        key = await key_within(call, step.no_input.timeout_s)
    return Pressed(key) if key is not None else NothingPressed()


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


def spoken_menu_of(call: Call, step: Menu, position: Position) -> SpokenMenu:
    """The menu as this caller hears it now."""
    personal = call.parts.settings.personal
    caller = str(call.facts.customer_id) if call.facts.customer_id is not None else call.facts.ani
    return spoken_menu(
        call.edition.book,
        position.step,
        call.facts,
        call.local_time(),
        call.language,
        call.parts.ranker,
        held_out=caller is None or held_out(caller, personal.salt, personal.hold_out),
        again=position.again,
    )


def _clips(call: Call, menu_name: str, spoken: SpokenMenu) -> list[Clip]:
    clips = list(call.prompt(spoken.greeting)) if spoken.greeting else []
    catalogue = call.edition.catalogue
    clips += [catalogue.option(menu_name, option.id, call.language) for option in spoken.options]
    if spoken.closing:
        clips += call.prompt(spoken.closing)
    return clips
