"""Text messages: from the outbox to the site's SMS gateway."""

from ivr.messages.gateway import Gateway, HttpGateway, Taken
from ivr.messages.post import MessageFigures, Post

__all__ = ["Gateway", "HttpGateway", "MessageFigures", "Post", "Taken"]
