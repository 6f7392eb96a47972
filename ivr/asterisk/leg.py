"""One caller's line as the port describes it: each verb is one or a few AGI commands."""

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from ivr.asterisk.errors import NoApplication, Refused
from ivr.asterisk.line import AgiLine
from ivr.asterisk.wire import App, Reply, Verb
from ivr.errors import HungUp, LineBroken, NotRecorded
from ivr.ports import (
    Arrival,
    Clip,
    ClipHeard,
    Dialled,
    DialStatus,
    Heard,
    OnAnswer,
    Recorded,
    TalkLimit,
    Waited,
    is_agent_first,
)
from ivr.settings import Outbound, Phones

log = structlog.get_logger()

#: A command that takes no time of its own must be answered within this.
COMMAND_S: Final = 5.0
#: On top of the length of a clip or a wait.
SLACK_S: Final = 5.0
#: Longest wait for a key in one command: a lost wake costs no more than this.
LONGEST_WAIT_S: Final = 20.0
#: Prompts are 8 kHz, so endpos counts this many samples a second.
SAMPLES_PER_S: Final = 8000
#: g: the caller goes on after the agent hangs up; i: a phone cannot forward the caller elsewhere; m: music meanwhile.
#: Never h, t or T: features on digits would let a caller transfer.
DIAL_OPTIONS: Final = "gim(default)"
#: What Dial's option L plays before the end, and to whom: the agent alone.
LIMIT_WARNING: Final = {"LIMIT_PLAYAUDIO_CALLER": "no", "LIMIT_PLAYAUDIO_CALLEE": "yes", "LIMIT_WARNING_FILE": "beep"}
#: Before the phone is rung, the dialplan adds the headers that ask it to pick up.
AUTO_ANSWER: Final = "b(ringwise-auto-answer^s^1)"
#: The same for an outside number, but with its own ringing or announcement instead of music.
OUTSIDE_OPTIONS: Final = "gi"
#: Runs on the channel of an agent who has answered; its argument is the half of a callback that rings the customer.
RING_CUSTOMER: Final = "ringwise-callback-agent"
#: Which outside number the caller is being connected to; stays set when the engine dies meanwhile.
OUTSIDE: Final = "RINGWISE_OUTSIDE"
#: What was agreed on recording the next conversation, and the file that is being recorded into.
AGREED: Final = "RINGWISE_RECORDING"
MONITORED: Final = "RINGWISE_MONITORED"
#: Not empty on a callback with the agent first whose customer is told or asked something when they pick up; what they
#: have answered, yes or no.
TELLS: Final = "RINGWISE_TELLS"
ASKS: Final = "RINGWISE_ASKS"
SAID: Final = "RINGWISE_SAID"
REFUSED: Final = "no"
#: Of the silence that ends a recording Asterisk cuts off all but so many seconds.
SILENCE_LEFT_S: Final = 1.0
#: ISDN cause "call rejected": SIP 603.
REJECTED: Final = "21"

KEYS: Final = frozenset("0123456789*#")
WAKE: Final = "D"

PHONE = re.compile(r"PJSIP/[A-Za-z0-9_.-]{1,80}")
_RECORDING = re.compile(r"[A-Za-z0-9_-]{1,200}")
_SOUND = re.compile(r"/?[\w .@+~-]+(?:/[\w .@+~-]+)*")


def agrees(said: str) -> bool | None:
    """What is noted of an answer; None when nothing is."""
    return said == "yes" if said else None


