"""Rules over the whole language: what is let pass and what is not, where a small difference decides."""
# ruff: noqa: E501 - pieces of books stand as their authors would write them

import time

import pytest

from ivr.testing.books import small_book, small_book_with
from ivr.testing.large import large_book
from menus.loader import Examined, examine
from menus.rules import Site, check
from menus.rules.known import CLOSED, VERIFIED, given, unless
from menus.rules.options import ADVISED_OPTIONS, MOST_OPTIONS
from menus.schema import MenuBook

VERIFY = "{kind: verify, ask_customer: welcome, ask_secret: again, wrong: wrong, then: %s, otherwise: nobody, locked: nobody}"
BALANCE = "{kind: transact, do: balance, then: nobody, otherwise: nobody}"
ENDS = "no_input: {prompts: [silent], then: general}\n    invalid: {prompts: [wrong], then: general}\n"
AGENT = "{id: agent, key: 0, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: general}"
COMPLAINT = "{id: complaint, key: 5, task: complaint, pinned: true, label: {en: a complaint, zh: 投诉}, then: %s}"


def codes(examined: Examined) -> set[str]:
    """What was found, without what the small book has of itself."""
    return {fault.code for fault in (*examined.faults, *examined.warnings)} - {
        "rings-out",
        "deep-menu",
        "no-calling-back",
    }


def found(steps: str, more: str = "") -> set[str]:
    return codes(small_book_with(f"{more}steps:\n{steps}"))


# --- verification ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "then", "otherwise"),
    [
        ("caller.verified", "done", "proof"),
        ("'!caller.verified'", "proof", "done"),
        ("caller.verified && calendar.day > 3", "done", "proof"),
        ("'!caller.verified || calendar.day > 3'", "proof", "done"),
    ],
)
def test_a_goto_that_asks_for_verification_lets_pass_only_verified_callers(
    when: str, then: str, otherwise: str
) -> None:
    steps = f"  thanks: {{kind: goto, cases: [{{when: {when}, then: %s}}], then: %s}}\n  proof: {VERIFY % 'done'}\n  done: {BALANCE}\n"
    assert found(steps % (then, otherwise)) == set()
    assert found(steps.replace("locked: nobody", "locked: proof") % (otherwise, then)) >= {"unverified"}


@pytest.mark.parametrize(
    "when",
    [
        "caller.verified || calendar.day > 3", "calendar.day > 3 ? caller.verified : true", "caller.number == '&& caller.verified &&'",
        "'!(calendar.day > 3 && caller.verified && calendar.day < 9)'", "customer.known",
    ],
)  # fmt: skip
def test_a_condition_that_may_hold_without_verification_is_none(when: str) -> None:
    steps = f'  thanks: {{kind: goto, cases: [{{when: "{when.strip(chr(39))}", then: done}}], then: nobody}}\n  done: {BALANCE}\n'
    assert "unverified" in found(steps)


def test_verification_on_one_of_two_ways_is_not_enough() -> None:
    goto = "  thanks: {kind: goto, cases: [{when: calendar.day > 3, then: proof}], then: done}\n"
    examined = small_book_with(f"steps:\n{goto}  proof: {VERIFY % 'done'}\n  done: {BALANCE}\n")
    (fault,) = examined.faults
    assert (fault.code, fault.line) == ("unverified", 4)
    assert "coming from 'thanks'" in fault.message


def test_the_ways_of_a_failed_or_locked_verification_are_not_verified() -> None:
    for way in ("otherwise: nobody", "locked: nobody"):
        steps = f"  thanks: {VERIFY % 'done'}\n  done: {BALANCE}\n".replace(way, way.replace("nobody", "done"), 1)
        assert "unverified" in found(steps)


def test_an_option_that_is_offered_to_verified_callers_leads_to_the_bank() -> None:
    option = "{id: own, key: 1, when: caller.verified, label: {en: my balance, zh: 余额}, then: done}"
    menu = f"  cards:\n    kind: menu\n    options:\n      - {option}\n      - {AGENT}\n    {ENDS}"
    assert found(f"{menu}  done: {BALANCE}\n") == set()
    assert found(f"{menu}  done: {BALANCE}\n".replace("when: caller.verified, ", "")) == {"unverified"}


