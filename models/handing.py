"""What an agent does with a conversation, on rows that are held: asking, handing on, and taking over from another."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models import moves
from models.locks import SECOND
from models.tables import AgentRow, NeedRow, OfferRow
from models.texts import stored
from routing.errors import IllegalMove
from routing.need import NeedState
from routing.offer import OfferEvent, OfferState
from routing.talk import Ask, Sent, Talk, TalkEvent, TalkState, move_talk, talk_of
from routing.views import NeedWish

LONGEST_NOTE = 500  #: characters that one agent may tell the next


def room_of(offer_id: int, talk: Mapping[str, Any] | None) -> int:
    """The room of a conversation: the one that it has, or would come to."""
    return talk_of(talk).room or offer_id


def ask(offer: OfferRow, wish: Ask) -> Talk:
    """Store what an agent asks for; the conversation as it was. Raises IllegalMove, also while another ask waits."""
    talk = talk_of(offer.talk)
    move_talk(talk.state, wish.do)
    if talk.asked(wish.at) is not None and talk.ask is not None:
        raise IllegalMove("talk", talk.ask.do, wish.do)
    kept = replace(wish, note=stored(wish.note, LONGEST_NOTE))
    offer.talk = replace(talk, ask=kept, taken=False, failed="").as_json()
    return talk


def unask(offer: OfferRow, at: float) -> bool:
    """Take back what was asked at that moment; False when it is being carried out, or has been."""
    talk = talk_of(offer.talk)
    if talk.ask is None or talk.ask.at != at or talk.taken:
        return False
    offer.talk = replace(talk, ask=None).as_json()
    return True


def take_up(offer: OfferRow, at: float) -> bool:
    """Begin to carry out what was asked at that moment; False when it was taken back."""
    talk = talk_of(offer.talk)
    if talk.ask is None or talk.ask.at != at:
        return False
    offer.talk = replace(talk, taken=True).as_json()
    return True


def stands(offer: OfferRow, talk: Talk, carried_out: Ask | None) -> None:
    """Store where a conversation stands; something else that was asked for meanwhile is kept."""
    before = talk_of(offer.talk)
    done = before.ask is None or (carried_out is not None and before.ask.at == carried_out.at)
    offer.talk = replace(talk, ask=None if done else before.ask, taken=before.taken and not done).as_json()


def hand_on(
    held: tuple[NeedRow, AgentRow, OfferRow], wish: NeedWish, sent: Sent, *, now: float, wrap_up_s: float
) -> NeedRow:
    """End a conversation and state the caller's next need, which is not in the session yet. Raises IllegalMove."""
    need, agent, offer = held
    offer.talk = _over(offer)
    moves.end(need, agent, offer, OfferEvent.COMPLETE, now=now, wrap_up_s=wrap_up_s)
    following = moves.stated(need.call_id, wish, now)
    following.sent = sent.as_json()
    return following


def second_need(need: NeedRow, wish: NeedWish, sent: Sent, now: float) -> NeedRow:
    """The need of an agent who consults another about a call."""
    second = moves.stated(need.call_id, wish, now)
    second.kind, second.sent = SECOND, sent.as_json()
    return second


def take_over(
    first: tuple[NeedRow, AgentRow, OfferRow], second: NeedRow, offer: OfferRow, *, now: float, wrap_up_s: float
) -> None:
    """The first agent leaves; the one who was consulted has the caller. The rows of the first are to be saved first.

    Raises IllegalMove; then nothing was changed.
    """
    if offer.state != OfferState.ANSWERED or second.state != NeedState.TALKING:
        raise IllegalMove("offer", offer.state, TalkEvent.COMPLETE)
    before = talk_of(first[2].talk)
    first[2].talk = _over(first[2])
    moves.end(*first, OfferEvent.COMPLETE, now=now, wrap_up_s=wrap_up_s)
    offer.talk = Talk(TalkState.ROOM, since=now, room=before.room, own=before.channel).as_json()


def _over(offer: OfferRow) -> dict[str, object] | None:
    if offer.talk is None:
        return None
    return replace(talk_of(offer.talk), state=TalkState.OVER, ask=None, taken=False).as_json()
