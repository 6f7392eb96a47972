"""The shipped Asterisk configuration, fitted to a private instance: own folders, ports and secrets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ivr.errors import Misconfigured
from ivr.lab.switch_program import SwitchProgram

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "asterisk"

#: Where robots call from: another loopback address than the phones', so that the trunk is known by its address.
TRUNK_ADDRESS = "127.0.0.2"
_PRIVATE_FOLDERS = ("etc", "run", "log", "spool", "db", "keys", "lib", "cache")
#: Files that every Asterisk has and Ringwise does not care about; without them it complains at each start.
_UNUSED = {
    "acl.conf": "",
    "ccss.conf": "[general]\n",
    "cdr.conf": "[general]\nenable = no\n",
    "cel.conf": "[general]\nenable = no\n",
    "features.conf": "[general]\n",
    "pjproject.conf": "",
    "queuerules.conf": "[general]\n",
    "udptl.conf": "[general]\n",
}


@dataclass(frozen=True, slots=True)
class SwitchPlan:
    """Everything in which one private Asterisk differs from the next."""

    folder: Path
    run: Path  #: holds the control socket, so its path must be short
    sip_port: int
    ami_port: int
    rtp_ports: tuple[int, int]
    ami_secret: str
    phone_secret: str
    node_a: str  #: HOST:PORT of the first engine
    node_b: str = ""
    robots: Mapping[str, int] = field(default_factory=dict)  #: endpoint → SIP port where its robot answers
    outside: Mapping[str, int] = field(default_factory=dict)  #: trunk to elsewhere → SIP port where its robot answers
    softphones: tuple[str, ...] = ()  #: endpoints that real phones register as; `softphone` may call in
    globals: Mapping[str, str] = field(default_factory=dict)  #: further dialplan globals
    silent_s: int = 60  #: a phone, or a caller, that sends no sound for so long is hung up
    host: str = "127.0.0.1"


def write_files(plan: SwitchPlan, program: SwitchProgram) -> None:
    """Copy the shipped files into the plan's folder and fit them. Raises Misconfigured when a file has no such line."""
    for name in _PRIVATE_FOLDERS:
        (plan.folder / name).mkdir(parents=True, exist_ok=True)
    etc = plan.folder / "etc"
    for source in sorted(SHIPPED.glob("*.conf")):
        (etc / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    for name, text in _UNUSED.items():
        (etc / name).write_text(text, encoding="utf-8")
    (etc / "asterisk.conf").write_text(
        _directories(plan, program) + (SHIPPED / "asterisk.conf").read_text(encoding="utf-8"), encoding="utf-8"
    )
    _fit(etc / "pjsip.conf", "bind", f"{plan.host}:{plan.sip_port}")
    _fit(etc / "pjsip.conf", "rtp_timeout", str(plan.silent_s))
    _fit(etc / "manager.conf", "port", str(plan.ami_port))
    _fit(etc / "rtp.conf", "rtpstart", str(plan.rtp_ports[0]))
    _fit(etc / "rtp.conf", "rtpend", str(plan.rtp_ports[1]))
    _fit(etc / "musiconhold.conf", "directory", str(program.data / "moh"))
    wanted = {"RINGWISE_NODE_A": plan.node_a, "RINGWISE_NODE_B": plan.node_b, **plan.globals}
    for name, value in wanted.items():
        _fit(etc / "ringwise-globals.conf", name, value)
    secret = etc / "ringwise-secret.conf"
    secret.touch(mode=0o600)
    secret.write_text(f"secret = {plan.ami_secret}\n", encoding="utf-8")
    phones = etc / "ringwise-phones.conf"
    _fit(phones, "rtp_timeout", str(plan.silent_s))
    phones.chmod(0o600)
    phones.write_text(phones.read_text(encoding="utf-8") + _phones(plan), encoding="utf-8")
    members = "".join(f"member => PJSIP/{name}\n" for name in plan.robots)
    queues = etc / "queues.conf"
    kept = re.sub(r"^member =>.*\n", "", queues.read_text(encoding="utf-8"), flags=re.MULTILINE)
    queues.write_text(re.sub(r"^(\[.*\]\(ringwise-static\)\n)", rf"\g<1>{members}", kept, flags=re.M), encoding="utf-8")


def _fit(file: Path, name: str, value: str) -> None:
    text, count = re.subn(
        rf"^({re.escape(name)} *=).*$",
        lambda match: f"{match[1]} {value}",
        file.read_text(encoding="utf-8"),
        flags=re.M,
    )
    if count != 1:
        raise Misconfigured(f"{file.name} should set {name} once and sets it {count} times")
    file.write_text(text, encoding="utf-8")


def _directories(plan: SwitchPlan, program: SwitchProgram) -> str:
    folders = {
        "astetcdir": plan.folder / "etc",
        "astmoddir": program.modules,
        "astvarlibdir": plan.folder / "lib",
        "astdbdir": plan.folder / "db",
        "astkeydir": plan.folder / "keys",
        "astdatadir": program.data,
        "astagidir": plan.folder / "lib",
        "astspooldir": plan.folder / "spool",
        "astrundir": plan.run,
        "astlogdir": plan.folder / "log",
        "astcachedir": plan.folder / "cache",
    }
    return "[directories]\n" + "".join(f"{name} => {path}\n" for name, path in folders.items()) + "\n"


def _phones(plan: SwitchPlan) -> str:
    blocks = ["\n; --- written by the lab ---\n"]
    for name, port in {**plan.robots, **plan.outside}.items():
        blocks.append(
            f"[{name}](ringwise-phone)\naors = {name}\n[{name}](ringwise-aor)\n"
            f"qualify_frequency = 0\ncontact = sip:{name}@127.0.0.1:{port}\n"
        )
    for name in plan.softphones:
        context = "context = ivr\n" if name == "softphone" else ""
        blocks.append(
            f"[{name}](ringwise-phone)\n{context}auth = {name}\naors = {name}\n[{name}](ringwise-aor)\n"
            f"[{name}](ringwise-auth)\nusername = {name}\npassword = {plan.phone_secret}\n"
        )
    return "".join(blocks)