def test_a_private_message_is_sent_after_verification_and_another_at_any_time() -> None:
    send = "  thanks: {kind: message, template: note, then: nobody, otherwise: nobody}\n"
    template = "templates: {note: {text: {en: We heard you., zh: 已收到。}%s}}\n"
    assert found(send, template % "") == {"unverified"}
    assert found(send, template % ", private: false") == set()
    assert found(send.replace("then: nobody", "to: customer, then: nobody"), template % ", private: false") == {
        "unverified"
    }
    assert found(send.replace("thanks", "note") + f"  thanks: {VERIFY % 'note'}\n", template % "") == set()


def test_what_is_worked_out_from_the_bank_is_not_remembered_either() -> None:
    steps = (
        f"  thanks: {VERIFY % 'done'}\n  done: {BALANCE.replace('then: nobody', 'then: work')}\n"
        "  work: {kind: set, values: {whole: values.balance / 100}, then: more}\n"
        "  more: {kind: set, values: {twice: values.whole * 2}, then: keep}\n"
        "  keep: {kind: set, remember: {last: string(values.twice)}, then: nobody}\n"
    )
    assert found(steps) == {"remembered-secret"}
    assert found(steps.replace("string(values.twice)", "call.language")) == set()


# --- values ------------------------------------------------------------------------------------------------------------


def test_results_of_an_operation_are_spoken_by_itself_and_after_it() -> None:
    prompts = (
        'prompts:\n  told: {text: {en: "You have {balance:money}.", zh: "余额{balance:money}。"}}\n'
        '  row: {text: {en: "{date:date}, {amount:money}.", zh: "{date:date}，{amount:money}。"}}\n'
    )
    steps = (
        f"  thanks: {VERIFY % 'done'}\n"
        "  done: {kind: transact, do: balance, say: [told], then: rows, otherwise: nobody}\n"
        "  rows: {kind: transact, do: transactions, each: {in: row, out: row}, then: end, otherwise: nobody}\n"
        "  end: {kind: goodbye, prompts: [told]}\n"
    )
    assert found(steps, prompts) == set()
    early = steps.replace("{kind: transact, do: balance, say: [told],", "{kind: transact, do: balance, wait: told,")
    assert found(early, prompts) == {"unset-value"}
    assert found(steps.replace("otherwise: nobody}\n  rows", "otherwise: end}\n  rows"), prompts) == {"unset-value"}


def test_a_row_is_spoken_where_it_is_read_out_only() -> None:
    prompts = 'prompts:\n  row: {text: {en: "{date:date}.", zh: "{date:date}。"}}\n'
    steps = f"  thanks: {VERIFY % 'rows'}\n  rows: {{kind: transact, do: transactions, say: [row], then: nobody, otherwise: nobody}}\n"
    assert found(steps, prompts) == {"unfilled-slot"}


def test_parameters_are_of_the_kind_that_the_operation_needs() -> None:
    typed = (
        "  thanks: {kind: collect, into: account, type: %s, prompt: welcome, no_input: {prompts: [silent], then: nobody}, "
        "invalid: {prompts: [wrong], then: nobody}, then: proof}\n"
        f"  proof: {VERIFY % 'done'}\n"
        "  done: {kind: transact, do: payee, given: {to: account}, then: nobody, otherwise: nobody}\n"
    )
    assert found(typed % "digits") == set()
    assert found(typed % "date") == {"wrong-kind"}
    assert found((typed % "digits").replace("given: {to: account}", "given: {to: acount}")) == {"unknown-value"}


def test_a_secret_is_given_to_the_bank_and_to_nobody_else() -> None:
    steps = (
        "  thanks: {kind: collect, into: pin, secret: true, prompt: welcome, no_input: {prompts: [silent], then: %s}, "
        "invalid: {prompts: [wrong], then: nobody}, then: proof}\n"
        f"  proof: {VERIFY % 'done'}\n"
        "  done: {kind: transact, do: payee, given: {to: pin}, then: %s, otherwise: nobody}\n"
    )
    assert found(steps % ("nobody", "nobody")) == set()
    assert found(steps % ("proof", "nobody")) == {"unset-value"}
    dip = "  ask: {kind: dip, url: 'https://crm.example/ivr/who', send: {pin: values.pin}, then: nobody, otherwise: nobody}\n"
    assert found(steps % ("nobody", "ask") + dip) >= {"secret-used"}


