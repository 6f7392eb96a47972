"""A fitted model of waits as a file: JSON of plain numbers, with where it comes from and a digest."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ivr.published import publish
from menus.errors import BadModel
from routing.waits import INPUTS, Tree, WaitModel

FORMAT = 1
#: A model that is larger than this is not read; one of 660 trees has half a megabyte.
MOST_BYTES = 16 * 2**20
CURRENT = "current.waits"


@dataclass(frozen=True, slots=True)
class FittedWaits:
    """A model, the queues that it is served for, and where it comes from."""

    model: WaitModel
    served: tuple[str, ...]  #: of the queues it was fitted on, those in which it was no worse than the formula
    about: Mapping[str, Any]  #: plain JSON: days, waits, code version, scores
    digest: str = ""  #: of the file's content

    @property
    def basis(self) -> str:
        """A short name that no other model has: what told waits say they rest on."""
        return self.digest[:12]


def to_bytes(fitted: FittedWaits) -> tuple[bytes, str]:
    """The model as a file's content, and its digest. The same model gives the same bytes."""
    model = fitted.model.as_json()
    model["bands"] = [[_edge(upto), ratios] for upto, ratios in model["bands"]]
    plain = {
        "format": FORMAT,
        "inputs": list(INPUTS),
        "served": list(fitted.served),
        "about": dict(fitted.about),
        "model": model,
    }
    digest = _digest(plain)
    return json.dumps({"digest": digest, **plain}, sort_keys=True, separators=(",", ":")).encode(), digest


def from_bytes(content: bytes) -> FittedWaits:
    """The model in a file's content. Raises BadModel, saying why, for anything that cannot be trusted to be one."""
    if len(content) > MOST_BYTES:
        raise BadModel(f"a model of waits has at most {MOST_BYTES >> 20} MB")
    try:
        plain = json.loads(content)
        if plain["format"] != FORMAT:
            raise BadModel(f"it has format {plain['format']!r}, this version reads {FORMAT}: train it again")
        digest = plain.pop("digest")
        if digest != _digest(plain):
            raise BadModel("its digest is wrong: the file was damaged or changed")
        if plain["inputs"] != list(INPUTS):
            raise BadModel("it was trained on other inputs than this version has: train it again")
        plain["model"]["bands"] = [[math.inf if upto is None else upto, r] for upto, r in plain["model"]["bands"]]
        model = WaitModel.from_json(plain["model"])
        _check(model)
        return FittedWaits(model, tuple(map(str, plain["served"])), plain["about"], str(digest))
    except BadModel:
        raise
    except Exception as fault:  # JSON and numbers raise whatever a damaged file leads them to
        raise BadModel(f"it cannot be read: {type(fault).__name__}: {fault}") from fault


def read_waits(file: Path) -> FittedWaits:
    """The model in a file. Raises OSError or BadModel."""
    with file.open("rb") as opened:
        return from_bytes(opened.read(MOST_BYTES + 1))


def publish_waits(folder: Path, fitted: FittedWaits) -> Path:
    """Keep a model under its own name and let it be the one that is served."""
    content, digest = to_bytes(fitted)
    kept = folder / f"{digest[:12]}.waits"
    publish(content, kept, folder / CURRENT)
    return kept


def _edge(upto: float) -> float | None:
    """JSON has no infinity: the last band has no upper end."""
    return None if math.isinf(upto) else upto


def _digest(plain: Mapping[str, Any]) -> str:
    return sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _check(model: WaitModel) -> None:
    """Raise BadModel unless asking it ends and gives a number, whatever it is asked."""
    width = len(INPUTS) + len(model.queues)
    bands_fit = (
        bool(model.bands)
        and math.isinf(model.bands[-1][0])
        and all(ratios and _are_numbers(ratios) for _, ratios in model.bands)
    )
    if not (bands_fit and _are_numbers((model.base_s,)) and all(_fits(tree, width) for tree in model.trees)):
        raise BadModel("its parts do not fit one another")


def _fits(tree: Tree, width: int) -> bool:
    nodes = len(tree.feature)
    return (
        nodes > 0
        and nodes == len(tree.threshold) == len(tree.left) == len(tree.right)
        and all(value == value for value in tree.threshold)
        and all(-1 <= feature < width for feature in tree.feature)
        and all(
            feature < 0 or (here < left < nodes and here < right < nodes)  # downwards only: it comes to an end
            for here, (feature, left, right) in enumerate(zip(tree.feature, tree.left, tree.right, strict=True))
        )
        and _are_numbers([value for value, feature in zip(tree.threshold, tree.feature, strict=True) if feature < 0])
    )


def _are_numbers(some: Sequence[float]) -> bool:
    return all(math.isfinite(value) for value in some)
