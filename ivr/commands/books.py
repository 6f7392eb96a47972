"""`ivr books`: which menu books were published."""

from datetime import datetime

from ivr.settings import Settings
from models.books import Books
from models.migrate import opened


async def published(settings: Settings) -> tuple[str, ...]:
    """A line for each version, the newest first: number, time at the site, message. Raises what `opened` raises."""
    async with opened(settings.database_url) as database:
        books = await Books(database).all()
    times = (datetime.fromtimestamp(book.published_at, settings.zone) for book in books)
    return tuple(
        f"{book.version:>5}  {at:%Y-%m-%d %H:%M}  {book.message}" for book, at in zip(books, times, strict=True)
    )
