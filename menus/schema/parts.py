"""Prompts, options and the rules of asking: the pieces that steps are made of."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from menus.schema.words import (
    CelText,
    FileName,
    Key,
    Label,
    Language,
    Line,
    Message,
    Name,
    Part,
    PromptText,
    Reason,
    TaskName,
)

AGENT_TASK = "agent"  #: task of the option that leads to a person, whatever the matter
COMPLAINT_TASK = "complaint"


class Prompt(Part):
    """Something that is said."""

    text: Mapping[Language, PromptText]
    """The words by language. A slot such as {position:number} is filled in when it is said."""
    recording: Mapping[Language, FileName] = Field(default_factory=dict)
    """By language: a file recordings/NAME.wav beside the book that is played instead of speech."""


class Template(Part):
    """A text message. Slots as in prompts, such as {amount:money}; they are written, not spoken."""

    text: Mapping[Language, Message]
    """The words by language."""
    private: bool = True
    """Whether it tells something about the customer; then it is sent only after verification."""


class Option(Part):
    """One thing that a caller can choose."""

    id: Name
    key: Key
    """The same for every caller, for ever (but see `keys: renumber` of the menu)."""
    label: Mapping[Language, Label]
    """What the option is called when it is spoken."""
    then: Name
    """The step that follows."""
    reason: Reason | None = None
    """What agents and reports call it; the id when it is left out."""
    task: TaskName | None = None
    """Which of the book's tasks this is; habits are learned from tasks. `agent` and `complaint` have a meaning."""
    pinned: bool = False
    """Keeps its place in the spoken order whatever is personal."""
    when: CelText | None = None
    """Offered only while this condition holds; always when left out."""
    promote_when: CelText | None = None
    """Spoken first while this condition holds, as in calendar.day <= 5: before what habits promote."""
    promote_for: tuple[Line, ...] = ()
    """Spoken earlier to customers of these segments, after what habits promote."""
    explore: bool = False
    """New and tried out: spoken first to the share of customers that the gate's `explore` says, drawn by the month."""
    only_in: tuple[Language, ...] = ()
    """Offered only while the call is in one of these languages; in all when left out."""
    spoken_in: Language | None = None
    """Spoken in this language whatever the call's language is."""
    recording: Mapping[Language, FileName] = Field(default_factory=dict)
    """By language: a recorded file with the whole phrase, key included."""

    @property
    def stays(self) -> bool:
        """Whether it keeps its place and its key whatever is personal: pinned, complaint and agent."""
        return self.pinned or self.task in (AGENT_TASK, COMPLAINT_TASK)

    def offered_in(self, language: str) -> bool:
        """Whether callers in this language are offered the option."""
        return not self.only_in or language in self.only_in

    def voice_in(self, language: str) -> str:
        """The language that the option is spoken in during a call in this language."""
        return self.spoken_in or language


class NoInput(Part):
    """What happens when the caller presses nothing."""

    timeout_s: float = Field(default=6, ge=1, le=20)
    """Seconds of silence after the last word."""
    tries: int = Field(default=3, ge=1, le=9)
    """How often the caller may stay silent; the last time leads to `then`."""
    prompts: tuple[Name, ...] = Field(min_length=1)
    """Said after the first silence, the second …; the last one repeats."""
    then: Name


class Invalid(Part):
    """What happens when the caller presses what is not asked for."""

    tries: int = Field(default=3, ge=1, le=9)
    """How many wrong entries are taken; the last leads to `then`."""
    prompts: tuple[Name, ...] = Field(min_length=1)
    """Said after the first wrong entry, the second …; the last one repeats."""
    then: Name


class Gate(Part):
    """When an option may be spoken earlier than the book has it. Probabilities are those of the ranker."""

    promote_at: float = Field(default=0.5, gt=0, le=1)
    """Least probability."""
    lead: float = Field(default=0.2, ge=0, le=1)
    """Least distance to the next likely option."""
    most: int = Field(default=2, ge=0, le=3)
    """How many options may be promoted at once."""
    least: float = Field(default=0.2, ge=0, le=1)
    """Least probability of a second option; it passes the gate on the chance that the first was wrong."""
    steady_calls: int = Field(default=1, ge=1, le=9)
    """What habits promote changes only after so many calls in a row in which the new order was wished for."""
    explore: float = Field(default=0, ge=0, le=0.2)
    """Share of customers on whom an option with `explore: true` is tried out each month; 0 tries nothing out."""


KeyPolicy = Literal["stable", "renumber", "shortcut"]


class Case(Part):
    """One branch of a goto step."""

    when: CelText
    """A condition over what is known of the call."""
    then: Name
    """The step that follows while it holds."""
