"""Settings, queues and the engine's clock: every fault named with its place, secrets from the environment only."""

import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from ivr.clock import SystemClock
from ivr.errors import Misconfigured
from ivr.ports import Clock
from ivr.queues import Queue
from ivr.queues import load as load_queues
from ivr.settings import Settings, load, secret


def _file(folder: Path, text: str, name: str = "settings.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _faults(folder: Path, text: str) -> list[str]:
    """The faults of a settings file, without its folder."""
    path = _file(folder, text)
    with pytest.raises(Misconfigured) as caught:
        load(path)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_without_a_file_the_defaults_hold() -> None:
    assert load(None) == Settings()


def test_an_empty_file_means_the_defaults_too(tmp_path: Path) -> None:
    assert load(_file(tmp_path, "# nothing\n")) == Settings()


def test_what_is_written_wins_over_the_default_and_the_rest_stays(tmp_path: Path) -> None:
    settings = load(_file(tmp_path, "node: node-7\ncalls: {dead_man_s: 6}\nfastagi:\n  port: 4999\n"))
    assert (settings.node, settings.calls.dead_man_s, settings.fastagi.port) == ("node-7", 6, 4999)
    assert settings.calls.longest_s == Settings().calls.longest_s


def test_an_unknown_key_is_refused_with_its_place_and_a_suggestion(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, "node: node-a\nrouting:\n  sweep_s: 1\n  offer_leese_s: 9\n")
    assert fault.startswith("settings.yaml:4:3: unknown-key: ")
    assert "offer_leese_s" in fault
    assert "offer_lease_s" in fault


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    faults = _faults(tmp_path, "node: A b\ncountry: China\ncalls: {dead_man_s: 0}\ntime_zone: Mars/Base\n")
    assert [fault.split(": ")[0] for fault in faults] == [
        "settings.yaml:1:7",
        "settings.yaml:2:10",
        "settings.yaml:3:21",
        "settings.yaml:4:12",
    ]
    assert "Mars/Base" in faults[3]


@pytest.mark.parametrize("written", ["nan", ".inf", "inf", "-5", "soon"])
def test_a_deadline_is_a_true_number_of_seconds(tmp_path: Path, written: str) -> None:
    (fault,) = _faults(tmp_path, f"calls:\n  longest_s: {written}\n")
    assert fault.startswith("settings.yaml:2:14: ")


@pytest.mark.parametrize(
    ("written", "place", "sentence"),
    [
        ("fastagi: {peers: [127.0.0.1, localhost]}", "1:30", "'localhost' is no address or network"),
        ("fastagi: {peers: [10.0.0.5/24]}", "1:19", "has host bits set"),
        ("web: {origins: [desk.example]}", "1:17", "'desk.example' is no origin"),
        ("web: {origins: ['https://']}", "1:17", "is no origin"),
        ("web: {origins: ['https://desk.example/app']}", "1:17", "is no origin"),
        ("web: {origins: ['https://desk.example:abc']}", "1:17", "is no origin"),
        ('web: {origins: ["https://desk.exam\\nple"]}', "1:17", "is no origin"),
        ("bank: {url: 'https://crm.example:abc/'}", "1:13", "'https://crm.example:abc/' is no address"),
        ("bank: {url: 'https://crm.example:70000/'}", "1:13", "is no address"),
        ("bank: {url: 'https://crm .example/'}", "1:13", "is no address"),
        ('bank: {url: "https://crm.example/\\tivr"}', "1:13", "is no address"),
        ('messages: {gateway: "https://sms.example/\\x01"}', "1:21", "is no address"),
        ("webhooks: {allow: ['https://[crm/']}", "1:20", "is no address"),
        ("prompts: {seen_by_asterisk: var/prompts}", "1:29", "is not absolute"),
        ("country: UK", "1:10", "no region is called 'UK'"),
        ("country: cn", "1:10", "no region is called 'cn'"),
        ("time_zone: Asia", "1:12", "no time zone is called 'Asia'"),
        ("ami: {port: 0}", "1:13", "greater than or equal to 1"),
        ("web: {port: 4573}", "1:1", "web.port and fastagi.port are both 4573"),
        ("web: {nodes: [desk-a]}", "1:15", "'desk-a' is no origin"),
        ("web: {nodes: [http://10.0.0.1], cookie_domain: desk.example}", "1:6", "is not above '10.0.0.1'"),
    ],
)
def test_a_value_that_would_not_work_is_refused_with_its_place(
    tmp_path: Path, written: str, place: str, sentence: str
) -> None:
    (fault,) = _faults(tmp_path, f"{written}\n")
    assert fault.startswith(f"settings.yaml:{place}: wrong-value: ")
    assert sentence in fault


@pytest.mark.parametrize(
    "header",
    [
        "X-Anything: 1",
        "Call-Info",
        "Call-Info: ",
        "Call-Info: ;answer-after=0\\r\\nX-Evil: 1",
        'Call-Info: "quoted"',
        "Call-Info: ${SHELL(id)}",
        "Alert-Info: a,b",
        "Alert-Info: a)b",
        f"Alert-Info: {'x' * 101}",
    ],
)
def test_a_header_that_could_be_another_one_or_dialplan_is_refused(tmp_path: Path, header: str) -> None:
    written = header.replace('"', '\\"')
    (fault,) = _faults(tmp_path, f'phones: {{auto_answer_headers: ["{written}"]}}\n')
    assert "asks no phone to answer" in fault


def test_what_a_site_may_write_is_taken(tmp_path: Path) -> None:
    settings = load(
        _file(
            tmp_path,
            "country: GB\nfastagi: {port: 0, peers: [10.0.0.0/24, '::1']}\n"
            "web: {port: 0, origins: ['https://desk.example:8443', 'http://[::1]:8480/']}\n",
        )
    )
    assert [str(network) for network in settings.fastagi.networks] == ["10.0.0.0/24", "::1/128"]
    assert len(settings.web.origins) == 2


def test_text_that_is_no_yaml_is_named_with_its_place(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, "node: [a\n")
    assert fault.startswith("settings.yaml:2:1: syntax: ")


@pytest.mark.parametrize("read", [load, load_queues])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Misconfigured, match=r"none\.yaml: .*No such file"):
        read(tmp_path / "none.yaml")