class AgiLeg:
    """`ivr.ports.Leg` over FastAGI."""

    def __init__(
        self,
        line: AgiLine,
        arrival: Arrival,
        answered_at: Callable[[str], float | None],
        outbound: Outbound | None = None,
        phones: Phones | None = None,
    ) -> None:
        self._phones = phones or Phones()
        self._line = line
        self._arrival = arrival
        self._answered_at = answered_at
        self._outbound = outbound or Outbound()
        self._loop = asyncio.get_running_loop()

    @property
    def arrival(self) -> Arrival:
        """The call as it came in."""
        return self._arrival

    @property
    def gone(self) -> asyncio.Event:
        """Set as soon as no verb can succeed any more, also while none is under way."""
        return self._line.gone

    async def answer(self) -> None:
        """Pick up."""
        if (await self._do(Verb.ANSWER)).result == "-1":
            await self._check_alive()
            raise self._broken("the switch could not answer the call")

    async def arm(self, seconds: float) -> None:
        """Let the switch itself take the call to the next rung if we are silent for that long; 0 disarms."""
        seconds = max(0.0, seconds)
        until = self._loop.time() + seconds if seconds else None
        # While this command is under way either deadline may hold: the earlier one counts.
        self._line.dead_man_at = min((at for at in (self._line.dead_man_at, until) if at is not None), default=None)
        await self._do(Verb.SET_VARIABLE, "TIMEOUT(absolute)", f"{seconds:.3f}")
        self._line.dead_man_at = until

    async def say(self, clips: Sequence[Clip], *, keys: str = "0123456789*#", wakeable: bool = False) -> Heard:
        """Play the clips in order; any of `keys` stops them at once, and so does a wake if `wakeable`.

        Clips that were not begun are not listed.

        Asterisk drops a key that ends in the gap between two commands, so nothing else happens in that gap. A clip
        that cannot be played counts as 0 s heard.
        """
        stops = "".join(key for key in keys if key in KEYS) + (WAKE if wakeable else "")
        heard: list[ClipHeard] = []
        for clip in clips:
            reply = await self._do(Verb.STREAM_FILE, sound_file(clip.sound), stops, deadline_s=clip.seconds + SLACK_S)
            if reply.result == "-1":
                await self._check_alive()
                log.error("a prompt cannot be played", sound=clip.sound, call=self._arrival.call_id)
            heard.append(ClipHeard(clip, self._seconds_heard(reply, clip)))
            key = self._key(reply)
            if key == WAKE:
                return Heard(tuple(heard), woken=True)
            if key in KEYS:
                return Heard(tuple(heard), key)
        return Heard(tuple(heard))

    async def wait(self, seconds: float) -> str | Waited:
        """A key, or why none came. Waits longer than 20 s end after 20 s; `Switchboard.wake` ends it early."""
        until = self._loop.time() + min(seconds, LONGEST_WAIT_S)
        while (left_s := until - self._loop.time()) > 0:
            reply = await self._do(Verb.WAIT_FOR_DIGIT, str(max(1, round(left_s * 1000))), deadline_s=left_s + SLACK_S)
            if reply.result == "-1":
                await self._check_alive()
                raise self._broken("the switch could not wait for a key")
            key = self._key(reply)
            if key is None:
                return Waited.TIMEOUT
            if key == WAKE:
                return Waited.WOKEN
            if key in KEYS:
                return key
        return Waited.TIMEOUT

    async def hold(self) -> None:
        """Start music."""
        await self._do(Verb.EXEC, App.START_MUSIC, "default")

    async def unhold(self) -> None:
        """Stop music."""
        await self._do(Verb.EXEC, App.STOP_MUSIC)

    async def dial(
        self,
        phone: str,
        *,
        ring_s: float,
        offer_id: int,
        limit: TalkLimit | None = None,
        auto_answer: bool | None = None,
    ) -> Dialled:
        """Ring a phone with music to the caller; when answered, talk until the phone hangs up. Disarms before.

        A limit is kept by Dial itself, also when this engine dies meanwhile. `auto_answer`: whether the phone is asked
        to pick up by itself; None: as the settings say.

        `talked_s` counts from the answer that the manager link saw; without it the ringing is counted in, because AGI
        only knows how long the caller's own channel has been up. Raises Refused for anything but a PJSIP phone.
        """
        if not PHONE.fullmatch(phone):
            raise Refused(f"not a phone from the table of agents: {phone!r}")
        await self.arm(0)
        await self._do(Verb.SET_VARIABLE, "__RINGWISE_OFFER", str(offer_id))
        if limit is not None:
            for name, value in LIMIT_WARNING.items():
                await self._do(Verb.SET_VARIABLE, name, value)
        began = self._loop.time()
        options = DIAL_OPTIONS + _limited(limit) + await self._answering(auto_answer)
        options += self._then_customer()
        await self._dial(phone, ring_s, options)
        return await self._dialled(began)

    async def _answering(self, wanted: bool | None) -> str:
        """The option of Dial that lets a phone be asked to pick up by itself, with its headers set; or nothing.

        The variables are inherited by the phone's channel, where the dialplan makes headers of them.
        """
        if not (self._phones.auto_answer if wanted is None else wanted):
            return ""
        headers = [header.partition(":") for header in self._phones.auto_answer_headers]
        for number, (name, _, value) in enumerate(headers, 1):
            await self._do(Verb.SET_VARIABLE, f"__RINGWISE_ANSWER_NAME_{number}", name)
            await self._do(Verb.SET_VARIABLE, f"__RINGWISE_ANSWER_{number}", value.strip())
        return AUTO_ANSWER

    def _then_customer(self) -> str:
        """Lets the other half of a callback ring its customer once a first phone is answered: agent first."""
        channel = self._arrival.channel
        return f"U({RING_CUSTOMER}^{channel.removesuffix('1')}2)" if is_agent_first(channel) else ""

    async def transfer(self, number: str, *, ring_s: float) -> Dialled:
        """Ring an outside E.164 number over the trunk; when answered, talk until it hangs up. Disarms before.

        A conversation outlives the engine. The number stands in a variable of the channel meanwhile: an engine that
        takes the call over and is to ring it again tells what came of the first time. Without a DIALSTATUS nothing
        did: Dial sets it when the number answers, and else when it ends. Raises Refused for a number that
        `outbound.allow` does not permit.
        """
        outbound = self._outbound
        if not outbound.permits(number):
            raise Refused("outbound.allow does not permit this number")
        began = self._loop.time()
        if self._arrival.rung == 1 or await self._get(OUTSIDE) != number or not await self._get("DIALSTATUS"):
            await self.arm(0)
            await self._do(Verb.SET_VARIABLE, "DIALSTATUS", "")
            await self._do(Verb.SET_VARIABLE, OUTSIDE, number)
            shown = f"f({outbound.caller_id})" if outbound.caller_id else ""
            await self._dial(outbound.dial.replace("{number}", number), ring_s, OUTSIDE_OPTIONS + shown)
        dialled = await self._dialled(began)
        await self._do(Verb.SET_VARIABLE, OUTSIDE, "")
        return dialled

    async def join(self, room: int) -> None:
        """Talk with whoever is in a room, until the last agent there has left or we are called back. Disarms before."""
        await self.arm(0)
        profiles = f"{room_name(room)},ringwise-room,ringwise-caller"
        reply = await self._do(Verb.EXEC, App.CONFERENCE, profiles, deadline_s=None)
        if reply.result == "-1":
            await self._check_alive()

    async def _dial(self, target: str, ring_s: float, options: str) -> None:
        """Ring, and talk when it is answered."""
        reply = await self._do(Verb.EXEC, App.DIAL, f"{target},{max(1, round(ring_s))},{options}", deadline_s=None)
        if reply.result == "-1":
            await self._check_alive()

    async def _dialled(self, began: float) -> Dialled:
        """What came of the last Dial, which began then."""
        ended = self._loop.time()
        status = await self._get("DIALSTATUS")
        if status == "CANCEL":
            raise HungUp
        if status == "ANSWER":
            answered = self._answered_at(self._arrival.call_id)
            since = answered if answered is not None and answered >= began else began
            return Dialled(DialStatus.ANSWERED, max(0.0, ended - since))
        rang = await self._get("RINGTIME_MS") != ""
        return Dialled(unanswered(status, await self._get("HANGUPCAUSE"), rang=rang))

    async def record(self, sound: str, *, longest_s: float, silence_s: float) -> Recorded:
        """Record what the caller says into `sound`.wav after a tone, until a key, silence or the longest time.

        Asterisk takes whole seconds of silence and leaves one of them in the file, which is not counted. How it ended
        stands in parentheses: the result of a recording that silence ended is the time that was left, no key.
        """
        silence = f"s={max(1, math.ceil(silence_s))}"
        longest = str(round(longest_s * 1000))
        reply = await self._do(
            Verb.RECORD_FILE, sound_file(sound), "wav", "".join(sorted(KEYS)), longest, "0", "BEEP", silence,
            deadline_s=longest_s + math.ceil(silence_s) + SLACK_S,
        )  # fmt: skip
        seconds = self._endpos(reply) / SAMPLES_PER_S
        match reply.value:
            case "dtmf":
                return Recorded(seconds, self._key(reply))
            case "timeout":
                by_silence = reply.result != "0" and seconds < longest_s - SILENCE_LEFT_S / 2
                return Recorded(max(0.0, seconds - SILENCE_LEFT_S) if by_silence else seconds)
            case "randomerror" if reply.result not in ("0", "-1"):  # a key during the tone
                return Recorded(0.0, self._key(reply))
            case "hangup" | "waitfor":
                return Recorded(seconds, hung_up=True)
        await self._check_alive()
        raise NotRecorded(f"Asterisk cannot record into {sound}.wav ({reply.value})")

    async def agree(self, recording: str) -> None:
        """Note what was agreed in a variable of the channel, which outlives this engine. Raises Refused."""
        if recording and not _RECORDING.fullmatch(recording):
            raise Refused("not the name of a recording")
        await self._do(Verb.SET_VARIABLE, AGREED, recording or REFUSED)

    async def agreed(self) -> str | None:
        """What was noted: a name, empty for no, None when nothing was."""
        noted = await self._get(AGREED)
        return "" if noted == REFUSED else noted or None

    async def on_answer(self) -> OnAnswer | None:
        """Whether the dialplan tells or asks the customer, when they pick up, what the call was made with."""
        if await self._get(ASKS):
            return OnAnswer.ASKED
        return OnAnswer.TOLD if await self._get(TELLS) else None

    async def agrees_on_answer(self) -> bool | None:
        """What they have answered who were asked then."""
        return agrees(await self._get(SAID))

    async def monitor(self, sound: str) -> None:
        """Record both sides into `sound`.wav from now on, only while they talk. Begun already: nothing happens."""
        file = f"{sound_file(sound)}.wav"
        if await self._get(MONITORED) != file:
            await self._do(Verb.EXEC, App.MIX_MONITOR, f"{file},b")
            await self._do(Verb.SET_VARIABLE, MONITORED, file)

    async def unmonitor(self) -> None:
        """Record no more, and forget what was agreed: the file is complete on return."""
        await self._do(Verb.EXEC, App.STOP_MIX_MONITOR)
        for name in (MONITORED, AGREED):
            await self._do(Verb.SET_VARIABLE, name, "")

    async def done(self) -> None:
        """Tell the dialplan that this call needs no further rung. The engine's last act on the line."""
        await self._do(Verb.SET_VARIABLE, "IVR_DONE", "1")

    async def _get(self, name: str) -> str:
        """A variable that Asterisk itself sets; never one with text from outside."""
        return (await self._do(Verb.GET_VARIABLE, name)).value or ""

    async def _check_alive(self) -> None:
        """Raise HungUp if the channel is dead: a result of -1 means that, or only that the command failed."""
        if (await self._do(Verb.CHANNEL_STATUS)).result == "-1":
            raise HungUp

    async def _do(self, verb: Verb, *args: str, deadline_s: float | None = COMMAND_S) -> Reply:
        reply = await self._line.send_command(verb, *args, deadline_s=deadline_s)
        if reply.code == 511:
            raise HungUp
        if reply.code != 200:
            raise self._broken(f"the switch refused {verb}: {reply.code} {reply.text.splitlines()[:1]}")
        if reply.result == "-2":
            raise self._broken(f"Asterisk has no application {args[0]}: load its module", NoApplication)
        return reply

    def _key(self, reply: Reply) -> str | None:
        """The key that ended a command; None when it ended by itself."""
        if reply.result in ("0", "-1"):
            return None
        if not re.fullmatch(r"[0-9]{1,3}", reply.result):
            raise self._broken("the switch answered with something that is no key")
        return chr(int(reply.result))

    def _seconds_heard(self, reply: Reply, clip: Clip) -> float:
        return min(self._endpos(reply) / SAMPLES_PER_S, clip.seconds)

    def _endpos(self, reply: Reply) -> int:
        """Where in a sound a command ended, in samples."""
        endpos = reply.fields.get("endpos", "0")
        if not re.fullmatch(r"[0-9]{1,12}", endpos):
            raise self._broken("the switch answered with something that is no position in a sound")
        return int(endpos)

    def _broken(self, why: str, kind: type[LineBroken] = LineBroken) -> LineBroken:
        """The fault to raise when we and the switch do not understand each other; the line is given up."""
        self._line.break_off(why)
        return kind(why)


