"""When people are at one stop of a route."""

from coordinator.elders.doors import at_doors, same_door
from tests.factories import make_area_tree, make_household


def test_one_household_one_point_or_one_address_is_one_door(db_session):
    area = make_area_tree().community
    home = make_household(area, address="滨江路1号", latitude=28.88, longitude=105.44)
    flat = make_household(area, address="滨江路1号2单元", latitude=28.880001, longitude=105.44)
    next_door = make_household(area, address="滨江路3号", latitude=28.8801, longitude=105.44)
    unmapped = make_household(area, address="滨江路1号", latitude=None, longitude=None)
    elsewhere = make_household(area, address="滨江路9号", latitude=None, longitude=None)
    assert same_door(home, home)
    assert same_door(home, flat)
    assert same_door(home, unmapped)
    assert not same_door(home, next_door)
    assert not same_door(unmapped, elsewhere)


def test_only_neighbours_in_the_order_share_a_number(db_session):
    area = make_area_tree().community
    one = make_household(area, latitude=28.88, longitude=105.44)
    two = make_household(area, latitude=28.89, longitude=105.44)
    assert [number for number, _home in at_doors([one, one, two, one], lambda home: home)] == [1, 1, 2, 3]
    assert list(at_doors([], lambda home: home)) == []
