"""Agents who hand their caller on, in whole calls on a stage."""

from ivr.ports import Dialled, DialStatus, PhoneAnswered
from ivr.queues import Queue
from ivr.testing.line import ScriptedLeg
from ivr.testing.stage import Stage
from models.tables import AgentRow
from routing.talk import Ask, TalkEvent, Target

QUEUES = {
    "general": Queue(skills={"general": 1}),
    "cards": Queue(skills={"cards": 3}, credit_minutes=2),
    "complaints": Queue(skills={"complaints": 1}),
}
TALKED = Dialled(DialStatus.ANSWERED, 5.0)


def asks(stage: Stage, leg: ScriptedLeg, agent: AgentRow, do: TalkEvent, target: Target | None, note: str = "") -> None:
    """The agent answers, and asks for this while they talk; every later agent just talks, or has asks of their own."""
    before = leg.on_dial if leg.dials else None

    async def answer(phone: str) -> None:
        if before is not None:
            await before(phone)
        elif phone.startswith("PJSIP/"):
            await stage.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-1"))
        if phone == agent.phone:
            stage.clock.advance(10)
            assert await stage.talks.ask(agent.id, stage.offer.id, Ask(do, stage.clock.now(), target, note)) is not None

    leg.dials, leg.on_dial = [TALKED] * 9, answer