def test_an_amount_is_no_number_in_the_book() -> None:
    given = "given: {to: '62220001', amount: 100}, confirm: again, cancelled: nobody"
    steps = f"  thanks: {VERIFY % 'done'}\n  done: {{kind: transact, do: transfer, {given}, then: nobody, otherwise: nobody}}\n"
    assert found(steps) == {"wrong-kind"}


def test_a_value_in_a_condition_may_be_unset_and_a_value_in_an_expression_may_not() -> None:
    count = "  thanks: {kind: set, values: {tries: values.tries + 1}, then: nobody}\n"
    assert found(count) >= {"unset-value"} or found(count) >= {"bad-condition"}
    ask = (
        "  thanks: {kind: goto, cases: [{when: calendar.day > 3, then: first}], then: second}\n"
        "  first: {kind: set, values: {tries: '1'}, then: second}\n"
        "  second: {kind: goto, cases: [{when: values.tries > 0, then: nobody}], then: nobody}\n"
    )
    assert found(ask) == {"maybe-unset"}


def test_a_date_is_asked_for_in_days_too() -> None:
    steps = (
        "  thanks: {kind: case, subject: Complaint, then: ask, otherwise: nobody}\n"
        "  ask: {kind: goto, cases: [{when: values.case_due_in_days < 3, then: nobody}], then: nobody}\n"
    )
    assert found(steps) == set()


def test_values_of_a_sub_menu_are_still_set_after_going_back() -> None:
    steps = (
        "  thanks: {kind: case, subject: Complaint, then: again_menu, otherwise: nobody}\n"
        f"  again_menu:\n    kind: menu\n    greeting: told\n    options:\n      - {AGENT}\n    {ENDS}"
    )
    prompts = 'prompts:\n  told: {text: {en: "Number {case_number:digits}.", zh: "{case_number:digits}。"}}\n'
    assert found(steps, prompts) - {"endless-loop", "key-order"} == set()


# --- complaint and agent -------------------------------------------------------------------------------------------------

CLOSED_MENU = (
    "  hello: {{kind: goto, cases: [{{when: {when}, then: main}}], then: closed}}\n"
    "  closed:\n    kind: menu\n    options:\n      - {{id: back, key: 1, label: {{en: a callback, zh: 回电}}, then: later}}\n"
    "      - {complaint}\n    no_input: {{prompts: [silent], then: later}}\n    invalid: {{prompts: [wrong], then: later}}\n"
    "  later: {{kind: callback, queue: general, reason: Closed, then: thanks, otherwise: thanks}}\n"
    "  taken: {{kind: record, purpose: complaint, prompt: welcome, then: thanks, otherwise: thanks}}\n"
)
OFFICE = 'calendar: {hours: {service: "Mo-Fr 09:00-17:00"}}\n'


def test_after_hours_a_menu_takes_complaints_and_needs_no_agent() -> None:
    good = CLOSED_MENU.format(when="hours.service", complaint=COMPLAINT % "taken")
    assert found(good, OFFICE) == set()


def test_after_hours_a_menu_without_a_recorded_complaint_needs_the_agent() -> None:
    assert "no-complaint" in found(
        CLOSED_MENU.format(when="hours.service", complaint="{id: a, key: 2, label: {en: more, zh: 更多}, then: taken}"),
        OFFICE,
    )
    live = CLOSED_MENU.format(when="hours.service", complaint=COMPLAINT % "later")
    assert "no-agent" in found(
        live.replace("  taken: ", "  unused: ").replace("purpose: complaint, ", "purpose: complaint, into: x, "), OFFICE
    )


