"""An amount of money, and the limits of what can be spoken."""

from dataclasses import dataclass

from menus.errors import UnfitValue

LARGEST = 10**12 - 1  #: of any number that is spoken

#: Currencies that can be spoken.
CURRENCIES = ("CNY", "USD", "EUR", "GBP", "HKD")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the smallest unit of its currency."""

    cents: int
    currency: str = "CNY"

    def parts(self) -> tuple[bool, int, int]:
        """Whether it is negative, whole units, hundredths. Raises UnfitValue for what cannot be spoken."""
        if self.currency not in CURRENCIES:
            raise UnfitValue(f"amounts in {self.currency} cannot be spoken")
        return (self.cents < 0, *divmod(abs(self.cents), 100))


def within(number: int, least: int, most: int) -> int:
    """The number itself. Raises UnfitValue when it is beyond what can be spoken."""
    if not least <= number <= most:
        raise UnfitValue(f"{number} cannot be spoken here; from {least} to {most} can")
    return number
