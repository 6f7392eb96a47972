"""What follows when agents miss or refuse offers, as the file of queues says it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from menus.schema.words import ValueName
from routing.set_aside import MissRule, OfferRules, RefusalRule

#: A few words on a button.
ButtonText = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Misses(_Part):
    """Offers that an agent's phone did not answer (RONA)."""

    most: int = Field(
        default=1, ge=1, le=20, description="With so many misses in a row an agent is set aside until they say ready."
    )
    within_s: float = Field(default=1800, ge=60, le=86400, description="Older misses are forgotten; so are those "
                            "before an answered offer.")  # fmt: skip
    pause_s: float = Field(
        default=5, ge=0, le=600, description="Seconds without an offer after a miss that does not set aside."
    )


class RefusalReason(_Part):
    """Why an agent may refuse a call."""

    en: ButtonText = Field(description="English words on the desktop.")
    zh: ButtonText = Field(description="Chinese words on the desktop.")
    pause: bool = Field(default=False, description="Whether the agent is paused afterwards instead of ready.")


class Refusals(_Part):
    """Offers that agents refuse on the desktop, with a reason."""

    most_an_hour: int = Field(
        default=6, ge=1, le=60, description="With so many refusals in an hour an agent is set aside."
    )
    reasons: dict[ValueName, RefusalReason] = Field(
        default_factory=dict, max_length=9, description="Reasons that agents may give; without any, nobody refuses."
    )


class Offers(_Part):
    """What follows when agents miss or refuse offers."""

    misses: Misses = Misses()
    refusals: Refusals = Refusals()

    def rules(self) -> OfferRules:
        """As the decision and the store need them."""
        misses, refusals = self.misses, self.refusals
        return OfferRules(
            MissRule(misses.most, misses.within_s, misses.pause_s),
            RefusalRule(
                refusals.most_an_hour,
                frozenset(refusals.reasons),
                frozenset(name for name, reason in refusals.reasons.items() if reason.pause),
            ),
        )
