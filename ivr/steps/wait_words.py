"""The words for an expected wait, in the caller's language."""

from ivr.call import Call
from ivr.expected_waits import Said
from ivr.ports import Clip
from routing.wait_ranges import WaitRange


def wait_words(call: Call, said: WaitRange) -> tuple[Clip, ...]:
    """The prompt of the book for a range, filled; nothing when the book has no words for expected waits."""
    words = call.edition.book.waiting
    to_an_end = words.between if said.least_min else words.less_than
    prompt = words.more_than if said.most_min is None else to_an_end
    return () if prompt is None else call.prompt(prompt, least=said.least_min, most=said.most_min)


async def tell_wait(call: Call, need_id: int, queue: str, last: Said | None) -> tuple[Said | None, tuple[Clip, ...]]:
    """What is told of the wait by now, and the words for it when they are news; what is told is kept with the need."""
    expected = call.parts.expected
    said = await expected.of(call.id, queue, last)
    if said is None:
        return last, ()
    clips = () if said.range is None else wait_words(call, said.range)
    if said.range is not None and not clips:
        return last, ()
    await expected.tell(need_id, queue, said)
    if said.range is not None:
        call.note("wait_told", least_min=said.range.least_min, most_min=said.range.most_min)
    return said, clips
