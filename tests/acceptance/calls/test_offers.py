"""Offers over real SIP: refused on the desktop, taken by phones that are asked to, kept from phones that are busy."""

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import select, update

from ivr.asterisk.witness import AmiWitness
from ivr.demo.desks import AgentDesks
from ivr.lab.robots import Answer, EndedBy, Manner
from models.agents import Agents
from models.tables import AgentRow, PhoneRow

pytestmark = pytest.mark.live

LI_NA = "+8613800000001"


async def test_a_refused_call_falls_silent_at_once_and_rings_at_the_next_agent(hotline: Any) -> None:
    hotline.phones["carol"].manner = Manner(ring_s=20)
    async with AgentDesks(hotline.site.engines[0].url) as browser:
        desk = await browser.sign_in("carol", hotline.site.password)
        await desk.ready()
        await hotline.make_ready("chris")  # spared for others while Carol is free
        call = await hotline.dial(LI_NA)
        await call.ear.hear_sound(deadline_s=3)
        await call.ear.press("0")
        first = await hotline.phones["carol"].rang(deadline_s=8)
        await desk.page.keyboard.press("x")
        refused = time.time()
        await desk.page.keyboard.press("1")
        second = await hotline.phones["chris"].rang(deadline_s=8)
        await first.wait_ended(deadline_s=3)
        await desk.until("ready")
        notice = await desk.page.text_content("#notice")
        await call.wait_ended(deadline_s=20)
    assert first.ended_at - refused < 1.0
    assert (first.ended_by, first.answered_at) == (EndedBy.SWITCH, None)
    assert second.invited_at - refused < 1.5
    assert "refused" in notice
    assert await hotline.ended(LI_NA) == "served/agent"
    offers = await hotline.offers(LI_NA)
    assert [(offer.state, offer.refused_for) for offer in offers] == [("refused", "wrong_skill"), ("completed", None)]
    assert await hotline.events(LI_NA, "refused") == [{"agent": "carol", "reason": "wrong_skill"}]


@pytest.mark.fault("F1", "agents' phones that are busy or not there")
async def test_phones_that_are_busy_or_gone_are_passed_over_and_offered_as_soon_as_they_are_free(hotline: Any) -> None:
    carol, chris = hotline.phones["carol"], hotline.phones["chris"]
    carol.manner = Manner(ring_s=0.2, talk_s=60)
    await hotline.make_ready("carol")
    await hotline.make_ready("chris")
    async with hotline.database.write() as session:  # an agent whose phone was never plugged in
        row = update(AgentRow).where(AgentRow.name == "chris").values(phone="PJSIP/agent-unplugged")
        await session.execute(row.values(version=AgentRow.version + 1))
    try:
        await asyncio.to_thread(_call_directly, hotline.site, "carol")
        own = await carol.rang(deadline_s=5)
        await hotline.until(lambda: own.answered_at is not None)
        await hotline.until(lambda: _phones_are(hotline, carol="in_use", chris="unreachable"))
        call = await hotline.dial(LI_NA)
        await call.ear.hear_sound(deadline_s=3)
        await call.ear.press("0")
        await hotline.hear(call, hotline.clip("please_hold"), deadline_s=8)
        assert len(carol.calls) == 1
        assert chris.calls == []
        freed = time.time()
        await own.hang_up()
        rung = await carol.rang(2, deadline_s=5)
        await call.hang_up()
    finally:
        async with hotline.database.write() as session:
            (phone,) = (agent.phone for agent in hotline.site.staff if agent.name == "chris")
            await session.execute(update(AgentRow).where(AgentRow.name == "chris").values(phone=phone))
    assert rung.invited_at - freed < 1.5
    (offer,) = await hotline.offers(LI_NA)
    why_not = {other["agent"]: other["why_not"] for other in offer.why["others"]}
    assert why_not["chris"] == "phone unreachable"
    assert await hotline.ended(LI_NA) == "left/while_ringing"


async def test_only_the_phone_of_an_agent_who_wants_it_is_asked_to_pick_up_by_itself(hotline: Any) -> None:
    hotline.phones["carol"].manner = Manner(answer=Answer.DECLINE, ring_s=0.2)
    agents = Agents(hotline.database)
    await agents.set_auto_answer("carol", True)
    try:
        await hotline.make_ready("carol")
        await hotline.make_ready("chris")
        call = await hotline.dial(LI_NA)
        await call.ear.hear_sound(deadline_s=3)
        await call.ear.press("0")
        asked = await hotline.phones["carol"].rang(deadline_s=8)
        usual = await hotline.phones["chris"].rang(deadline_s=8)
        await call.hang_up()
    finally:
        await agents.set_auto_answer("carol", None)
    headers = [header.partition(": ") for header in hotline.site.settings.phones.auto_answer_headers]
    assert [asked.asked(name) for name, _, _ in headers] == [value for _, _, value in headers]
    assert [usual.asked(name) for name, _, _ in headers] == ["", ""]


def _call_directly(site: Any, name: str) -> None:
    """Ring an agent's phone past the engine, as a colleague would."""
    plan = site.asterisk.plan
    (phone,) = (agent.phone for agent in site.staff if agent.name == name)
    with AmiWitness("127.0.0.1", plan.ami_port) as ami:
        assert ami.log_in("ringwise", plan.ami_secret)
        called = ami.ask("Originate", Channel=phone, Application="Echo", Timeout="5000", Async="true")
        assert called.accepted, called.message


async def _phones_are(hotline: Any, **expected: str) -> bool:
    """Whether the store says this of the phones of these agents."""
    async with hotline.database.read() as session:
        rows = await session.execute(
            select(AgentRow.name, PhoneRow.state)
            .join(PhoneRow, PhoneRow.phone == AgentRow.phone)
            .where(AgentRow.name.in_(expected))
        )
        return {name: state for name, state in rows} == expected
