"""What `ivr doctor` asks Asterisk: version, privileges, dialplan, and one call that Asterisk makes to itself."""

import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence

from ivr.asterisk.switchboard import AGAIN
from ivr.asterisk.wire import App
from ivr.asterisk.witness import AmiEvent, AmiWitness
from ivr.finding import Finding, fault, fine, warning
from ivr.settings import Settings

LOWEST = (22, 10, 1)  #: closes 20 advisories at once
SUPPORTED = 22  #: the major version that is tested

READ = frozenset({"system", "call", "agent", "user"})
WRITE = frozenset({"call", "originate", "agent", "reporting"})
#: For each class that must be granted, an action that needs it and that Asterisk itself brings (agent: app_queue).
_PROOF = {"call": "Redirect", "originate": "Originate", "agent": "QueueAdd", "reporting": "CoreShowChannels"}
#: Modules that the engine cannot do without, by an action that each brings.
_MODULES = {
    "PlayDTMF": "app_senddtmf.so",
    "MixMonitorMute": "app_mixmonitor.so",
    "ConfbridgeKick": "app_confbridge.so",
}
#: Contexts of the shipped dialplan.
_CONTEXTS = (
    *("ivr", "ringwise-callback", "ringwise-callback-customer", "ringwise-callback-agent", "ringwise-auto-answer"),
    *("ringwise-ladder", "ringwise-room", "ringwise-static", "ringwise-spy", "ringwise-doctor"),
)
#: Modules that bring no action: the probing call tells which are loaded, and this is what goes without each.
_SILENT = {
    "app_chanspy": "supervisors cannot listen",
    "bridge_builtin_interval_features": "the longest conversation of a queue ends nothing",
}
#: The same for modules without which something is not known.
_HELPFUL = {"DeviceStateList": ("res_manager_devicestate.so", "agents whose phones are busy or gone are offered calls")}
#: Guards that the ladder must have (each: what to look for in the arguments of its steps).
_GUARDS = {
    "AGIEXITONHANGUP": "AGIEXITONHANGUP=yes",
    "the time limit": "TIMEOUT(absolute)=",
    "the encoding of the caller's name": "URIENCODE(",
    "IVR_DONE": "IVR_DONE",
}
_INCLUDE = "include config/asterisk/ringwise-dialplan.conf in the dialplan and reload it"
_TAKE_OVER = "take over config/asterisk/ringwise-dialplan.conf and reload it"
_FIRST_STEP_S = 5.0
_PROBE_S = 40  #: two silent engines, a prompt and the music
_CLOCK_S = 2.0
_RECORDING_S, _LOOK_EVERY_S = 3.0, 0.05
_MUSIC_MS = 700  #: MusicOnHold was told 1 s; an empty class returns at once


def examine_switch(witness: AmiWitness, settings: Settings, sound: str) -> Iterator[Finding]:
    """Findings about Asterisk; `sound` is a prompt as Asterisk names it, or empty. Raises AmiUnusable."""
    yield from _version(witness)
    lacking = list(_write_classes(witness))
    yield from lacking
    included = list(_dialplan(witness, settings))
    yield from included
    if any(finding.is_fault for finding in (*lacking, *included)):
        yield warning("probe", "no probing call was made", "mend what is above and look again")
        return
    yield from _probe(witness, settings, sound)


def _version(witness: AmiWitness) -> Iterator[Finding]:
    answer = witness.ask("CoreSettings")
    told = answer.fields.get("AsteriskVersion", "")
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", told)
    if match is None:
        says = f"does not tell its version ({answer.message or told or 'no answer'})"
        yield warning("Asterisk", says, "grant write class reporting")
        return
    number = tuple(int(part) for part in match.groups())
    if number < LOWEST:
        lowest = ".".join(map(str, LOWEST))
        yield fault("Asterisk", f"version {match[0]} is below {lowest}, which closes 20 security holes", "update it")
    elif number[0] != SUPPORTED:
        yield warning("Asterisk", f"version {match[0]}", f"Ringwise is tested with {SUPPORTED}")
    else:
        yield fine("Asterisk", f"version {match[0]}")
    if answer.fields.get("CoreHTTPenabled") == "Yes":
        yield warning("Asterisk", "its web server is on", "enabled = no in http.conf, unless something else needs it")