def test_a_menu_that_is_reached_in_hours_too_needs_the_agent() -> None:
    swapped = CLOSED_MENU.format(when="'!hours.service'", complaint=COMPLAINT % "taken")
    assert "no-agent" in found(swapped, OFFICE)  # `closed` is then the menu of office hours
    unclear = CLOSED_MENU.format(when="hours.service && calendar.day > 3", complaint=COMPLAINT % "taken")
    assert "no-agent" in found(unclear, OFFICE)  # on the 1st it is heard in office hours


NEWS = "{id: news, key: 1, %s label: {en: news, zh: 新闻}, then: general}"


def personal(option: str, more: str = "") -> str:
    return f"  cards:\n    kind: menu\n    order: personal\n{more}    options:\n      - {option}\n      - {AGENT}\n    {ENDS}"


def test_an_option_that_is_tried_out_can_be_spoken_earlier() -> None:
    assert found(personal(NEWS % ""), "gate: {explore: 0.05}\n") == {"never-promoted"}
    assert found(personal(NEWS % "explore: true,"), "gate: {explore: 0.05}\n") == set()
    assert found(personal(NEWS % "explore: true,", "    gate: {explore: 0.05}\n")) == set()


def test_an_option_that_no_gate_tries_out_is_told_of() -> None:
    assert found(personal(NEWS % "explore: true,")) == {"never-promoted"}
    assert found(personal(NEWS % "explore: true,", "    gate: {most: 1}\n"), "gate: {explore: 0.05}\n") == {
        "never-promoted"
    }
    assert found(personal(NEWS % "explore: true, pinned: true,"), "gate: {explore: 0.05}\n") == {"never-promoted"}


def test_a_gate_of_a_menu_that_always_has_the_books_order_is_told_of() -> None:
    menu = personal(NEWS % "task: balance,", "    gate: {most: 1}\n")
    assert found(menu) == set()
    assert found(menu.replace("    order: personal\n", "")) == {"half-written"}


def test_every_line_has_complaint_and_agent_in_its_own_top_menu() -> None:
    entries = 'entries: {cards_line: {numbers: ["4001"], then: cards}}\n'
    assert found("  thanks: {kind: goodbye, prompts: [bye]}\n", entries) == {"no-complaint"}


def test_a_line_that_leads_straight_to_an_agent_needs_no_menu() -> None:
    entries = 'entries: {desk_line: {numbers: ["4001"], then: general}}\n'
    assert found("  thanks: {kind: goodbye, prompts: [bye]}\n", entries) == set()


def test_a_way_past_all_menus_to_the_end_is_found_behind_other_steps() -> None:
    steps = "  hello: {kind: dip, url: 'https://crm.example/ivr/who', then: main, otherwise: nobody}\n"
    (fault,) = small_book_with(f"steps:\n{steps}").faults
    assert (fault.code, "'nobody'" in fault.message) == ("no-top-menu", True)


# --- ways ----------------------------------------------------------------------------------------------------------------


def test_a_way_out_of_the_queue_to_a_callback_is_an_offer() -> None:
    route = "  general: {kind: route, queue: general, reason: General, %sthen: thanks, otherwise: %s}\n"
    back = (
        "  back: {kind: callback, queue: general, reason: Later, time: keep_place, then: thanks, otherwise: thanks}\n"
    )
    way = "ways: [{key: 1, prompt: welcome, then: back}], "
    for steps in (route % (way, "nobody") + back, route % ("", "back") + back):
        examined = small_book_with(f"steps:\n{steps}")
        assert "rings-out" not in {warning.code for warning in examined.warnings}
        assert codes(examined) - {"unreachable-step"} == set()


def test_a_round_in_which_somebody_presses_a_key_is_none() -> None:
    steps = (
        "  thanks: {kind: collect, into: n, prompt: welcome, no_input: {prompts: [silent], then: nobody}, "
        "invalid: {prompts: [wrong], then: nobody}, then: thanks}\n"
    )
    assert found(steps) == set()
    assert "endless-loop" in found(
        steps.replace("{prompts: [silent], then: nobody}", "{prompts: [silent], then: thanks}")
    )


def test_a_round_over_an_operation_that_fails_is_endless() -> None:
    steps = f"  thanks: {VERIFY % 'done'}\n  done: {{kind: transact, do: balance, say: [bye], then: nobody, otherwise: sorry}}\n  sorry: {{kind: say, prompts: [again], then: done}}\n"
    assert found(steps) == {"endless-loop"}


