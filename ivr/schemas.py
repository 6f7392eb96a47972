"""The JSON Schemas of settings and queues for editors. `python -m ivr.schemas` writes them into config/."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ivr.agents_file import AgentsFile
from ivr.queues import Queues
from ivr.settings import SHIPPED, Settings

FILES: Mapping[str, type[BaseModel]] = {
    "settings.schema.json": Settings,
    "queues.schema.json": Queues,
    "agents.schema.json": AgentsFile,
}


#: Where the default says too little.
EXAMPLES: Mapping[str, Any] = {
    "FastAgi.peers": ["10.0.0.5", "10.0.1.0/24"],
    "Web.origins": ["https://desk.example"],
    "Web.cookie_domain": "desk.example",
    "Prompts.seen_by_asterisk": "/var/cache/ringwise/prompts",
    "Recordings.seen_by_asterisk": "/var/spool/ringwise",
    "AnnounceWait.service_s": 240,
    "Queue.announce_wait": {"service_s": 240},
    "Bank.url": "https://bank.example/ivr/",
    "Messages.gateway": "https://sms.example/send",
    "Messages.sender": "95588",
    "Webhooks.allow": ["https://crm.example/ivr/"],
    "Outbound.allow": ["+86"],
    "Outbound.caller_id": "+861065551234",
    "Queue.skills": {"cards": 1},
    "Queue.preferred": {"moving_house": 1},
    "Queue.most_level": 3,
    "Queue.own_agent": {"wait_s": 30},
    "Queue.last_agent": {"wait_s": 20},
    "Queue.hours": "service",
    "Queue.after_hours": "general",
    "Step.after_s": 60,
    "Step.skills": {"cards": 0},
    "Way.to": "general",
    "Way.until_s": 300,
    "Credits.segments": {"private": 2},
    "CallerRules.credits": {"open_case": 1},
    "CallerRules.life_events": {"moving_house": {"moving_house": 2}},
    "Calendar.country": "CN",
    "Calendar.subdivision": "BY",
    "Calendar.special_days": {"2026-12-24": "Christmas Eve"},
    "Calendar.hours": {"service": "Mo-Fr 08:00-20:00; PH off"},
    "Queues.version": 1,
    "Queues.calendar": {"country": "CN"},
    "Queues.callers": {"credits": {"open_case": 1}},
    "Queues.order": {"in_time_s": 120, "crowded_s": 150},
    "AgentsFile.version": 1,
    "AgentsFile.agents": {"anna": {"full_name": "Anna Li", "phone": "PJSIP/agent-101", "skills": {"general": 5}}},
    "DeclaredAgent.full_name": "Anna Li",
    "DeclaredAgent.phone": "PJSIP/agent-101",
    "DeclaredAgent.team": "service",
    "DeclaredAgent.skills": {"general": 5, "lang:en": 5},
    "Queues.staff": {"skills": {"general": {"en": "General enquiries", "zh": "一般咨询"}}},
    "Staff.skills": {"general": {"en": "General enquiries", "zh": "一般咨询"}},
    "Staff.segments": {"private": {"en": "Private banking", "zh": "私人银行"}},
    "Staff.pauses": {"break": {"name": {"en": "Break", "zh": "休息"}, "most_minutes": 15}},
    "Staff.teams": {"service": {"name": {"en": "Service", "zh": "客服组"}, "skills": {"general": 3}}},
    "PauseReason.name": {"en": "Break", "zh": "休息"},
    "PauseReason.most_minutes": 15,
    "Team.name": {"en": "Service", "zh": "客服组"},
    "Team.supervisor": "ruth",
    "Team.skills": {"general": 3},
    "Queues.complaints": {"rules": [{"tier": 3, "overdue": True}]},
    "Complaints.tiers": [{"name": {"en": "Front line", "zh": "一线"}, "level": 1}],
    "Complaints.rules": [{"tier": 2, "severity": "high"}],
    "Complaints.tasks": ["complaint"],
    "Complaints.hours": "office",
    "Complaints.deadlines": [{"about": ["card_fraud"], "answer_h": 9}],
    "Complaints.alarms": {"shares": [0.5], "hours_before": [8, 0]},
    "Deadline.about": ["card_fraud"],
    "Deadline.answer_h": 9,
    "Alarms.send_to": ["+8613700000001"],
    "ComplaintTier.answer_h": 27,
    "ComplaintTier.name": {"en": "Specialist", "zh": "专员"},
    "ComplaintTier.level": 4,
    "ComplaintTier.goodwill": 500,
    "ComplaintTier.may": {"en": ["Waive all fees of the matter"], "zh": ["免除与此事有关的全部费用"]},
    "Complaints.about": {"card_fraud": {"en": "Money lost or a card", "zh": "资金损失或银行卡"}},
    "ComplaintRule.tier": 2,
    "ComplaintRule.up": 1,
    "ComplaintRule.severity": "high",
    "ComplaintRule.about": ["card_fraud"],
    "ComplaintRule.segments": ["private"],
    "ComplaintRule.worth": 50000,
    "ComplaintRule.complaints": {"count": 3, "within_days": 90},
    "ComplaintRule.contacts": {"count": 1, "within_days": 1},
    "Often.count": 3,
    "Often.within_days": 90,
    "Queues.offers": {"misses": {"most": 3}},
    "Offers.misses": {"most": 3},
    "Offers.refusals": {"most_an_hour": 6},
    "Refusals.reasons": {"wrong_skill": {"en": "Wrong skill", "zh": "技能不符"}},
    "RefusalReason.en": "Wrong skill",
    "RefusalReason.zh": "技能不符",
    "Queues.queues": {"cards": {"skills": {"cards": 1}}},
}


def schema_text(model: type[BaseModel]) -> str:
    """The JSON Schema of a file. Defaults that depend on where the program lies are written as in the shipped file."""
    schema = model.model_json_schema()
    for name, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        for key, described in part.get("properties", {}).items():
            default = described.get("default")
            if isinstance(default, dict):  # a section: its own keys have defaults
                del described["default"]
                described.setdefault("description", schema["$defs"][described["$ref"].split("/")[-1]]["description"])
            elif isinstance(default, str) and default.startswith(str(SHIPPED)):
                described["default"] = default = default.removeprefix(f"{SHIPPED}/")
            example = EXAMPLES.get(f"{name}.{key}", default)
            told = f"{name}.{key}" in EXAMPLES
            if example not in (None, "") and (told or not isinstance(default, dict)):
                described["examples"] = [example]
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def write(folder: Path = SHIPPED) -> None:
    """Write every schema into a folder."""
    for name, model in FILES.items():
        (folder / name).write_text(schema_text(model), encoding="utf-8")


if __name__ == "__main__":
    write()