def _write_classes(witness: AmiWitness) -> Iterator[Finding]:
    """Asterisk lists exactly the actions that this user may use, each with the classes of which any one is enough."""
    listed = witness.ask("ListCommands")
    actions = {
        name: frozenset(found[1].split(",")) - {"all"}
        for name, text in listed.fields.items()
        if (found := re.search(r"\(Priv: ([a-z,]+)\)", text))
    }
    for wanted, action in _PROOF.items():
        if action not in actions:
            also = " (or app_queue is not loaded)" if wanted == "agent" else ""
            yield fault("AMI privileges", f"write class {wanted} is missing{also}", f"add {wanted} to `write`")
    for action, module in _MODULES.items():
        if "Redirect" in actions and action not in actions:
            yield fault("AMI privileges", f"there is no action {action}", f"load {module} in modules.conf")
    for action, (module, so) in _HELPFUL.items():
        if "Redirect" in actions and action not in actions:
            yield warning("AMI privileges", f"there is no action {action}: {so}", f"load {module} in modules.conf")
    excess: dict[str, list[str]] = {}
    for action, classes in actions.items():
        if classes and not classes & WRITE:
            excess.setdefault(" or ".join(sorted(classes)), []).append(action)
    for classes_named, names in sorted(excess.items()):
        says = f"write class {classes_named} is too much: it allows {', '.join(sorted(names)[:3])}"
        yield fault("AMI privileges", says, f"write = {','.join(sorted(WRITE))}, nothing else")
    if not excess and all(action in actions for action in (*_PROOF.values(), *_MODULES)):
        yield fine("AMI privileges", f"write classes are {', '.join(sorted(WRITE))}")


def _dialplan(witness: AmiWitness, settings: Settings) -> Iterator[Finding]:
    contexts = {name: witness.ask_list("ShowDialPlan", "ShowDialPlanComplete", Context=name) for name in _CONTEXTS}
    missing = [name for name, steps in contexts.items() if steps is None]
    if missing:
        yield fault("dialplan", f"there is no context {', '.join(missing)}", _INCLUDE)
        return
    ladder = contexts["ringwise-ladder"] or ()
    arguments = " ".join(step.fields.get("AppData", "") for step in ladder)
    unguarded = [name for name, sign in _GUARDS.items() if sign not in arguments]
    if not any(step.fields.get("Extension") == "T" for step in ladder):
        unguarded.append("extension T")
    if not any(step.fields.get("Extension") == "other" for step in ladder):
        unguarded.append("extension other")
    if unguarded:
        yield fault("dialplan", f"context ringwise-ladder lacks {', '.join(unguarded)}", _INCLUDE)
        return
    nodes = [witness.ask("Getvar", Variable=f"RINGWISE_NODE_{letter}").fields.get("Value", "") for letter in "AB"]
    if not nodes[0]:
        yield fault("dialplan", "RINGWISE_NODE_A is not set", "include ringwise-globals.conf inside [globals]")
        return
    yield fine("dialplan", f"included; engines at {' and '.join(node for node in nodes if node)}")
    if not any(step.fields.get("ExtensionLabel") == AGAIN for step in ladder):
        so = "callers in the static menu stay there when an engine is back"
        yield warning("dialplan", f"context ringwise-ladder has no label {AGAIN}: {so}", _TAKE_OVER)
    half = "ringwise-callback-customer"
    if not any(step.fields.get("Application") == App.CONFERENCE for step in contexts[half] or ()):
        so = "with the agent first half of the customers may not be heard, and nothing is recorded"
        yield warning("dialplan", f"context {half} lets nobody meet: {so}", _TAKE_OVER)
    elif not any(step.fields.get("Application") == "Read" for step in contexts[half] or ()):
        so = "with the agent first nobody can agree to a recording, and none is made where the queue asks"
        yield warning("dialplan", f"context {half} takes no answer: {so}", _TAKE_OVER)
    if not any(node.endswith(f":{settings.fastagi.port}") for node in nodes):
        says = f"no rung leads to this engine's port {settings.fastagi.port}"
        yield warning("dialplan", says, "set RINGWISE_NODE_A or _B, or `fastagi.port`")


def _probe(witness: AmiWitness, settings: Settings, sound: str) -> Iterator[Finding]:
    """Let Asterisk ring itself, and hear what becomes of it; also shows which events this user gets."""
    probe = secrets.token_hex(8)
    recording = f"doctor-{probe}" if settings.recordings.folder.is_dir() else ""
    answer = witness.ask(
        "Originate",
        variables={
            "RINGWISE_PROBE": probe,
            "RINGWISE_PROBE_SOUND": sound,
            "RINGWISE_PROBE_RECORD": recording and settings.recordings.seen(recording),
        },
        Channel="Local/probe@ringwise-doctor",
        Application="Wait",
        Data=str(_PROBE_S),
        Async="true",
        Timeout="5000",
    )
    if not answer.accepted:
        yield fault("probe", f"the probing call was refused: {answer.message}", "see Asterisk's log")
        return
    results: dict[str, str] = {}
    for event in witness.events(deadline_s=_FIRST_STEP_S):
        if _is_step(event, probe, results):
            witness.ask("PlayDTMF", Channel=event.fields.get("Channel", ""), Digit="D", Duration="1", Receive="true")
            yield from _clock(results)
            break
    if results:
        for event in witness.events(deadline_s=_PROBE_S):
            if _is_step(event, probe, results) and "music" in results:
                break
    yield from _read_classes(witness.seen, bool(results))
    if results:
        yield from _modules(results)
        yield from _engines(results)
        yield from _media(results, sound)
        yield from _recordings(settings, recording)


def _is_step(event: AmiEvent, probe: str, results: dict[str, str]) -> bool:
    if event.name != "UserEvent" or event.fields.get("Probe") != probe:
        return False
    results[event.fields.get("Step", "")] = event.fields.get("Result", "")
    return True


