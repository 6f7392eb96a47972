"""What puts one row of callers before another, as the file of queues says it."""

from pydantic import BaseModel, ConfigDict, Field

from routing.policy import Policy

_USUAL = Policy()


class Order(BaseModel):
    """Which row of callers is served first when agents may serve several, besides age, credit and goal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_time_s: float = Field(
        default=_USUAL.in_time_s,
        ge=0,
        le=3600,
        description="So many seconds a row is put forward whose first caller can still be served within the goal.",
    )
    crowded_s: float = Field(
        default=_USUAL.crowded_s,
        ge=0,
        le=3600,
        description="So many seconds the row is put forward in which most callers wait for each agent at work, and "
        "others less, in proportion. With both 0 age, credit and goal alone decide.",
    )

    def policy(self) -> Policy:
        """As the decision needs it."""
        return Policy(in_time_s=self.in_time_s, crowded_s=self.crowded_s)