@pytest.mark.parametrize("read", [load, load_queues])
def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path, read) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "old.yaml"
    path.write_bytes("node: 甲".encode("gb18030"))
    with pytest.raises(Misconfigured, match=r"old\.yaml: .*UTF-8"):
        read(path)


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        Settings().node = "other"  # type: ignore[misc]


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGWISE_AMI_SECRET", "s3cret")
    assert secret("RINGWISE_AMI_SECRET") == "s3cret"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_secret_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("RINGWISE_AMI_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("RINGWISE_AMI_SECRET", value)
    with pytest.raises(Misconfigured, match="RINGWISE_AMI_SECRET is not set"):
        secret("RINGWISE_AMI_SECRET")


@pytest.mark.parametrize("line", ["ami:\n  secret: x", "ami:\n  password: x", "web:\n  secret: x"])
def test_a_secret_in_the_file_is_refused(tmp_path: Path, line: str) -> None:
    (fault,) = _faults(tmp_path, f"{line}\n")
    assert fault.startswith("settings.yaml:2:3: unknown-key: ")


def test_the_databases_address_in_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.model_validate({"database": {"url": "sqlite:////file.db"}})
    monkeypatch.delenv("RINGWISE_DATABASE_URL", raising=False)
    assert settings.database_url == "sqlite:////file.db"
    monkeypatch.setenv("RINGWISE_DATABASE_URL", "postgresql://host/name")
    assert settings.database_url == "postgresql://host/name"


def test_the_zone_is_the_one_that_is_named() -> None:
    assert Settings(time_zone="Europe/Berlin").zone.key == "Europe/Berlin"


def test_a_queue_asks_for_the_higher_level_of_its_own_and_the_steps_skills() -> None:
    queue = Queue(skills={"cards": 3, "general": 2})
    assert queue.required({"cards": 1, "general": 5, "fraud": 4}) == {"cards": 3, "general": 5, "fraud": 4}
    assert queue.required({}) == {"cards": 3, "general": 2}


def test_every_fault_of_the_queues_is_named(tmp_path: Path) -> None:
    text = "version: 1\nqueues:\n  Cards: {skills: {cards: 1}}\n  loans:\n    skils: {loans: 1}\n    ring_s: 1\n"
    with pytest.raises(Misconfigured) as caught:
        load_queues(_file(tmp_path, text, "queues.yaml"))
    faults = [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]
    assert [fault.split(": ")[0] for fault in faults] == [
        "queues.yaml:3:3",
        "queues.yaml:5:5",
        "queues.yaml:6:13",
    ]
    assert "skills" in faults[1]


def test_a_skill_of_a_queue_is_named_as_skills_of_agents_are(tmp_path: Path) -> None:
    text = "version: 1\nqueues: {cards: {skills: {Cards: 1, 'lang:en': 2}}}\n"
    with pytest.raises(Misconfigured, match=r"queues\.yaml:2:27: .*'Cards' does not fit; a skill is lower-case"):
        load_queues(_file(tmp_path, text, "queues.yaml"))


def test_a_site_has_at_least_one_queue(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="queues"):
        load_queues(_file(tmp_path, "version: 1\nqueues: {}\n", "queues.yaml"))


async def test_the_clock_is_the_machines_and_may_be_ahead() -> None:
    clock: Clock = SystemClock()
    ahead = SystemClock(3600)
    before = time.time()
    assert before <= clock.now() <= time.time()
    assert before + 3600 <= ahead.now() <= time.time() + 3600
    began = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= began
    assert abs(ahead.monotonic() - clock.monotonic()) < 60
