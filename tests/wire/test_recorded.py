"""What passes a tap passes unchanged, byte for byte in both directions, and means the same, however the network cuts it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire.streams import Seat
from tests.wire.recorded import STREAMS, Mode, stream, whole

WAYS: list[tuple[Mode, Seat]] = [(mode, seat) for mode in ("later", "watched", "ruled") for seat in ("near", "far")]
LARGEST = 8 * 1024
CUTS = 200
MOST = 60


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(("mode", "seat"), WAYS)
def test_a_stream_passes_as_it_came_and_is_understood(name: str, mode: Mode, seat: Seat) -> None:
    one = stream(name)
    told, to_target, to_service = whole(name, mode, seat)
    assert (to_target, to_service) == (one.by(">"), one.by("<"))
    assert one.size <= LARGEST
    assert len(told) > 10
    assert [event for event in told if "gap" in event] == []


@pytest.mark.parametrize("name", STREAMS)
def test_every_cut_tells_the_same(name: str) -> None:
    """Whatever a side says until the other speaks is cut at every place, all of them at the same one."""
    one = stream(name)
    places = range(1, max(len(data) for _, data in one.said))
    ways = {place: WAYS[place % len(WAYS)] for place in places}
    told = {place: one.told(*ways[place], cuts=[start + place for start in one.starts]) for place in places}
    assert [place for place in places if told[place] != whole(name, *ways[place])] == []


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(("mode", "seat"), WAYS)
def test_single_bytes_tell_the_same(name: str, mode: Mode, seat: Seat) -> None:
    assert stream(name).told(mode, seat, every=1) == whole(name, mode, seat)


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=CUTS, derandomize=True)
@given(places=st.sets(st.floats(0, 1, exclude_min=True), min_size=2, max_size=MOST), way=st.sampled_from(WAYS))
def test_many_cuts_at_once_tell_the_same(name: str, places: set[float], way: tuple[Mode, Seat]) -> None:
    one = stream(name)
    assert one.told(*way, cuts=[int(place * one.size) for place in places]) == whole(name, *way)
