"""All tables, by what they are about."""

from models.tables.calls import (
    BookChoiceRow,
    CallEventRow,
    CallRow,
    KeepsakeRow,
    MenuBookRow,
    MenuMemoryRow,
    RatingRow,
    RecordingRow,
)
from models.tables.customers import (
    CaseRow,
    CustomerRow,
    HistoryEventRow,
    LifeEventRow,
    NumberRow,
    ProductRow,
)
from models.tables.learning import HabitRow
from models.tables.root import (
    MANY,
    Table,
)
from models.tables.routing import (
    AgentRow,
    AgentSkillRow,
    NeedRow,
    NodeRow,
    OfferRow,
    ToldWaitRow,
)
from models.tables.selfservice import (
    AccountRow,
    BankOrderRow,
    CallbackRow,
    CardRow,
    CredentialRow,
    InstalmentRow,
    LockoutRow,
    MovementRow,
    OptOutRow,
    OutboxRow,
    PointsRow,
)

__all__ = [
    "MANY",
    "AccountRow",
    "AgentRow",
    "AgentSkillRow",
    "BankOrderRow",
    "BookChoiceRow",
    "CallEventRow",
    "CallRow",
    "CallbackRow",
    "CardRow",
    "CaseRow",
    "CredentialRow",
    "CustomerRow",
    "HabitRow",
    "HistoryEventRow",
    "InstalmentRow",
    "KeepsakeRow",
    "LifeEventRow",
    "LockoutRow",
    "MenuBookRow",
    "MenuMemoryRow",
    "MovementRow",
    "NeedRow",
    "NodeRow",
    "NumberRow",
    "OfferRow",
    "OptOutRow",
    "OutboxRow",
    "PointsRow",
    "ProductRow",
    "RatingRow",
    "RecordingRow",
    "Table",
    "ToldWaitRow",
]
