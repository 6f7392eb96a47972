"""A trained model as plain arrays: how it is kept in bytes, and how it turns inputs into probabilities. NumPy only.

The bytes are a zip of NumPy arrays, read without pickle, with a JSON header that says what the model was made from.
Every tree has at most 16 leaves, so one number of 16 bits tells which leaves are still possible: each node whose
question is answered with no strikes out the leaves on its left, and the lowest bit that is left is the leaf. All nodes
of all trees are asked at once; the time depends on the model alone.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from menus.errors import BadModel
from menus.learning.days import Floats
from menus.learning.inputs import names_of

Probabilities = npt.NDArray[np.float64]

FORMAT = 1
MOST_LEAVES = 16
#: A model that is larger than this is not read: a million nodes are some 15 MB.
MOST_BYTES = 64 * 2**20
_LOWEST_BIT = np.array([0, *((bits & -bits).bit_length() - 1 for bits in range(1, 2**MOST_LEAVES))], np.uint8)


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted trees: nodes tree by tree, the trees round by round with one for each output."""

    feature: npt.NDArray[np.int64]  #: of each node: which input it looks at …
    threshold: Floats  #: … and what that may be at most for yes
    strikes: npt.NDArray[np.uint16]  #: leaves that a no strikes out, a bit for each
    starts: npt.NDArray[np.int64]  #: of each tree: its first node
    values: npt.NDArray[np.float64]  #: trees x MOST_LEAVES
    bias: npt.NDArray[np.float64]  #: of each output

    def raw(self, row: Floats) -> Probabilities:
        """The sum of the leaves for each output."""
        failed = row.take(self.feature) > self.threshold
        left = ~np.bitwise_or.reduceat(self.strikes * failed, self.starts)
        leaves = self.values[np.arange(len(self.starts)), _LOWEST_BIT[left]]
        total: Probabilities = leaves.reshape(-1, len(self.bias)).sum(axis=0) + self.bias
        return total


@dataclass(frozen=True, slots=True)
class Model:
    """Trees with all that is needed to ask them, and where they come from."""

    tasks: tuple[str, ...]
    segments: tuple[str, ...]
    oldest: int  #: days; older events are not looked at
    sharpness: float  #: raw scores are multiplied with it …
    modesty: float  #: … and the result mixed with so much of the popularity: both fitted on held-out events
    popularity: Probabilities  #: (1 + segments) x tasks: of all callers, then of each segment
    trees: Trees
    about: Mapping[str, Any]  #: plain JSON: window of the data, code version, scores, baselines

    def popular(self, segment: int) -> Probabilities:
        """The share of each task among all callers of a segment; -1 for all."""
        row: Probabilities = self.popularity[1 + segment]
        return row

    def probabilities(self, row: Floats, segment: int) -> Probabilities:
        """How likely each task is for one row of inputs."""
        raw = self.trees.raw(row)
        if len(raw) == 1:  # two tasks: one output says how much likelier the second is
            raw = np.array([0.0, raw[0]])
        raw *= self.sharpness
        raw = np.exp(raw - raw.max())
        mixed: Probabilities = (1 - self.modesty) * raw / raw.sum() + self.modesty * self.popular(segment)
        return mixed

    @property
    def digest(self) -> str:
        """A short name that no other model has."""
        return str(self.about.get("digest", ""))[:12]


_ARRAYS = ("feature", "threshold", "strikes", "starts", "values", "bias", "popularity")


def to_bytes(model: Model) -> tuple[bytes, str]:
    """The model as a file's content, and the digest of its arrays. The same model gives the same bytes."""
    arrays = {name: getattr(model.trees, name) for name in _ARRAYS[:-1]} | {"popularity": model.popularity}
    about = {key: value for key, value in model.about.items() if key != "digest"}
    header = {
        "format": FORMAT,
        "tasks": list(model.tasks),
        "segments": list(model.segments),
        "inputs": _inputs_digest(model.tasks, model.segments),
        "oldest": model.oldest,
        "sharpness": model.sharpness,
        "modesty": model.modesty,
        "about": about,
    }
    header["digest"] = digest = _digest(header, arrays)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo("header.json"), json.dumps(header, sort_keys=True, indent=1))
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, array, allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue(), digest


def from_bytes(content: bytes) -> Model:
    """The model in a file's content. Raises BadModel, saying why, for anything that cannot be trusted to be one."""
    if len(content) > MOST_BYTES:
        raise BadModel(f"a model has at most {MOST_BYTES >> 20} MB")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            if sum(part.file_size for part in file.infolist()) > 8 * MOST_BYTES:
                raise BadModel("its parts are too large")
            header = json.loads(file.read("header.json"))
            if header["format"] != FORMAT:
                raise BadModel(f"it has format {header['format']!r}, this version reads {FORMAT}: train it again")
            arrays = {
                name: np.lib.format.read_array(io.BytesIO(file.read(f"{name}.npy")), allow_pickle=False)
                for name in _ARRAYS
            }
        digest = header.pop("digest")
        if digest != _digest(header, arrays):
            raise BadModel("its digest is wrong: the file was damaged or changed")
        tasks, segments = tuple(map(str, header["tasks"])), tuple(map(str, header["segments"]))
        if header["inputs"] != _inputs_digest(tasks, segments):
            raise BadModel("it was trained on other inputs than this version has: train it again")
        _check(arrays, tasks, segments)
        return Model(
            tasks,
            segments,
            int(header["oldest"]),
            float(header["sharpness"]),
            float(header["modesty"]),
            arrays.pop("popularity"),
            Trees(**arrays),
            {**header["about"], "digest": digest},
        )
    except BadModel:
        raise
    except Exception as fault:  # zip, JSON and NumPy raise whatever a damaged file leads them to
        raise BadModel(f"it cannot be read: {type(fault).__name__}: {fault}") from fault


def _inputs_digest(tasks: Sequence[str], segments: Sequence[str]) -> str:
    return sha256("\n".join(names_of(tasks, segments)).encode("utf-8", "surrogatepass")).hexdigest()


def _digest(header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    found = sha256(json.dumps(header, sort_keys=True).encode())
    for name in _ARRAYS:
        found.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        found.update(np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()


def _check(arrays: Mapping[str, npt.NDArray[Any]], tasks: Sequence[str], segments: Sequence[str]) -> None:
    """Raise BadModel unless the arrays fit one another, so that asking them cannot fail."""
    nodes, trees = len(arrays["feature"]), len(arrays["starts"])
    outputs = 1 if len(tasks) == 2 else len(tasks)
    wanted = {
        "feature": ((nodes,), np.int64),
        "threshold": ((nodes,), np.float32),
        "strikes": ((nodes,), np.uint16),
        "starts": ((trees,), np.int64),
        "values": ((trees, MOST_LEAVES), np.float64),
        "bias": ((outputs,), np.float64),
        "popularity": ((1 + len(segments), len(tasks)), np.float64),
    }
    for name, (shape, kind) in wanted.items():
        if arrays[name].shape != shape or arrays[name].dtype != kind:
            raise BadModel(f"its part {name} has the wrong form")
    starts = arrays["starts"]
    fits = (
        nodes > 0
        and trees % outputs == 0
        and starts[0] == 0
        and bool((np.diff(starts) > 0).all())
        and int(starts[-1]) < nodes
        and int(arrays["feature"].min()) >= 0
        and int(arrays["feature"].max()) < len(names_of(tasks, segments))
        and all(bool(np.isfinite(arrays[name]).all()) for name in ("values", "bias", "popularity"))
    )
    if not fits:
        raise BadModel("its parts do not fit one another")
