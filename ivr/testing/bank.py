"""The twin of the Bank port: customers in a list."""

from dataclasses import replace

from ivr.ports import BankAnswer, BankOrder, Claimant, CustomerView


class MemoryBank:
    """A bank that knows whoever is put into `customers`."""

    def __init__(self, *customers: CustomerView) -> None:
        self.customers = list(customers)

    async def customers_by_number(self, ani: str | None, *, now: float) -> tuple[CustomerView, ...]:
        """Every customer with this number, at most ten, by id; cases and contacts after `now` are left out."""
        found = sorted((one for one in self.customers if ani in one.numbers), key=lambda one: one.id)
        return tuple(
            replace(
                one,
                cases=tuple(
                    sorted((case for case in one.cases if case.opened_at <= now), key=lambda case: -case.opened_at)
                ),
                contacts=tuple(
                    sorted((contact for contact in one.contacts if contact.at < now), key=lambda contact: -contact.at)
                )[:10],
            )
            for one in found[:10]
        )

    async def customer(self, customer_id: int, *, now: float) -> CustomerView | None:
        """To be written."""
        raise NotImplementedError

    async def whose(self, claimant: Claimant, *, deadline_s: float) -> int | None:
        """To be written."""
        raise NotImplementedError

    async def verify(self, claimant: Claimant, customer_id: int | None, *, deadline_s: float) -> bool:
        """To be written."""
        raise NotImplementedError

    async def perform(self, order: BankOrder, *, now: float, deadline_s: float) -> BankAnswer:
        """To be written."""
        raise NotImplementedError
