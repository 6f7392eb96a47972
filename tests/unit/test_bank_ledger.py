"""The ledgers of the demonstration bank fit what else is known of its customers."""

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.bank.generate import Customer, generate, span_of
from ivr.bank.ledger import MOVEMENT_DAYS, NAMED_SECRETS, Ledger, card_number, ledger_of
from ivr.bank.people import NAMED
from menus.entry import fits_luhn

ZONE = ZoneInfo("Asia/Shanghai")
UNTIL = date(2026, 12, 1)
SEED = 20261201
SPAN = span_of(UNTIL, ZONE)
DOCS = Path(__file__).parents[2] / "docs" / "bank.md"


@pytest.fixture(scope="module")
def bank() -> list[tuple[Customer, Ledger]]:
    return [(one, ledger_of(one, SEED, SPAN)) for one in generate(SEED, UNTIL, ZONE, 400)]


def test_the_same_seed_gives_the_same_ledger(bank: list[tuple[Customer, Ledger]]) -> None:
    assert all(ledger_of(one, SEED, SPAN) == ledger for one, ledger in bank)
    others = [ledger_of(one, SEED + 1, SPAN) for one, _ in bank[NAMED:]]
    assert sum(other.pin == ledger.pin for other, (_, ledger) in zip(others, bank[NAMED:], strict=True)) < 3


def test_every_customer_has_a_pin_a_birthday_of_age_and_an_account(bank: list[tuple[Customer, Ledger]]) -> None:
    for one, ledger in bank:
        assert len(ledger.pin) == 6
        assert ledger.pin.isdecimal()
        born = datetime.strptime(ledger.birthday, "%Y%m%d").date()  # noqa: DTZ007 - a day
        assert (one.person.since_on - born).days >= 18 * 365
        assert ledger.accounts[0][0] == 0
        assert one.products[0].kind == "current_account"


def test_card_and_account_numbers_are_unique_with_a_check_digit_that_fits(bank: list[tuple[Customer, Ledger]]) -> None:
    cards = [card.number for _, ledger in bank for card in ledger.cards]
    accounts = [number for _, ledger in bank for _, number in ledger.accounts]
    assert len(set(cards)) == len(cards) > 400
    assert len(set(accounts)) == len(accounts) > 400
    assert all(len(number) == 16 and fits_luhn(number) for number in cards)
    assert all(len(number) == 12 and fits_luhn(number) for number in accounts)


def test_a_credit_card_ends_as_its_product_says_and_owes_what_the_product_owes(
    bank: list[tuple[Customer, Ledger]],
) -> None:
    seen = Counter[str]()
    for one, ledger in bank:
        for card in ledger.cards:
            product = one.products[card.product]
            seen[product.kind] += 1
            if product.kind == "credit_card":
                assert product.name.endswith(card.number[-4:])
                assert card.used_cents == -product.balance_cents
                assert card.used_cents <= card.limit_cents < card.limit_most_cents
    assert seen["current_account"] == len(bank)
    assert seen["credit_card"] > 50


def test_plans_are_due_when_the_product_says_and_add_up_to_what_is_owed(bank: list[tuple[Customer, Ledger]]) -> None:
    for one, ledger in bank:
        assert {plan.product for plan in ledger.plans} == {
            place for place, product in enumerate(one.products) if product.key_kind in ("instalment_due", "premium_due")
        }
        for plan in ledger.plans:
            product = one.products[plan.product]
            assert plan.next_on == product.key_on
            assert plan.amount_cents > 0
            if product.key_kind == "instalment_due":
                assert 0 <= plan.amount_cents * plan.remaining + product.balance_cents < plan.remaining


def test_movements_are_of_the_last_weeks_and_hold_what_the_customer_transferred(
    bank: list[tuple[Customer, Ledger]],
) -> None:
    began, ended = SPAN.midnight(UNTIL) - (MOVEMENT_DAYS + 1) * 86_400, SPAN.midnight(UNTIL)
    for one, ledger in bank:
        times = [movement.at for movement in ledger.movements]
        assert times == sorted(times)
        assert all(began < at < ended for at in times)
        transfers = [event for event in one.history[-40:] if event.task == "transfer" and event.at > began + 2 * 86_400]
        out = [movement for movement in ledger.movements if movement.about == "transfer"]
        assert len(out) >= len(transfers)
        assert all(movement.amount_cents < 0 for movement in out)


def test_the_document_tells_how_the_named_customers_prove_who_they_are() -> None:
    text = DOCS.read_text(encoding="utf-8")
    named = {one.person.id: one for one in generate(SEED, UNTIL, ZONE, NAMED)}
    assert named.keys() == NAMED_SECRETS.keys()
    for id_, (pin, birthday) in NAMED_SECRETS.items():
        ledger = ledger_of(named[id_], SEED, SPAN)
        (row,) = [line for line in text.splitlines() if f"| {named[id_].person.name} |" in line]
        number = named[id_].person.numbers[0].e164
        debit = card_number(id_, f"{id_ * 7919 % 10_000:04d}", credit=False)
        assert [cell.strip(" `") for cell in row.strip("|").split("|")][1:6] == [
            number, pin, birthday, debit, ledger.accounts[0][1]
        ]  # fmt: skip
        assert ledger.cards[0].number == debit
