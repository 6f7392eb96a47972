"""The private Asterisk: its files, its ports, its life."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from ivr.errors import Misconfigured
from ivr.lab import ports as lab_ports
from ivr.lab.asterisk import LabAsterisk
from ivr.lab.ports import free_ports, require_free
from ivr.lab.switch_program import find_program

pytestmark = pytest.mark.live


def test_it_starts_asks_stops_and_starts_again_on_its_ports_even_in_a_long_folder(tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 30)
    asterisk = LabAsterisk(folder, node_a="127.0.0.1:1", robots=["agent-101"], softphones=["softphone"])
    with asterisk:
        first = asterisk.pid
        assert asterisk.channels() == 0
        assert "agent-101" in asterisk.cli("pjsip show endpoints")
        asterisk.restart()
        assert asterisk.pid not in (None, first)
        assert asterisk.channels() == 0
        asterisk.kill()
        assert asterisk.pid is None
        asterisk.start()
        assert asterisk.channels() == 0
    assert asterisk.pid is None
    assert not asterisk.plan.run.exists()
    assert [line for line in asterisk.log().splitlines() if "ERROR" in line] == []


def test_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"AMI needs port {port}"):
            LabAsterisk(tmp_path, node_a="127.0.0.1:1", ami_port=port).start()


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    with LabAsterisk(tmp_path, node_a="127.0.0.1:1", softphones=["softphone"]) as asterisk:
        for name in ("ringwise-secret.conf", "ringwise-phones.conf"):
            assert (asterisk.plan.folder / "etc" / name).stat().st_mode & 0o077 == 0


def test_asterisk_left_behind_by_an_earlier_run_is_ended(tmp_path: Path) -> None:
    left = LabAsterisk(tmp_path, node_a="127.0.0.1:1")
    left.start()
    try:
        with LabAsterisk(tmp_path, node_a="127.0.0.1:1", sip_port=left.plan.sip_port, ami_port=left.plan.ami_port):
            assert left.pid is None
    finally:
        left.kill()


def test_folder_that_is_no_asterisk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"not a whole Asterisk"):
        find_program(tmp_path)


def test_free_ports_are_different_and_free_and_no_outgoing_connection_can_take_them() -> None:
    ports = free_ports(5, socket.SOCK_DGRAM)
    assert len(set(ports)) == 5
    given_by_the_kernel = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    assert max(ports) < int(given_by_the_kernel[0])
    for port in ports:
        require_free(port, socket.SOCK_DGRAM, "127.0.0.1", "the test")


def test_no_two_processes_find_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_ports, "HIGHEST", lab_ports.LOWEST + 20)
    find = f"from ivr.lab import ports; ports.HIGHEST = {lab_ports.HIGHEST}; import socket, sys; " + (
        "print(*ports.free_ports(4, socket.SOCK_DGRAM), flush=True); sys.stdin.read()"
    )
    with ExitStack() as running:
        found = list(free_ports(4, socket.SOCK_DGRAM))
        for _ in range(2):
            other = running.enter_context(
                subprocess.Popen([sys.executable, "-c", find], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            assert other.stdout is not None
            found += map(int, other.stdout.readline().split())
    assert len(set(found)) == 12
