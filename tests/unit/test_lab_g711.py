"""The lab's G.711 against the standard's own values."""

import numpy as np
import pytest

from ivr.lab.g711 import PCMA, PCMU, decode, encode_ulaw


@pytest.mark.parametrize(
    ("payload_type", "code", "value"),
    [
        (PCMU, 0x00, -32124), (PCMU, 0x80, 32124), (PCMU, 0xFF, 0), (PCMU, 0x7F, 0), (PCMU, 0xFE, 8),
        (PCMA, 0xD5, 8), (PCMA, 0x55, -8), (PCMA, 0xAA, 32256), (PCMA, 0x2A, -32256),
    ],
)  # fmt: skip
def test_code_has_the_value_of_the_standard(payload_type: int, code: int, value: int) -> None:
    assert decode(bytes([code]), payload_type).tolist() == [value]


def test_every_ulaw_value_survives_coding() -> None:
    values = decode(bytes(range(256)), PCMU)
    assert decode(encode_ulaw(values), PCMU).tolist() == values.tolist()


def test_coding_takes_the_nearest_value() -> None:
    samples = np.arange(-32768, 32768, 7, dtype=np.int16)
    known = np.sort(decode(bytes(range(256)), PCMU).astype(np.int64))
    nearest = np.abs(samples.astype(np.int64)[:, None] - known[None, :]).min(axis=1)
    error = np.abs(decode(encode_ulaw(samples), PCMU).astype(np.int64) - samples)
    assert error.tolist() == nearest.tolist()


def test_other_codings_are_refused() -> None:
    with pytest.raises(KeyError):
        decode(b"\x00", 9)