def _limited(limit: TalkLimit | None) -> str:
    """Dial's option for a limit, in milliseconds: whole, so that no text can come in."""
    if limit is None:
        return ""
    most_ms, warning_ms = round(limit.most_s * 1000), round(limit.warning_s * 1000)
    return f"L({most_ms}:{warning_ms})" if 0 < warning_ms < most_ms else f"L({most_ms})"


def unanswered(status: str, cause: str, *, rang: bool) -> DialStatus:
    """How ringing ended without a conversation, from Asterisk's DIALSTATUS, HANGUPCAUSE and whether it rang at all.

    A phone that rang and then says "busy" was declined by its user; one that never rang cannot have been missed. The
    cause is read only where Dial sets it anew (it keeps an older call's cause on NOANSWER).
    """
    if status == "NOANSWER":
        return DialStatus.NO_ANSWER if rang else DialStatus.UNREACHABLE
    if status == "BUSY":
        return DialStatus.DECLINED if rang else DialStatus.BUSY
    if status in ("CHANUNAVAIL", "CONGESTION") and cause == REJECTED:
        return DialStatus.DECLINED
    return DialStatus.UNREACHABLE


def room_name(room: int) -> str:
    """How the switch calls a room."""
    return f"ringwise-{room}"


def sound_file(name: str) -> str:
    """The name of a sound file; never a URL, a list of files or a way out of the folder. Raises Refused."""
    if not _SOUND.fullmatch(name) or ".." in name.split("/"):
        raise Refused("not a sound file of the catalogue")
    return name
