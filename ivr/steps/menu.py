"""Offer the caller's own menu and take a key."""

from ivr.call import Call
from ivr.ports import Clip
from menus.personalise import SpokenMenu, held_out, spoken_menu
from menus.schema import MenuStep
from menus.walk import Input, NothingPressed, Position, Pressed


async def menu(call: Call, step: MenuStep, position: Position) -> Input:
    """Speak the options in this caller's order, with barge-in, and answer with the key or with silence."""
    spoken = spoken_menu_of(call, step, position)
    call.menus_heard.add(position.step)
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
        await call.leg.arm(step.no_input.timeout_s + call.parts.settings.calls.dead_man_s)
        waited = await call.leg.wait(step.no_input.timeout_s)
        key = waited if waited in set("0123456789*#") else None
    return Pressed(key) if key is not None else NothingPressed()


def spoken_menu_of(call: Call, step: MenuStep, position: Position) -> SpokenMenu:
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
        again=position.step in call.menus_heard,
    )


def _clips(call: Call, menu_name: str, spoken: SpokenMenu) -> list[Clip]:
    clips = list(call.prompt(spoken.greeting)) if spoken.greeting else []
    catalogue = call.edition.catalogue
    clips += [catalogue.option(menu_name, option.id, call.language) for option in spoken.options]
    return clips