def test_ten_options_are_many_and_thirteen_too_many() -> None:
    def menu(count: int) -> str:
        options = "".join(
            f"      - {{id: o{n}, key: {n % 10}, only_in: [en], label: {{en: thing {chr(97 + n)}}}, then: general}}\n"
            for n in range(1, count)
        )
        return f"  cards:\n    kind: menu\n    options:\n{options}      - {AGENT}\n    {ENDS}"

    assert "many-options" in found(menu(ADVISED_OPTIONS + 1))
    assert "too-many-options" in found(menu(MOST_OPTIONS + 1))


def test_a_renumbered_menu_has_room_for_nine_options_less_those_that_keep_their_keys() -> None:
    def menu(count: int) -> str:
        options = "".join(
            f"      - {{id: o{n}, key: {n}, task: card, label: {{en: {chr(96 + n) * 3}, zh: {n}号}}, then: general}}\n"
            for n in range(1, count + 1)
        )
        kept = AGENT.replace("key: 0", "key: 9")
        return f"  cards:\n    kind: menu\n    order: personal\n    keys: renumber\n    options:\n{options}      - {kept}\n    {ENDS}"

    assert "no-digits-left" not in found(menu(8))
    assert "no-digits-left" in found(menu(9))


# --- entries and keys ----------------------------------------------------------------------------------------------------


def test_the_longest_number_wins_and_a_whole_one_before_one_with_a_star() -> None:
    entries = 'entries:\n  a: {numbers: ["40*"], then: main}\n  b: {numbers: ["400"], then: main}\n  c: {numbers: ["400*"], then: main}\n'
    book = small_book_with(f"{entries}steps: {{}}\n").book
    assert isinstance(book, MenuBook)
    assert [book.entry_for(dnis) for dnis in ("401", "400", "4001", "50")] == ["a", "b", "c", ""]


def test_the_freeze_key_comes_with_its_words_and_is_used_for_nothing_else() -> None:
    assert found("  thanks: {kind: goodbye}\n", "freeze_key: 9\nfrozen: again\nunfrozen: again\n") == set()
    assert found("  thanks: {kind: goodbye}\n", "freeze_key: 1\nfrozen: again\nunfrozen: again\n") == {"global-key"}
    assert found("  thanks: {kind: goodbye}\n", "freeze_key: star\nfrozen: again\nunfrozen: again\n") == {
        "duplicate-key"
    }


# --- conditions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("calendar.dya > 5", "did you mean 'calendar.day'?\n    calendar.dya > 5\n            ^"),
        ("calendar.day = 5", "write == to compare"),
        ("calendar.day > '5'", "compare whole numbers with whole numbers"),
        ("customer.unheard_of_things", "known are customer."),
        ("calendar.day", "a condition is true or false"),
        ("(" * 40 + "true" + ")" * 40, "write fewer brackets"),
        ("nonsense", "docs/menus.md lists"),
    ],
)
def test_a_condition_that_means_nothing_is_shown_with_a_caret_and_advice(when: str, said: str) -> None:
    examined = small_book_with(
        f'steps:\n  thanks: {{kind: goto, cases: [{{when: "{when}", then: nobody}}], then: nobody}}\n'
    )
    (fault,) = examined.faults
    assert fault.code == "bad-condition"
    assert said in fault.message
    assert (fault.line, fault.col) == (2, 39)


@pytest.mark.parametrize(
    ("when", "holds", "fails"),
    [
        ("caller.verified", {VERIFIED}, set()),
        ("!caller.verified", set(), {VERIFIED}),
        ("hours.a", set(), {CLOSED}),
        ("!hours.a", {CLOSED}, set()),
        ("!hours.a || calendar.holiday", {CLOSED}, set()),
        ("!hours.a && caller.verified", {CLOSED, VERIFIED}, set()),
        ("hours.a || !caller.verified", set(), {CLOSED, VERIFIED}),
        ("hours.a == true", set(), set()),
        ("[1].exists(x, x > 0 && caller.verified)", set(), set()),
        ("", set(), set()),
    ],
)
def test_what_a_condition_makes_certain(when: str, holds: set[str], fails: set[str]) -> None:
    assert (given(when), unless(when)) == (holds, fails)


