"""Telephone numbers are read once and never written whole; secrets are never written at all."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from ivr import logs
from ivr.numbers import e164, masked


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Whatever a test sets up is taken back."""
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**configured)
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    ("ani", "expected"),
    [
        ("13800000001", "+8613800000001"),
        ("+8613800000001", "+8613800000001"),
        ("008613800000001", "+8613800000001"),
        ("+4930123456", "+4930123456"),
        ("02012345678", "+862012345678"),
        (None, None),
        ("", None),
        ("anonymous", None),
        ("12", None),
        ("+", None),
        ("9" * 400, None),
        ("١٢٣", None),
    ],
)
def test_numbers_as_carriers_send_them_become_e164_or_nothing(ani: str | None, expected: str | None) -> None:
    assert e164(ani, "CN") == expected


def test_the_country_decides_what_a_national_number_means() -> None:
    assert e164("030123456", "DE") == "+4930123456"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+8613800000001", "+861…01"),
        ("13800000001", "138…01"),
        ("95588", "95588"),
        ("", "withheld"),
        (None, "withheld"),
    ],
)
def test_a_masked_number_shows_its_beginning_and_its_end_only(number: str | None, expected: str) -> None:
    assert masked(number) == expected


def _written(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_has_its_numbers_masked_and_its_secrets_left_out(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    logs.set_up(as_json=as_json)
    fields = {"ani": "+8613800000001", "number": "13800000002", "pin": "4711", "password": "pw-x", "digits": "0815"}
    structlog.get_logger().info("call", **fields, secret="s3cret", customer=7)
    written = _written(capsys)
    assert "+861…01" in written
    assert "138…02" in written
    for hidden in ("13800000001", "13800000002", "4711", "pw-x", "0815", "s3cret"):
        assert hidden not in written
    assert "customer" in written


def test_a_withheld_number_is_called_that(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(as_json=True)
    structlog.get_logger().info("call", ani=None)
    assert json.loads(_written(capsys))["ani"] == "withheld"


def test_the_call_that_a_line_is_about_is_on_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(as_json=True)
    with structlog.contextvars.bound_contextvars(call="1790.1"):
        structlog.get_logger().warning("line broken")
    line = json.loads(_written(capsys))
    assert (line["call"], line["level"], line["event"]) == ("1790.1", "warning", "line broken")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_written_without_the_values_of_variables(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    logs.set_up(as_json=as_json)
    try:
        pin = "47" + "11"
        raise RuntimeError(f"a planted fault of {len(pin)} digits")
    except RuntimeError:
        structlog.get_logger().exception("a conversation failed")
    written = _written(capsys)
    assert "a planted fault of 4 digits" in written
    assert "Traceback" in written
    assert "4711" not in written


@pytest.mark.parametrize("as_json", [True, False])
def test_lines_of_libraries_are_written_alike_and_only_from_warnings_on(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    logs.set_up(as_json=as_json)
    logging.getLogger("models.calls").info("not worth a line")
    logging.getLogger("models.calls").warning("the journal waits for the database: %s", "locked")
    (line,) = _written(capsys).splitlines()
    assert "the journal waits for the database: locked" in line
    if as_json:
        assert json.loads(line)["level"] == "warning"


def test_outside_a_terminal_lines_are_json_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    logs.set_up()
    structlog.get_logger().info("ready", text="中文")
    written = _written(capsys)
    assert json.loads(written)["text"] == "中文"
    assert "中文" in written


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(as_json=True, level=logging.WARNING)
    structlog.get_logger().info("call")
    assert _written(capsys) == ""
