"""Where a caller goes on who takes up what an earlier call was about."""

from datetime import UTC, datetime

import pytest

from ivr.testing.books import SMALL
from menus.facts import RecentCall
from menus.schema import MenuBook
from menus.take_up import target_of
from menus.yaml_source import read_yaml

#: Transfers lead over a look at the hours to a verification; cards to a queue.
TEXT = (
    SMALL.replace("label: {en: transfers, zh: 转账}, then: general}", "label: {en: transfers, zh: 转账}, then: pay}")
    .replace("label: {en: balance, zh: 余额}, then: general}", "label: {en: balance, zh: 余额}, then: hours}")
    .replace("prompts:\n", "prompts:\n  done: {text: {en: '{amount:money} is sent.', zh: '已转{amount:money}。'}}\n", 1)
    + """\
  hours: {kind: goto, cases: [{when: "calendar.hour < 8", then: nobody}], then: desk}
  desk: {kind: route, queue: general, reason: Balance, then: thanks, otherwise: nobody}
  pay: {kind: verify, ask_customer: main, ask_secret: main, wrong: wrong, then: ask, otherwise: desk, locked: desk}
  ask:
    kind: collect
    into: amount
    type: money
    prompt: main
    no_input: {prompts: [silent], then: general}
    invalid: {prompts: [wrong], then: general}
    then: whom
  whom:
    kind: collect
    into: to
    prompt: main
    no_input: {prompts: [silent], then: general}
    invalid: {prompts: [wrong], then: general}
    then: send
  send: {kind: transact, do: transfer, given: {to: to, amount: amount}, say: [done], then: talk, otherwise: general}
  talk: {kind: route, queue: general, reason: Transfer, then: thanks, otherwise: nobody}
  alone: {kind: route, queue: general, reason: Nobody comes here, then: thanks, otherwise: nobody}
"""
)
BOOK = read_yaml(TEXT, "book.yaml", MenuBook)


def target(task: str | None, step: str | None, **more) -> str | None:
    return target_of(BOOK, RecentCall(datetime.now(UTC), task, step, "left"), **more)


def test_a_call_that_stood_in_a_queue_goes_on_there():
    assert target("card", "general") == "general"


def test_a_call_that_passed_only_conditions_goes_through_them_again():
    assert target("balance", "desk") == "hours"


@pytest.mark.parametrize("step", [None, "gone", "main", "thanks", "alone"])
def test_a_step_that_is_none_to_go_on_at_leads_to_the_start_of_the_way(step):
    assert target("balance", step) == "hours"
    assert target(None, step) is None


def test_a_task_that_no_menu_offers_and_no_step_is_taken_up_nowhere():
    assert target("insurance", None) is None


@pytest.mark.parametrize("step", ["ask", "whom", "send", "talk"])
def test_a_step_behind_a_verification_is_entered_by_verified_callers_only(step):
    assert target("transfer", step) == "pay"


def test_a_verified_caller_goes_on_where_nothing_that_was_typed_is_missing():
    assert target("transfer", "ask", verified=True) == "ask"
    assert target("transfer", "talk", verified=True) == "talk"
    assert target("transfer", "whom", verified=True) == "pay"
    assert target("transfer", "whom", verified=True, values={"amount"}) == "whom"
    assert target("transfer", "send", verified=True, values={"amount"}) == "pay"
    assert target("transfer", "send", verified=True, values={"amount", "to"}) == "send"


class Counted(dict):
    """Steps that count how often all of them are gone through."""

    rounds = 0

    def items(self):
        self.rounds += 1
        return super().items()


def test_a_book_is_searched_through_once_however_many_calls_are_looked_at():
    book = BOOK.model_copy(update={"steps": Counted(BOOK.steps)})
    recent = RecentCall(datetime.now(UTC), "transfer", "talk", "left")
    assert target_of(book, recent) == "pay"
    assert book.steps.rounds > 0
    book.steps.rounds = 0
    assert [target_of(book, recent, verified=verified) for verified in (False, True)] == ["pay", "talk"]
    assert book.steps.rounds == 0


def test_two_books_are_told_apart():
    closed = BOOK.model_copy(update={"steps": {**BOOK.steps, "hours": BOOK.steps["desk"]}})
    recent = RecentCall(datetime.now(UTC), "balance", "desk", "left")
    assert [target_of(book, recent) for book in (BOOK, closed, BOOK)] == ["hours", "desk", "hours"]


def test_the_verification_itself_may_be_entered_by_everybody():
    assert target("transfer", "pay") == "pay"


def test_without_a_start_of_the_way_a_step_that_needs_nothing_is_gone_on_at():
    assert target(None, "general") == "general"
    assert target(None, "send", verified=True) is None
