"""Voices of the demonstration: what the robots listen for, and what the agents' robots say."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ivr.bank.staff import AgentSeed
from ivr.lab.g711 import Samples, read_wav
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.sound import from_wav, levelled, trimmed
from ivr.prompts.speech import EspeakSpeech
from menus.schema import Menu, MenuBook


def option_voices(book: MenuBook, catalogue: Catalogue, menu: str, language: str) -> Mapping[str, Samples]:
    """The sound of each option of a menu in one language, by option id."""
    step = book.steps[menu]
    assert isinstance(step, Menu), f"{menu} is not a menu"
    return {
        option.id: read_wav(Path(catalogue.option(menu, option.id, language).sound + ".wav"))
        for option in step.offered(language)
    }


async def agent_voice(agent: AgentSeed) -> Samples:
    """A sentence that an agent's robot says when it answers, in a language that the agent speaks best."""
    chinese = agent.skills.get("lang:zh", 0) > agent.skills.get("lang:en", 0)
    text = (
        "您好，海港银行。请问有什么可以帮您？"
        if chinese
        else f"Harbour Bank, {agent.full_name} speaking. How can I help you?"
    )
    spoken = await asyncio.to_thread(EspeakSpeech().speak, text, "zh" if chinese else "en")
    return np.rint(levelled(trimmed(from_wav(spoken))) * 32767).astype(np.int16)
