"""The checks of an environment, in the order in which they are made.

Each plays a little and compares what it saw with what MineRL's actions mean. Pictures are compared by measures that
bear with clouds and animals, places and angles within tolerances: real Minecraft is not deterministic.
"""

from env.conformance.declared import (
    equal_seeds,
    first_reset,
    keys_of_actions,
    observations_in_space,
    picture_format,
    picture_layout,
)
from env.conformance.finding import Check
from env.conformance.moves import jumping, walking
from env.conformance.screens import INVENTORY, cursor, dropping, given_inventory, hotbar_keys, screen_opens, view_stays
from env.conformance.timing import time_of_key, time_of_screen, time_of_turn
from env.conformance.view import actions_act, axes, degrees, limits, turns_down, turns_right, upright

PLAYS = "game: plays"
FORMAT = "picture: format"
ACTS = "actions: answered"
AXES = "camera: axes"
UPRIGHT = "picture: upright"
OPENS = "screen: opens"
GIVEN = "inventory: given"
CHECKS: tuple[Check, ...] = (
    Check(name=PLAYS, expected="a reset and a few steps", measure=first_reset, resets=True),
    Check(name="actions: keys", expected="MineRL's 24", measure=keys_of_actions),
    Check(name=FORMAT, expected="uint8 of the declared size", measure=picture_format, needs=(PLAYS,)),
    Check(name="picture: layout", expected="positive strides", measure=picture_layout, needs=(PLAYS,)),
    Check(
        name="observations: declared",
        expected="each inside the observation space",
        measure=observations_in_space,
        needs=(PLAYS,),
    ),
    Check(
        name="seeds: repeat",
        expected="the same start for the same seed",
        measure=equal_seeds,
        needs=(PLAYS,),
        resets=True,
    ),
    Check(name=ACTS, expected="a turn or a key changes the picture", measure=actions_act, needs=(FORMAT,)),
    Check(
        name=UPRIGHT,
        expected="the hotbar at the bottom, slot 1 left, slot 9 right",
        measure=upright,
        needs=(ACTS,),
    ),
    Check(name=AXES, expected="camera is (pitch, yaw)", measure=axes, needs=(ACTS,)),
    Check(
        name="camera: right",
        expected="a positive yaw turns right: the content moves left",
        measure=turns_right,
        needs=(AXES, UPRIGHT),
    ),
    Check(
        name="camera: down",
        expected="a positive pitch turns down: the content moves up",
        measure=turns_down,
        needs=(AXES, UPRIGHT),
    ),
    Check(
        name="camera: degrees",
        expected="90.0 for a turn of 90; the first view after four turns",
        measure=degrees,
        needs=(AXES,),
    ),
    Check(name="camera: limits", expected="the pitch stops at 90 and -90", measure=limits, needs=(AXES,)),
    Check(
        name="keys: walking",
        expected="forward 0°, right 90°, back 180°, left -90° from the view",
        measure=walking,
        needs=(ACTS,),
    ),
    Check(name="keys: jump", expected="up by about 1.25 blocks", measure=jumping, needs=(ACTS,)),
    Check(name="time: turn", expected="taken at frame i, seen in frame i + 1", measure=time_of_turn, needs=(ACTS,)),
    Check(
        name="time: key",
        expected="taken at frame i, seen in frame i + 1",
        measure=time_of_key,
        needs=(ACTS, UPRIGHT),
    ),
    Check(name=OPENS, expected="inventory opens it, inventory closes it", measure=screen_opens, needs=(ACTS,)),
    Check(
        name="time: screen",
        expected="taken at frame i, seen in frame i + 1",
        measure=time_of_screen,
        needs=(OPENS,),
    ),
    Check(name="screen: view stays", expected="camera does not turn the view", measure=view_stays, needs=(OPENS,)),
    Check(
        name="screen: cursor",
        expected="right by 6.25% of the width for 6 degrees",
        measure=cursor,
        needs=(OPENS, AXES, UPRIGHT),
    ),
    Check(
        name=GIVEN,
        expected=", ".join(f"{count} {name}" for name, count in INVENTORY.items()),
        measure=given_inventory,
        needs=(PLAYS,),
        resets=True,
    ),
    Check(
        name="inventory: hotbar",
        expected="torch, cobblestone, torch for slots 1, 2, 1",
        measure=hotbar_keys,
        needs=(ACTS, GIVEN),
    ),
    Check(name="inventory: drop", expected="-1 torch", measure=dropping, needs=(ACTS, GIVEN)),
)
"""All but those of speed and memory, which `env.conformance.endurance` makes."""
