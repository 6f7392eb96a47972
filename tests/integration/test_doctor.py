"""`ivr doctor` against a real Asterisk that is mis-set in one way after the other."""

import asyncio
import contextlib
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.doctor import examine
from ivr.finding import Finding, Verdict
from ivr.lab.asterisk import LabAsterisk
from ivr.lab.ports import free_ports
from ivr.settings import Ami, Database, FastAgi, Prompts, Recordings, Settings
from models.migrate import migrate

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def _switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabAsterisk]:
    (engine,) = free_ports(1, socket.SOCK_STREAM)
    with LabAsterisk(tmp_path_factory.mktemp("asterisk"), node_a=f"127.0.0.1:{engine}") as asterisk:
        yield asterisk


Edit = Callable[[str, str, str], None]


@pytest.fixture
def edit(_switch: LabAsterisk) -> Iterator[Edit]:
    """Change a file of this Asterisk for one test: pattern → replacement."""
    kept: dict[Path, str] = {}

    def change(file: str, pattern: str, replacement: str) -> None:
        path = _switch.plan.folder / "etc" / file
        before = path.read_text(encoding="utf-8")
        kept.setdefault(path, before)
        after = re.sub(pattern, replacement, before, flags=re.MULTILINE)
        assert after != before
        path.write_text(after, encoding="utf-8")
        reload(_switch)

    yield change
    for path, text in kept.items():
        path.write_text(text, encoding="utf-8")
    reload(_switch)


def reload(switch: LabAsterisk) -> None:
    for command in ("manager reload", "dialplan reload", "moh reload"):
        switch.cli(command)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database') / 'ringwise.db'}"
    asyncio.run(migrate(url))
    return url


@pytest.fixture
def settings(_switch: LabAsterisk, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A sound installation."""
    shutil.copy(_switch.program.data / "sounds" / "en" / "beep.wav", tmp_path / "beep.wav")
    monkeypatch.setenv("RINGWISE_AMI_SECRET", _switch.plan.ami_secret)
    monkeypatch.setenv("RINGWISE_WEB_SECRET", "x" * 32)
    monkeypatch.delenv("RINGWISE_DATABASE_URL", raising=False)
    return Settings(
        ami=Ami(port=_switch.plan.ami_port),
        fastagi=FastAgi(port=int(_switch.plan.node_a.rpartition(":")[2])),
        prompts=Prompts(folder=tmp_path),
        recordings=Recordings(folder=tmp_path),
        database=Database(url=database),
    )


@contextlib.contextmanager
def listening(port: int, *, answers: bool) -> Iterator[None]:
    """Something on a port that takes connections and closes them, or takes them and stays silent."""
    with socket.create_server(("127.0.0.1", port)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link = server.accept()[0]
                    taken.append(link)
                    if answers:
                        link.close()

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(2)
            for link in taken:
                link.close()


@pytest.fixture
def engine(settings: Settings) -> Iterator[None]:
    """The engine's door is open."""
    with listening(settings.fastagi.port, answers=True):
        yield


def wrong(settings: Settings) -> list[tuple[str, str]]:
    """Subject and words of every finding that is not fine."""
    return [(found.subject, found.says) for found in examine(settings) if found.verdict is not Verdict.FINE]


@pytest.mark.usefixtures("engine")
def test_sound_installation_has_no_fault(settings: Settings) -> None:
    findings = examine(settings)
    assert [str(found) for found in findings if found.verdict is not Verdict.FINE] == []
    assert {found.subject for found in findings} >= {
        "Asterisk", "AMI", "AMI privileges", "dialplan", "FastAGI", "prompts", "music", "recordings", "database",
        "clock", "programs", "modules",
    }  # fmt: skip


@pytest.fixture
def unload(_switch: LabAsterisk) -> Iterator[Callable[[str], None]]:
    """Unload modules for one test."""
    unloaded: list[str] = []

    def do(module: str) -> None:
        unloaded.append(module)
        _switch.cli(f"module unload {module}")

    yield do
    for module in unloaded:
        _switch.cli(f"module load {module}")


@pytest.mark.usefixtures("engine")
def test_modules_that_no_action_tells_of_are_named_when_they_are_not_loaded(
    settings: Settings, unload: Callable[[str], None]
) -> None:
    unload("app_chanspy.so")
    assert wrong(settings) == [("modules", "app_chanspy.so is not loaded: supervisors cannot listen")]
    unload("func_module.so")
    says = "whether app_chanspy.so and bridge_builtin_interval_features.so are loaded is not known"
    assert wrong(settings) == [("modules", says)]


@pytest.mark.usefixtures("engine")
@pytest.mark.fault("C8", "the manager's user has too few and too many rights")
def test_write_classes_are_named_when_missing_and_when_too_many(settings: Settings, edit: Edit) -> None:
    edit("ringwise-manager.conf", "^write = .*", "write = call,agent,command,system")
    says = " ".join(words for subject, words in wrong(settings) if subject == "AMI privileges")
    assert "write class originate is missing" in says
    assert "write class command is too much" in says
    assert "write class system is too much" in says
    assert "class call is" not in says
    assert "class agent is" not in says


@pytest.mark.usefixtures("engine")
def test_read_classes_that_show_pins_are_named(settings: Settings, edit: Edit) -> None:
    edit("ringwise-manager.conf", "^read = .*", "read = all")
    edit("ringwise-manager.conf", "^eventfilter.*\n", "")
    says = " ".join(words for subject, words in wrong(settings) if subject == "AMI privileges")
    assert "read class dialplan is too much" in says
    assert "read class dtmf is too much" in says


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("kept", "missing"), [("call,agent,user", "system"), ("system,user", "call"), ("system,call", "user")]
)
def test_read_class_that_is_missing_is_named(settings: Settings, edit: Edit, kept: str, missing: str) -> None:
    edit("ringwise-manager.conf", "^read = .*", f"read = {kept}")
    says = [words for subject, words in wrong(settings) if subject == "AMI privileges"]
    assert len(says) == 1
    assert f"read class {missing} is missing" in says[0]


