"""A private Asterisk, started from the shipped configuration in a folder of its own; needs no root."""

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ivr.errors import Misconfigured
from ivr.lab.ports import free_ports, require_free
from ivr.lab.switch_files import TRUNK_ADDRESS, SwitchPlan, write_files
from ivr.lab.switch_program import SwitchProgram, find_program

UNPACKED = Path(__file__).resolve().parents[2] / "var" / "asterisk" / "root"  #: where config/setup/asterisk.sh puts it
BOOT_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
CLI_TIMEOUT_S = 10.0
#: Asterisk takes a free pair from this range for each call, so instances may share it.
MEDIA_PORTS = (20_000, 29_999)
_SOCKET_PATH_LIMIT = 100  #: bytes; the kernel's limit for a Unix socket is 107
_POLL_S = 0.02


class LabAsterisk:
    """One private Asterisk: start, stop, kill, freeze, ask, read its log. Blocking; use a thread inside a loop."""

    def __init__(
        self,
        folder: Path,
        *,
        node_a: str,
        node_b: str = "",
        sip_port: int | None = None,
        ami_port: int | None = None,
        robots: Sequence[str] = (),
        outside: Sequence[str] = (),
        softphones: Sequence[str] = (),
        silent_s: int = 60,
        dialplan_globals: Mapping[str, str] | None = None,
        program: SwitchProgram | None = None,
    ) -> None:
        self.program = program or find_program(UNPACKED)
        folder = folder.resolve()
        self._short_run: str | None = None
        run = folder / "run"
        if len(str(run / "asterisk.ctl").encode()) > _SOCKET_PATH_LIMIT:
            self._short_run = tempfile.mkdtemp(prefix="rw-")
            run = Path(self._short_run)
        names = (*robots, *outside)
        *phones, free_sip_port = free_ports(len(names) + 1, socket.SOCK_DGRAM)
        phone_ports = dict(zip(names, phones, strict=True))
        self.plan = SwitchPlan(
            folder=folder,
            run=run,
            sip_port=sip_port or free_sip_port,
            ami_port=ami_port or free_ports(1, socket.SOCK_STREAM)[0],
            rtp_ports=MEDIA_PORTS,
            ami_secret=secrets.token_urlsafe(24),
            phone_secret=secrets.token_urlsafe(9),
            node_a=node_a,
            node_b=node_b,
            robots={name: phone_ports[name] for name in robots},
            outside={name: phone_ports[name] for name in outside},
            softphones=tuple(softphones),
            silent_s=silent_s,
            globals=dict(dialplan_globals or {}),
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- addresses ------------------------------------------------------------------------------------------------

    @property
    def sip(self) -> tuple[str, int]:
        """Where it takes SIP."""
        return self.plan.host, self.plan.sip_port

    @property
    def trunk_address(self) -> str:
        """The address from which callers' robots must call."""
        return TRUNK_ADDRESS

    def phone_address(self, endpoint: str) -> tuple[str, int]:
        """Where the robot of this endpoint must answer: an agent's phone, or whoever is called over a trunk."""
        return "127.0.0.1", {**self.plan.robots, **self.plan.outside}[endpoint]

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Return once it is fully booted. Raises Misconfigured, with what Asterisk said, when it does not come up."""
        plan = self.plan
        write_files(plan, self.program)
        self._end_orphan()
        require_free(plan.sip_port, socket.SOCK_DGRAM, plan.host, "SIP")
        require_free(plan.ami_port, socket.SOCK_STREAM, plan.host, "AMI")
        with (plan.folder / "log" / "console").open("ab") as console:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                [*self._command(), "-f", "-p"],  # -p: started by root, it keeps time on a busy machine
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        try:
            self._wait_until_booted(self._process, deadline)
        except BaseException:
            self.kill()
            raise

    def _wait_until_booted(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        control = self.plan.run / "asterisk.ctl"
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise Misconfigured(f"Asterisk ended at once with status {process.returncode}:\n{self._last_words()}")
            if control.exists() and "fully booted" in self.cli("core waitfullybooted"):
                return
            time.sleep(_POLL_S)
        raise Misconfigured(f"Asterisk was not up after {BOOT_TIMEOUT_S:.0f} s:\n{self._last_words()}")

    def stop(self) -> None:
        """End it in good order; calls are hung up. Does nothing when it is not running."""
        self._end(signal.SIGTERM)
        if self._short_run is not None:
            shutil.rmtree(self._short_run, ignore_errors=True)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same ports."""
        self._end(signal.SIGTERM)
        self.plan.run.mkdir(exist_ok=True)
        self.start()

    def freeze(self) -> None:
        """Stop its clock: nothing moves until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self._signal(signal.SIGCONT)

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(number)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)
        self._process = None

    def _end_orphan(self) -> None:
        """An Asterisk that an earlier run left behind in this very folder would hold our ports and files."""
        ours = str(self.plan.folder / "etc" / "asterisk.conf").encode()
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            if ours in _arguments(entry):
                _kill_and_wait(int(entry.parent.name))

    # --- asking ---------------------------------------------------------------------------------------------------

    def _command(self) -> list[str]:
        return [*self.program.command, "-C", str(self.plan.folder / "etc" / "asterisk.conf")]

    def cli(self, command: str) -> str:
        """What a console command answers; the error text when Asterisk does not answer."""
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(  # noqa: S603 - our own command line, no shell
                [*self._command(), "-rx", command], capture_output=True, text=True, timeout=CLI_TIMEOUT_S, check=False
            )
            return done.stdout + done.stderr
        return f"no answer to {command!r} within {CLI_TIMEOUT_S:.0f} s"

    def channels(self) -> int:
        """How many channels exist."""
        shown = self.cli("core show channels count")
        return int(shown.split("active channel")[0].split()[-1])

    def log(self) -> str:
        """Notices, warnings and errors of all starts in this folder."""
        file = self.plan.folder / "log" / "messages"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def _last_words(self) -> str:
        console = self.plan.folder / "log" / "console"
        lines = (self.log() + console.read_text(encoding="utf-8", errors="replace")).splitlines()
        return "\n".join(lines[-10:])


def _arguments(cmdline: Path) -> list[bytes]:
    """A process's command line; empty once it is dead."""
    try:
        return cmdline.read_bytes().split(b"\0")
    except OSError:
        return []


def _kill_and_wait(pid: int) -> None:
    """Until all of its threads have let go of its ports, which a pidfd tells of any process, not only of children."""
    with suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [], STOP_TIMEOUT_S)
        finally:
            os.close(process)
