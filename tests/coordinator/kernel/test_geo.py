"""Datums and distances against figures computed with other programs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.kernel import geo
from coordinator.kernel.geo import Bounds, Datum, PlaceCode

# WGS-84 -> (GCJ-02, BD-09), computed with the independent package prcoords 1.0.2.
REFERENCE = [
    ((28.8718, 105.4426), (28.868761703260986, 105.44619105107462), (28.87469669261053, 105.45269966679615)),
    ((39.9042, 116.4074), (39.90560334316507, 116.41364225378803), (39.91186533561899, 116.42004633029816)),
    ((22.5431, 114.0579), (22.54038281422246, 114.06301399856547), (22.546041559073544, 114.06956398703267)),
    ((43.8256, 87.6168), (43.82680539311119, 87.61964994946926), (43.83294979479328, 87.62609977081571)),
    ((45.8038, 126.5349), (45.80578177471768, 126.54094071740515), (45.81139597011796, 126.54755961849878)),
    ((20.0174, 110.3492), (20.01539814813148, 110.35360923240707), (20.02114421367176, 110.36013576972985)),
]
# Metres on the sphere of radius 6,371,008.8, computed with geographiclib 2.1 (flattening 0).
DISTANCES = [
    ((28.8718, 105.4426, 28.9, 105.5), 6408.113306721951),
    ((39.9042, 116.4074, 22.5431, 114.0579), 1943145.3437751832),
    ((0.0, 0.0, 0.0, 180.0), 20015114.442035925),
]
inside = st.tuples(st.floats(4.0, 53.5), st.floats(73.5, 135.0))


@pytest.mark.parametrize(("wgs", "gcj", "bd"), REFERENCE)
def test_conversion_agrees_with_an_independent_program(wgs, gcj, bd):
    # 1e-11 degree is about a thousandth of a millimetre
    assert geo.wgs84_to_gcj02(*wgs) == pytest.approx(gcj, abs=1e-11)
    assert geo.wgs84_to_bd09(*wgs) == pytest.approx(bd, abs=1e-11)
    assert geo.to_wgs84(*gcj, Datum.GCJ02) == pytest.approx(wgs, abs=1e-11)
    assert geo.to_wgs84(*bd, Datum.BD09) == pytest.approx(wgs, abs=1e-11)


@given(inside)
def test_round_trip_stays_within_a_thousandth_of_a_millimetre(point):
    for datum in Datum:
        there = geo.from_wgs84(*point, datum)
        back = geo.to_wgs84(*there, datum)
        assert geo.haversine_m(*point, *back) <= 1e-6


@given(inside)
def test_the_shift_is_what_breaks_a_geofence(point):
    assert 5.0 < geo.haversine_m(*point, *geo.wgs84_to_gcj02(*point)) < 1500.0


def test_outside_china_nothing_moves():
    for datum in Datum:
        assert geo.from_wgs84(48.8566, 2.3522, datum) == (48.8566, 2.3522)
        assert geo.to_wgs84(48.8566, 2.3522, datum) == (48.8566, 2.3522)
    assert not geo.in_china(48.8566, 2.3522)


@pytest.mark.parametrize(("ends", "metres"), DISTANCES)
def test_haversine_agrees_with_an_independent_program(ends, metres):
    assert geo.haversine_m(*ends) == pytest.approx(metres, rel=1e-9)


LUZHOU = Bounds(27.6, 105.1, 29.4, 106.5)


@pytest.mark.parametrize(
    ("lat", "lon", "bounds", "expected"),
    [
        (28.87, 105.44, LUZHOU, None),
        (105.44, 28.87, LUZHOU, PlaceCode.SWAPPED),
        (105.44, 28.87, None, PlaceCode.SWAPPED),
        (116.4, 39.9, LUZHOU, PlaceCode.SWAPPED),
        (39.9, 116.4, LUZHOU, PlaceCode.OUTSIDE_AREA),
        (39.9, 116.4, None, None),
        (0.0, 0.0, None, PlaceCode.OUTSIDE_CHINA),
        (48.85, 2.35, LUZHOU, PlaceCode.OUTSIDE_CHINA),
        (float("nan"), 105.4, LUZHOU, PlaceCode.NOT_A_NUMBER),
        (28.8, float("inf"), LUZHOU, PlaceCode.NOT_A_NUMBER),
    ],
)
def test_plausible(lat, lon, bounds, expected):
    assert geo.plausible(lat, lon, bounds) is expected


def test_every_reason_has_a_text():
    assert set(geo.PLACE_MESSAGES) == set(PlaceCode)
    assert "写反" in str(geo.PLACE_MESSAGES[PlaceCode.SWAPPED])


def test_bounds():
    box = Bounds.around([(28.0, 105.0), (28.5, 105.5)], metres=1000.0)
    assert box.contains(28.0, 105.0)
    assert geo.haversine_m(28.0, 105.0, box.south, 105.0) == pytest.approx(1000.0, rel=1e-6)
    assert geo.haversine_m(28.25, 105.0, 28.25, box.west) == pytest.approx(1000.0, rel=1e-3)
    with pytest.raises(ValueError):
        Bounds(29.0, 105.0, 28.0, 106.0)
    with pytest.raises(ValueError):
        Bounds.around([])
