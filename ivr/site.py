"""What the rules of a menu book must know of this site."""

from ivr.queues import Queues
from ivr.settings import Settings
from menus.rules import Site


def site_of(settings: Settings, queues: Queues | None) -> Site:
    """Queues, skills, time zone, and what may be called and asked. Without queues, theirs are not judged."""
    waits = {} if queues is None else {name: queue.announce_wait for name, queue in queues.queues.items()}
    return Site(
        queues=None if queues is None else queues.queues,
        skills=() if queues is None else queues.staff.skills,
        tiers=None if queues is None else len(queues.complaints.tiers),
        telling_waits=[name for name, announced in waits.items() if announced is not None],
        recording=None if queues is None else {name: queue.recording for name, queue in queues.queues.items()},
        time_zone=settings.time_zone,
        outbound=settings.outbound.allow,
        webhooks=settings.webhooks.allow,
    )