def test_wrong_secret_is_told_apart_from_no_asterisk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGWISE_AMI_SECRET", "guess")
    assert ("AMI", f"127.0.0.1:{settings.ami.port} refuses user ringwise") in wrong(settings)
    (nobody,) = free_ports(1, socket.SOCK_STREAM)
    away = settings.model_copy(update={"ami": Ami(port=nobody)})
    assert ("AMI", f"127.0.0.1:{nobody} cannot be reached: Connection refused") in wrong(away)
    with listening(nobody, answers=False):
        assert ("AMI", f"nothing at 127.0.0.1:{nobody} greets within 3 s") in wrong(away)
    with listening(nobody, answers=True):
        assert ("AMI", f"what listens at 127.0.0.1:{nobody} is not AMI") in wrong(away)


def test_dialplan_that_is_not_included_is_named(settings: Settings, edit: Edit) -> None:
    edit("extensions.conf", '^#include "ringwise-dialplan.conf"', "")
    assert (
        "dialplan",
        "there is no context ivr, ringwise-callback, ringwise-callback-customer, ringwise-callback-agent, "
        "ringwise-auto-answer, ringwise-ladder, ringwise-room, ringwise-static, ringwise-spy, ringwise-doctor",
    ) in wrong(settings)


def test_dialplan_of_an_earlier_version_that_lets_nobody_come_back_is_warned_of(settings: Settings, edit: Edit) -> None:
    edit("ringwise-dialplan.conf", r"^ same => n\(again\)", " same => n")
    says = "context ringwise-ladder has no label again: callers in the static menu stay there when an engine is back"
    assert ("dialplan", says) in wrong(settings)


def test_dialplan_of_an_earlier_version_in_which_agent_and_customer_do_not_meet_is_warned_of(
    settings: Settings, edit: Edit
) -> None:
    edit("ringwise-dialplan.conf", r"ConfBridge\(\$\{RINGWISE_MEET\}", "Wait(${RINGWISE_MEET}")
    so = "with the agent first half of the customers may not be heard, and nothing is recorded"
    assert ("dialplan", f"context ringwise-callback-customer lets nobody meet: {so}") in wrong(settings)