@pytest.mark.parametrize(
    ("words", "telling", "found"),
    [
        ({}, (), []),
        ({}, ("cards", "general"), [("no-wait-words", "waiting")]),
        ({"less_than": "less", "between": "two", "more_than": "less"}, ("general",), [("missing-slot", "prompts")]),
    ],
)
def test_a_queue_that_announces_the_expected_wait_needs_words_for_it(words, telling, found) -> None:
    plain = small_book().model_dump(by_alias=True, exclude_defaults=True, mode="json")
    plain["waiting"] |= words
    said = {"less": "Less than {most:count}.", "two": "{least:count} to {most:count}."} if words else {}
    plain["prompts"] |= {name: {"text": {"en": text, "zh": text}} for name, text in said.items()}
    findings = check(MenuBook.model_validate(plain), queues={"general"}, telling_waits=telling)
    mine = {(one.code, one.loc[0]) for one in findings if one.code in ("no-wait-words", "missing-slot")}
    assert sorted(mine) == found


# --- what a check costs ----------------------------------------------------------------------------------------------------


def seconds(files: dict[str, str]) -> tuple[float, Examined]:
    began = time.process_time()
    examined = examine(files, queues={"general"}, outbound=(), webhooks=())
    return time.process_time() - began, examined


def test_a_book_of_a_thousand_options_keeps_every_rule_and_costs_little() -> None:
    took, examined = seconds(large_book(1000))
    assert (examined.faults, examined.warnings) == ((), ())
    assert took < 1.0


HOSTILE = {
    "a long chain that comes back everywhere": "".join(
        f"  s{n}: {{kind: goto, cases: [{{when: 'true', then: s0}}], then: s{n + 1}}}\n" for n in range(1500)
    ) + "  s1500: {kind: goodbye}\n",
    "names that do not exist": "".join(f"  s{n}: {{kind: say, prompts: [p{n}], then: t{n}}}\n" for n in range(2000)),
    "values one from the other": "".join(
        f"  s{n}: {{kind: set, values: {{v{n}: values.v{n + 1} + 1}}, then: s{n + 1}}}\n" for n in range(2000)
    ) + "  s2000: {kind: goodbye}\n",
    "different conditions": "".join(
        f"  s{n}: {{kind: goto, cases: [{{when: 'calendar.day > {n}', then: s{n + 1}}}], then: s{n + 1}}}\n"
        for n in range(1500)
    ) + "  s1500: {kind: goodbye}\n",
    "unreachable steps": "".join(f"  s{n}: {{kind: goodbye}}\n" for n in range(5000)),
}  # fmt: skip


@pytest.mark.parametrize("steps", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_books_are_refused_in_good_time(steps: str) -> None:
    began = time.process_time()
    examined = small_book_with(f"entry: s0\nsteps:\n{steps}")
    assert time.process_time() - began < 5.0
    assert examined.book is None
    assert len(examined.faults) < 3000


def test_too_many_different_conditions_are_one_fault() -> None:
    def goto(n: int) -> str:
        cases = ", ".join(f"{{when: 'calendar.day > {n * 500 + k}', then: bye}}" for k in range(500))
        return f"  g{n}: {{kind: goto, cases: [{cases}], then: bye}}\n"

    files = large_book(100)
    for n in range(11):
        files[f"more-{n}.yaml"] = f"steps:\n{goto(n)}"
    _, examined = seconds(files)
    assert [fault.code for fault in examined.faults] == ["too-many-conditions"]


def test_a_site_of_which_nothing_is_known_is_not_judged() -> None:
    book = small_book_with("steps: {}\n").book
    assert isinstance(book, MenuBook)
    assert {finding.code for finding in check(book)} == {"rings-out"}
    site = Site(queues={"other"}, time_zone="Europe/Berlin")
    assert {finding.code for finding in check(book, **site)} == {"rings-out", "unknown-queue", "other-time-zone"}
