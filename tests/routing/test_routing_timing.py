"""Times on a route: windows, latest departure and breaks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.check import _breaks_fit
from routing.scenario import Break
from routing.timing import clock_times, time_route


def test_leaves_late_and_returns_early():
    found = time_route([600, 600], [1800], [(36000, 40000)], (28800, 64800))
    assert found is not None
    assert (found.departure, found.arrival) == (35400, 38400)


def test_a_wait_between_fixed_stops_stays():
    found = time_route([0, 0, 0], [60, 60], [(100, 100), (1000, 1000)], (0, 5000))
    assert found is not None
    assert (found.departure, found.arrival) == (100, 1060)


def test_no_schedule():
    assert time_route([600, 600], [1800], [(0, 100)], (0, 5000)) is None
    assert time_route([600, 600], [1800], [(0, 5000)], (0, 2900)) is None


_windows = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda w: (min(w), max(w)))
_pauses = st.tuples(_windows, st.integers(1, 20)).map(lambda p: Break(*p))
_routes = st.integers(0, 4).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 10), min_size=n + 1, max_size=n + 1),
        st.lists(st.integers(1, 10), min_size=n, max_size=n),
        st.lists(_windows, min_size=n, max_size=n),
    )
)


def _by_trying_everything(legs, durations, windows, shift, pauses):
    """The earliest return and the latest departure that keeps it, over all departures and break places."""
    order = sorted(pauses, key=lambda pause: (pause.window, pause.duration))
    n = len(durations)

    def rests_after(clock, k):
        for pause in order[k:]:
            if clock > pause.window[1]:
                return False
            clock = max(clock, pause.window[0]) + pause.duration
        return True

    def walk(g, clock, k):
        """All returns from before leg g."""
        if g and k < len(order) and clock <= order[k].window[1]:
            yield from walk(g, max(clock, order[k].window[0]) + order[k].duration, k + 1)
        if g == n:
            if rests_after(clock + legs[g], k):
                yield clock + legs[g]
        else:
            yield from door(g, clock + legs[g], k)

    def door(g, clock, k):
        if k < len(order) and clock <= order[k].window[1]:
            yield from door(g, max(clock, order[k].window[0]) + order[k].duration, k + 1)
        if clock <= windows[g][1]:
            yield from walk(g + 1, max(clock, windows[g][0]) + durations[g], k)

    found = []
    rested = -(10**9)
    for k in range(len(order) + 1):
        for departure in range(max(shift[0], rested), shift[1] + 1):
            found += [(back, -departure) for back in walk(0, departure, k) if back <= shift[1]]
        if k == len(order) or rested > order[k].window[1]:
            break
        rested = max(rested, order[k].window[0]) + order[k].duration
    return (min(found)[0], -min(found)[1]) if found else None


@settings(max_examples=150, deadline=None)
@given(route=_routes, shift=_windows, pauses=st.lists(_pauses, min_size=1, max_size=2))
def test_breaks_are_placed_for_the_earliest_return_and_the_latest_departure(route, shift, pauses):
    legs, durations, windows = route
    found = time_route(legs, durations, windows, shift, pauses)
    wanted = _by_trying_everything(legs, durations, windows, shift, pauses)
    assert (found and (found.arrival, found.departure)) == wanted


@settings(max_examples=400, deadline=None)
@given(route=_routes, shift=_windows, pauses=st.lists(_pauses, max_size=2))
def test_every_schedule_found_is_true(route, shift, pauses):
    legs, durations, windows = route
    found = time_route(legs, durations, windows, shift, pauses)
    if found is None:
        return
    times = clock_times(found, legs, durations, windows)
    assert shift[0] <= found.departure <= found.arrival <= shift[1]
    leave, gaps = found.departure, []
    for (arrival, start, end), leg, duration, (low, high) in zip(
        times, legs, durations, windows, strict=False
    ):
        assert arrival >= leave + leg
        assert start >= arrival
        assert low <= start <= high
        assert end == start + duration
        gaps.append((leave, leg, start))
        leave = end
    assert found.arrival >= leave + legs[-1]
    gaps.append((leave, legs[-1], found.arrival))
    if times:
        assert _breaks_fit(pauses, gaps)
