"""Telling people something, once per event; reading it; and how they want to be told."""

from coordinator.messages.services.choices import save_choice
from coordinator.messages.services.parcels import (
    close_parcel,
    owe_parcel,
    say_in_group,
    send_again,
    send_code,
    send_link,
)
from coordinator.messages.services.robots import add_robot, stop_robot
from coordinator.messages.services.telling import notify, open_message, read_all

__all__ = [
    "add_robot",
    "close_parcel",
    "notify",
    "open_message",
    "owe_parcel",
    "read_all",
    "save_choice",
    "say_in_group",
    "send_again",
    "send_code",
    "send_link",
    "stop_robot",
]