def _read_classes(seen: Sequence[AmiEvent], user_events: bool) -> Iterator[Finding]:
    """Classes as the events themselves name them; what the event filter holds back cannot leak. Nothing harmless makes
    an event of class agent, so that one is believed."""
    names = {event.name for event in seen}
    missing = []
    if "FullyBooted" not in names:
        missing.append(("system", "FullyBooted"))
    if "Newchannel" not in names:
        missing.append(("call", "Newchannel"))
    if not user_events:
        missing.append(("user", "UserEvent"))
    for wanted, name in missing:
        says = f"no {name} came: read class {wanted} is missing, or the event filter leaves it out"
        yield fault(
            "AMI privileges", says, f"read = {','.join(sorted(READ))}, with the filter of ringwise-manager.conf"
        )
    excess: dict[str, set[str]] = {}
    for event in seen:
        classes = set(event.fields.get("Privilege", "all").split(",")) - {"all"}
        if classes and not classes & READ:
            excess.setdefault(" or ".join(sorted(classes)), set()).add(event.name)
    for classes_named, found in sorted(excess.items()):
        says = (
            f"read class {classes_named} is too much: it shows {', '.join(sorted(found)[:3])}; PINs are readable there"
        )
        yield fault("AMI privileges", says, f"read = {','.join(sorted(READ))}, nothing else")
    if not missing and not excess:
        yield fine("AMI privileges", f"read classes are {', '.join(sorted(READ))}")


def _clock(results: Mapping[str, str]) -> Iterator[Finding]:
    told = results.get("clock", "")
    apart = abs(int(told) - time.time()) if re.fullmatch(r"[0-9]{1,12}", told) else None
    if apart is None:
        yield warning("clock", f"Asterisk does not tell its time: {told!r}", "see Asterisk's log")
    elif apart > _CLOCK_S:
        yield warning("clock", f"Asterisk's clock is {apart:.0f} s off ours", "keep both machines' time by NTP")
    else:
        yield fine("clock", "Asterisk's is ours")


def _modules(results: Mapping[str, str]) -> Iterator[Finding]:
    told = dict(found.split("=", 1) for found in results.get("modules", "").split() if "=" in found)
    lacking = [name for name in _SILENT if told.get(name) == "0"]
    for name in lacking:
        yield fault("modules", f"{name}.so is not loaded: {_SILENT[name]}", "load it in modules.conf")
    unknown = [f"{name}.so" for name in _SILENT if told.get(name) not in ("0", "1")]
    if unknown:
        says = f"whether {' and '.join(unknown)} are loaded is not known"
        yield warning("modules", says, "load func_module.so, and take over config/asterisk/ringwise-dialplan.conf")
    elif not lacking:
        yield fine("modules", "what supervisors and the longest conversation need is loaded")


def _engines(results: Mapping[str, str]) -> Iterator[Finding]:
    for step, rung, report in (("node_a", "A", fault), ("node_b", "B", warning)):
        if step not in results:
            continue
        match results[step]:
            case "SUCCESS":
                yield fine("FastAGI", f"Asterisk reaches engine {rung}")
            case "SILENT":
                yield report("FastAGI", f"engine {rung} takes calls and stays silent", "it is frozen: restart it")
            case told:
                advice = f"is `ivr serve` running there, and does RINGWISE_NODE_{rung} name its address?"
                yield report("FastAGI", f"Asterisk cannot reach engine {rung} ({told})", advice)


def _media(results: Mapping[str, str], sound: str) -> Iterator[Finding]:
    if sound and results.get("sound") == "SUCCESS":
        yield fine("prompts", "Asterisk can play them")
    elif sound:
        advice = "give Asterisk's user access to the folder, or set `prompts.seen_by_asterisk`"
        yield fault("prompts", f"Asterisk cannot play {sound}", advice)
    played = results.get("music", "")
    if re.fullmatch(r"[0-9]{1,6}", played) and int(played) >= _MUSIC_MS:
        yield fine("music", "class default plays")
    else:
        yield fault("music", "class default has no file that plays", "put one into its folder, see musiconhold.conf")


def _recordings(settings: Settings, name: str) -> Iterator[Finding]:
    """Asterisk writes recordings, the engine deletes them. The file of the probe comes right after its music."""
    folder = settings.recordings.folder
    if not name:
        yield fault("recordings", f"there is no folder {folder}", "the engine makes it at its start, if it may")
        return
    file, until = folder / f"{name}.wav", time.monotonic() + _RECORDING_S
    while not file.exists() and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
    try:
        file.unlink()
    except FileNotFoundError:
        advice = "give Asterisk's user the right to write there, or set `recordings.seen_by_asterisk`"
        yield fault("recordings", f"Asterisk's recording did not come to {folder}", advice)
    except OSError as refused:
        advice = "let the folder belong to a group of both users, with mode 2770"
        yield warning("recordings", f"the engine cannot delete {file}: {refused.strerror}", advice)
    else:
        yield fine("recordings", f"Asterisk can write into {folder}")