def test_dialplan_of_an_earlier_version_that_takes_no_answer_is_warned_of(settings: Settings, edit: Edit) -> None:
    edit("ringwise-dialplan.conf", r"Read\(RINGWISE_KEY", "NoOp(RINGWISE_KEY")
    so = "with the agent first nobody can agree to a recording, and none is made where the queue asks"
    assert ("dialplan", f"context ringwise-callback-customer takes no answer: {so}") in wrong(settings)


def test_dialplan_without_its_guards_is_refused(settings: Settings, edit: Edit) -> None:
    edit("ringwise-dialplan.conf", "^exten => T,.*", "exten => x,1,NoOp()")
    edit("ringwise-dialplan.conf", "^exten => other,1", "exten => elsewhere,1")
    edit("ringwise-dialplan.conf", "AGIEXITONHANGUP=yes", "AGIEXITONHANGUP=no")
    says = "context ringwise-ladder lacks AGIEXITONHANGUP, extension T, extension other"
    assert ("dialplan", says) in wrong(settings)


def test_engine_that_is_down_is_told_apart_from_one_that_is_frozen(settings: Settings) -> None:
    assert ("FastAGI", "Asterisk cannot reach engine A (FAILURE)") in wrong(settings)
    with listening(settings.fastagi.port, answers=False):
        assert wrong(settings) == [("FastAGI", "engine A takes calls and stays silent")]


@pytest.mark.usefixtures("engine")
def test_sounds_that_asterisk_cannot_play_and_music_without_a_file_are_named(
    settings: Settings, edit: Edit, tmp_path: Path
) -> None:
    edit("musiconhold.conf", "^directory.*", f"directory = {tmp_path / 'empty'}")
    elsewhere = settings.model_copy(
        update={"prompts": Prompts(folder=settings.prompts.folder, seen_by_asterisk=Path("/nowhere"))}
    )
    assert wrong(elsewhere) == [
        ("prompts", "Asterisk cannot play /nowhere/beep"),
        ("music", "class default has no file that plays"),
    ]


@pytest.mark.usefixtures("engine")
def test_a_folder_that_asterisk_cannot_record_into_is_named(settings: Settings, engine: None, tmp_path: Path) -> None:
    elsewhere = Recordings(folder=tmp_path, seen_by_asterisk=Path("/proc/nowhere"))
    assert ("recordings", f"Asterisk's recording did not come to {tmp_path}") in wrong(
        settings.model_copy(update={"recordings": elsewhere})
    )
    missing = Recordings(folder=tmp_path / "missing")
    assert ("recordings", f"there is no folder {tmp_path / 'missing'}") in wrong(
        settings.model_copy(update={"recordings": missing})
    )


@pytest.mark.usefixtures("engine")
def test_another_port_than_the_dialplan_knows_is_noticed(settings: Settings) -> None:
    (other,) = free_ports(1, socket.SOCK_STREAM)
    moved = settings.model_copy(update={"fastagi": FastAgi(port=other)})
    assert wrong(moved) == [("dialplan", f"no rung leads to this engine's port {other}")]


@pytest.mark.usefixtures("engine")
def test_database_that_is_missing_or_not_migrated_is_named_and_not_made(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "ringwise.db"
    without = settings.model_copy(update={"database": Database(url=f"sqlite+aiosqlite:///{file}")})
    assert wrong(without) == [("database", f"sqlite+aiosqlite:///{file} does not exist")]
    assert not file.exists()
    file.touch()
    assert wrong(without) == [("database", f"sqlite+aiosqlite:///{file} has no tables")]
    strange = settings.model_copy(update={"database": Database(url="mysql://somewhere/else")})
    assert wrong(strange) == [
        ("database", "cannot be used: mysql://somewhere/else: only sqlite and postgresql can be used")
    ]


def test_missing_secrets_are_faults(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGWISE_AMI_SECRET")
    monkeypatch.delenv("RINGWISE_WEB_SECRET")
    assert wrong(settings) == [
        ("secrets", "RINGWISE_AMI_SECRET is not set in the environment"),
        ("secrets", "RINGWISE_WEB_SECRET is not set in the environment"),
    ]


def test_finding_reads_as_one_line_and_an_advice() -> None:
    found = Finding("music", Verdict.FAULT, "class default is empty", "put a file there")
    assert str(found) == "fault    music: class default is empty\n         → put a file there"
    assert found.is_fault
