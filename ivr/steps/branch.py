"""Steps that decide and remember without a word: goto, set, language."""

from ivr.call import Call
from menus.facts import subject_of
from menus.schema import Goto, Set, SetLanguage
from menus.values import Value
from menus.walk import Finished, Input, Left, Position


async def goto(call: Call, step: Goto, position: Position) -> Input:
    """The first case whose condition holds."""
    conditions = call.edition.conditions
    picture = await call.picture(position, *(case.when for case in step.cases))
    for index, case in enumerate(step.cases):
        if conditions.holds(case.when, picture):
            call.note("branch", step=position.step, case=index, when=case.when)
            return Left(f"cases.{index}.then")
    return Left("then")


async def set_values(call: Call, step: Set, position: Position) -> Input:
    """Work the expressions out; what cannot be worked out leaves its value as it was."""
    conditions = call.edition.conditions
    picture = await call.picture(position, *step.values.values(), *step.remember.values())
    values: dict[str, Value] = {}
    for name, text in step.values.items():
        if (found := conditions.value(text, picture)) is not None:
            values[name] = found
    subject = subject_of(call.facts)
    for name, text in step.remember.items():
        found = conditions.value(text, picture)
        if subject is not None and found is not None:
            call.parts.log.kept(
                subject, name, str(found).lower() if isinstance(found, bool) else str(found), call.now()
            )
    return Left("then", values)


async def language(call: Call, step: SetLanguage, position: Position) -> Input:
    """The walk changes the language; here it is remembered for later calls, if the step says so."""
    subject = subject_of(call.facts)
    if step.remember and subject is not None:
        call.parts.log.kept(subject, "language", step.language, call.now())
    return Finished()
