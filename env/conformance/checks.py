"""The checks of an environment, in the order in which they are made.

Each plays a little and compares what it saw with what MineRL's actions mean. Pictures are compared by measures that
bear with clouds and animals, places and angles within tolerances: real Minecraft is not deterministic.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.actions import MINERL_KEYS, minerl_action_space
from env.checks import shown
from env.conformance.pictures import Grey, changed, correlation, detail, first_change, grey, shift
from env.conformance.probe import CheckSkipped, Probe
from env.video.pictures import Frame
from env.voxel.random_play import RandomPlay

INVENTORY = {"torch": 8, "cobblestone": 3}
"""What the player is given to check the inventory; the first item goes to the first slot of the hotbar."""
NEAR = 48.0
"""Blocks within which equal seeds spawn: Minecraft draws the place anew, around the same point."""
WITHIN = 1.0
"""Degrees of tolerance for the view's direction."""
SMALL_TURN = 6.0
"""Degrees after which most of a view is still in the picture."""
CURSOR = 0.0625
"""Share of the width by which the cursor moves for 6 degrees: 6.67 pixels of 640 a degree."""
ALIKE = 0.5
"""Correlation of two pictures of the same view, at least, with clouds and animals in it."""
_HOTBAR = {"rows": slice(0.945, 1.0), "columns": slice(0.35, 0.65)}
"""Where the hotbar is, in shares of the picture's sides."""


class Finding(NamedTuple):
    """What a check measured."""

    found: str
    as_expected: bool = True


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is expected of an environment."""

    name: str
    expected: str
    measure: Callable[[Probe], Finding]
    needs: tuple[str, ...] = ()
    """Checks without whose success this one would tell nothing."""
    resets: bool = False
    """It starts episodes of its own. Others go on in the one that is being played."""


def keys_of_actions(probe: Probe) -> Finding:
    """The action space."""
    space = probe.game.env.action_space
    missing = probe.game.missing
    if missing:
        return Finding(f"{len(MINERL_KEYS) - len(missing)} keys: it lacks {', '.join(missing)}", False)
    same = space == minerl_action_space()
    return Finding("24 keys" if same else f"24 keys, and another camera: {space['camera']}", same)  # type: ignore[index]


def picture_format(probe: Probe) -> Finding:
    """Type and size of the pictures, and whether they show anything."""
    declared, picture = _pov_space(probe), probe.observation["pov"]
    found = f"{picture.dtype} {picture.shape}, from {picture.min()} to {picture.max()}"
    right = picture.dtype == np.uint8 == declared.dtype and picture.shape == declared.shape
    return Finding(found, right and bool(picture.min() < picture.max()))


def picture_layout(probe: Probe) -> Finding:
    """How the pictures lie in memory: MineRL's own have rows in reverse order, which PyTorch refuses."""
    strides = probe.observation["pov"].strides
    return Finding(f"strides {strides}", all(stride > 0 for stride in strides))


def _pov_space(probe: Probe) -> spaces.Space[Any]:
    seen = probe.game.observation_space
    assert isinstance(seen, spaces.Dict)
    return seen["pov"]


def observations_in_space(probe: Probe) -> Finding:
    """Whether what is observed is what was declared, over a little random play."""
    space = probe.game.observation_space
    play = RandomPlay(probe.seed)
    for tick in range(40):
        if wrong := _outside(space, probe.observation, "observation"):
            return Finding(f"tick {tick}: {wrong}", False)
        probe.act({**play.act(), "ESC": 0, "inventory": 0, "drop": 0})
    return Finding("41 observations, all inside")


def _outside(space: spaces.Space[Any], value: Any, name: str) -> str:
    """The first part of a value that is not in its space; empty if all is."""
    if not isinstance(space, spaces.Dict):
        return "" if space.contains(value) else f"{name} is {shown(value)}, not in {space}"
    if not isinstance(value, dict) or set(value) != set(space.spaces):
        return f"{name} has other names than its space"
    parts = (_outside(inside, value[key], f"{name}.{key}") for key, inside in space.spaces.items())
    return next((part for part in parts if part), "")


def equal_seeds(probe: Probe) -> Finding:
    """Two episodes of one seed: the same pictures, or, in a game that is not deterministic, about the same place."""
    deterministic = not (probe.game.spec and probe.game.spec.nondeterministic)
    first, second = _opening(probe), _opening(probe)
    if deterministic:
        same = sum(np.array_equal(*pair) for pair in zip(first.frames, second.frames, strict=True))
        return Finding(f"{same} of {len(first.frames)} pictures are equal", same == len(first.frames))
    if first.place is None or second.place is None:
        raise CheckSkipped("the game is not deterministic, and tells no location_stats")
    apart = float(np.hypot(*(second.place - first.place)[[0, 2]]))
    return Finding(f"spawned {apart:.1f} blocks apart (the game is not deterministic)", apart <= NEAR)


class _Opening(NamedTuple):
    frames: list[Frame]
    place: NDArray[np.float64] | None


def _opening(probe: Probe) -> _Opening:
    """The first moments of an episode."""
    play = RandomPlay(probe.seed)
    frames = [probe.reset()]
    try:
        place = probe.position
    except CheckSkipped:
        place = None
    frames += [probe.act({**play.act(), "ESC": 0, "inventory": 0}) for _ in range(20)]
    return _Opening(frames, place)


def actions_act(probe: Probe) -> Finding:
    """Whether the picture answers to a turn, or to a key."""
    before = probe.wait()
    by_itself = changed(before, probe.wait())
    turned = changed(before, probe.turn(yaw=20.0))
    before = probe.turn(yaw=-20.0)
    probe.step("inventory")
    pressed = changed(before, probe.wait())
    if pressed > max(0.1, 1.5 * by_itself):
        probe.step("inventory")
    found = f"a turn changed {turned:.0%} of the pixels, inventory {pressed:.0%}, nothing {by_itself:.0%}"
    return Finding(found, max(turned, pressed) > max(0.02, 1.5 * by_itself))


def axes(probe: Probe) -> Finding:
    """Which of the view's angles each part of `camera` turns."""
    across = _turned(probe, yaw=20.0)
    down = _turned(probe, pitch=20.0)
    found = f"camera[1] = 20: yaw {across[1]:+.1f}, pitch {across[0]:+.1f}; camera[0] = 20: yaw {down[1]:+.1f}, "
    found += f"pitch {down[0]:+.1f}"
    right = abs(across[1]) > WITHIN > abs(across[0]) and abs(down[0]) > WITHIN > abs(down[1])
    return Finding(found, right)


def _turned(probe: Probe, *, pitch: float = 0.0, yaw: float = 0.0) -> tuple[float, float]:
    """Degrees (pitch, yaw) by which location_stats turned; the view is turned back."""
    before = (probe.pitch, probe.yaw)
    probe.turn(pitch=pitch, yaw=yaw)
    turned = (probe.pitch - before[0], wrapped(probe.yaw - before[1]))
    probe.turn(pitch=-pitch, yaw=-yaw)
    return turned


def wrapped(degrees: float) -> float:
    """An angle from -180 up to 180."""
    return (degrees + 180.0) % 360.0 - 180.0


def upright(probe: Probe) -> Finding:
    """Where in the picture the hotbar's frame moves: it is at the bottom, slot 1 left and slot 9 right."""
    left = _place_of_change(probe, "hotbar.1", "hotbar.2")
    right = _place_of_change(probe, "hotbar.8", "hotbar.9")
    found = f"slots 1 and 2 {_spot(left)}, slots 8 and 9 {_spot(right)}"
    if left is None or right is None:
        return Finding(found, False)
    return Finding(found, min(left[0], right[0]) > 0.85 and left[1] < 0.45 and right[1] > 0.55)


def _spot(place: tuple[float, float] | None) -> str:
    return "nowhere" if place is None else f"at {place[0]:.0%} of the height, {place[1]:.0%} of the width"


def _place_of_change(probe: Probe, first: str, second: str) -> tuple[float, float] | None:
    """Where the picture changes from one slot to another, each time in the same way: shares of height and width."""
    differences = []
    for _ in range(4):
        probe.step(first)
        before = probe.wait(3)
        probe.step(second)
        differences.append(grey(probe.wait(3)) - grey(before))
    same = np.maximum(np.min(differences, axis=0), -np.max(differences, axis=0))
    rows, columns = np.nonzero(same > 24.0)
    if not len(rows):
        return None
    height, width = same.shape
    return float(np.median(rows)) / height, float(np.median(columns)) / width


def turns_right(probe: Probe) -> Finding:
    """A positive yaw: location_stats and the picture."""
    turned = _turned(probe, yaw=SMALL_TURN)[1]
    across = _shift_of_view(probe, yaw=SMALL_TURN)[1]
    found = f"yaw {turned:+.1f} for {SMALL_TURN:+g}; the picture's content moved {_way(across, 'right', 'left')}"
    return Finding(found, turned > 0.0 and across < 0.0)


def turns_down(probe: Probe) -> Finding:
    """A positive pitch: location_stats and the picture."""
    turned = _turned(probe, pitch=SMALL_TURN)[0]
    down = _shift_of_view(probe, pitch=SMALL_TURN)[0]
    found = f"pitch {turned:+.1f} for {SMALL_TURN:+g}; the picture's content moved {_way(down, 'down', 'up')}"
    return Finding(found, turned > 0.0 and down < 0.0)


def _way(share: float, positive: str, negative: str) -> str:
    return f"{positive if share > 0 else negative} by {abs(share):.1%}"


def _shift_of_view(probe: Probe, *, pitch: float = 0.0, yaw: float = 0.0) -> tuple[float, float]:
    """By how much the content moved (down, right), in the one of four directions in which that is seen best."""
    found = []
    for _ in range(4):
        before = probe.wait()
        after = probe.turn(pitch=pitch, yaw=yaw)
        found.append(shift(before, after))
        probe.turn(pitch=-pitch, yaw=90.0 - yaw)
    down, across, _ = max(found, key=lambda each: each[2])
    return down, across


def degrees(probe: Probe) -> Finding:
    """Four turns of 90 degrees: the yaw of each, and whether they come back to the first view."""
    yaws, views = [probe.yaw], [probe.wait()]
    for _ in range(4):
        views.append(probe.turn(yaw=90.0))
        yaws.append(probe.yaw)
    turned = [abs(wrapped(after - before)) for before, after in pairwise(yaws)]
    back, behind = correlation(views[0], views[4]), correlation(views[0], views[2])
    found = f"{min(turned):.1f} to {max(turned):.1f} each; likeness to the first view {behind:.2f} after two, "
    found += f"{back:.2f} after four"
    right = all(abs(each - 90.0) < WITHIN for each in turned)
    if detail(views[0]) < 2.0:
        return Finding(f"{found} (there is little to be seen)", right)
    return Finding(found, right and back > ALIKE and back > behind)


def limits(probe: Probe) -> Finding:
    """The pitch where it stops, and how bright it is there."""
    found, light = [], []
    for sign in (1.0, -1.0):
        for _ in range(5):
            view = probe.turn(pitch=sign * 90.0)
        found.append(probe.pitch)
        light.append(float(grey(view).mean()) / 255.0)
    text = f"{found[0]:.1f} and {found[1]:.1f}; brightness there {light[0]:.2f} and {light[1]:.2f}"
    return Finding(text, sorted(abs(round(each, 1)) for each in found) == [90.0, 90.0] and found[0] * found[1] < 0.0)


def walking(probe: Probe) -> Finding:
    """The direction in which each of the four keys moves the player, beside where the player looks."""
    expected = {"forward": 0.0, "right": 90.0, "back": 180.0, "left": -90.0}
    found = {key: _direction(probe, key, expected=angle) for key, angle in expected.items()}
    seen = {key: angle for key, angle in found.items() if angle is not None}
    if not seen:
        raise CheckSkipped("the player is hemmed in: no key moved it by half a block")
    text = ", ".join(f"{key} {angle:+.0f}°" for key, angle in seen.items())
    blocked = [key for key in found if key not in seen]
    text += f" ({', '.join(blocked)}: something is in the way)" if blocked else ""
    return Finding(text, all(_near(angle, expected[key]) for key, angle in seen.items()))


def _near(angle: float, expected: float) -> bool:
    return abs(wrapped(angle - expected)) < 30.0


def _direction(probe: Probe, key: str, *, expected: float) -> float | None:
    """Degrees to the right of the view in which a key moves the player; None if it is blocked on all sides.

    Where it moves otherwise than expected, which may be along a wall, it is tried in three other directions.
    """
    angle = None
    for _ in range(4):
        start = probe.position
        for _ in range(5):
            probe.step(key)
        probe.wait()
        east, _, south = probe.position - start
        if np.hypot(east, south) > 0.5:
            # Minecraft's yaw is 0 to the south and 90 to the west.
            angle = wrapped(float(np.degrees(np.arctan2(-east, south))) - probe.yaw)
            if _near(angle, expected):
                return angle
        probe.turn(yaw=90.0)
    return angle


def jumping(probe: Probe) -> Finding:
    """How high the feet get with `jump`."""
    probe.wait(20)
    start = probe.position[1]
    heights = []
    for _ in range(8):
        probe.step("jump")
        heights.append(probe.position[1] - start)
    probe.wait(20)
    return Finding(f"up by {max(heights):.2f} blocks", 0.1 < max(heights) < 2.0)


def time_of_turn(probe: Probe) -> Finding:
    """Which frame first shows a turn."""
    return _time(probe, [probe.wait(12), probe.step(yaw=25.0)], least=0.02)


def time_of_key(probe: Probe) -> Finding:
    """Which frame first shows a key of the hotbar."""
    probe.step("hotbar.2")
    return _time(probe, [probe.wait(12), probe.step("hotbar.6")], least=0.005, **_HOTBAR)


def time_of_screen(probe: Probe) -> Finding:
    """Which frame first shows the inventory, and which info."""
    still = probe.wait(12)
    frames, told = [still, probe.step("inventory")], [probe.screen_open]
    for _ in range(4):
        frames.append(probe.step())
        told.append(probe.screen_open)
    probe.step("inventory")
    probe.wait()
    first = told.index(True) + 1 if True in told else None
    shown = first_change(frames, least=0.02)
    return Finding(f"picture: {_frame(shown)}; isGuiOpen: {_frame(first)}", shown == first == 1)


def _time(probe: Probe, frames: list[Frame], *, least: float, **where: slice) -> Finding:
    """Which of the frames from the one at which an action was taken first shows it."""
    frames = [*frames, *(probe.step() for _ in range(4))]
    shown = first_change(frames, least=least, **where)
    return Finding(_frame(shown), shown == 1)


def _frame(number: int | None) -> str:
    return "none of five frames" if number is None else f"frame i + {number}"


def screen_opens(probe: Probe) -> Finding:
    """The key `inventory`, pressed twice."""
    told, before = [probe.screen_open], probe.wait()
    probe.step("inventory")
    opened = changed(before, probe.wait())
    told.append(probe.screen_open)
    probe.step("inventory")
    closed = changed(before, probe.wait())
    told.append(probe.screen_open)
    text = f"isGuiOpen {', '.join(map(str, told))}; {opened:.0%} of the picture changed, {closed:.0%} once closed"
    return Finding(text, told == [False, True, False] and opened > 0.1 and opened > 2.0 * closed)


def view_stays(probe: Probe) -> Finding:
    """The view while the camera moves the cursor."""
    probe.wait(12)
    before = (probe.pitch, probe.yaw)
    probe.step("inventory")
    probe.wait()
    probe.turn(pitch=10.0, yaw=30.0)
    turned = (probe.pitch - before[0], wrapped(probe.yaw - before[1]))
    return Finding(f"pitch {turned[0]:+.1f}, yaw {turned[1]:+.1f}", max(map(abs, turned)) < 0.1)


def cursor(probe: Probe) -> Finding:
    """Where the cursor goes for a turn to the right, by the picture: it is bright, and beside the window."""
    probe.step("inventory")
    probe.turn(yaw=30.0)
    differences = []
    for _ in range(3):
        before = probe.frame
        differences.append(grey(probe.turn(yaw=6.0)) - grey(before))
        probe.turn(yaw=-6.0)
    left = _column(-np.max(differences, axis=0))
    came = _column(np.min(differences, axis=0))
    if left is None or came is None:
        return Finding("no cursor that moves is seen beside the window", False)
    moved = came - left
    return Finding(f"{_way(moved, 'right', 'left')} of the width for 6 degrees", 0.75 * CURSOR < moved < 1.25 * CURSOR)


def _column(brighter: Grey) -> float | None:
    """The middle column of what became brighter each time, as a share of the width; the window is left out."""
    width = brighter.shape[1]
    brighter[:, round(0.35 * width) : round(0.65 * width)] = 0.0
    columns = np.nonzero(brighter > 40.0)[1]
    return float(np.median(columns)) / width if len(columns) else None


def given_inventory(probe: Probe) -> Finding:
    """The reset option `inventory`."""
    try:
        probe.reset(options={"inventory": dict(INVENTORY)})
    except (ValueError, TypeError) as error:
        raise CheckSkipped(f"the environment does not take it: {error}") from None
    probe.wait()
    counts = probe.inventory
    found = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
    return Finding(found, counts == INVENTORY)


def hotbar_keys(probe: Probe) -> Finding:
    """The item in hand with each of the first two slots."""
    held = []
    for key in ("hotbar.1", "hotbar.2", "hotbar.1"):
        probe.step(key)
        probe.wait()
        held.append(probe.held)
    first, second = INVENTORY
    return Finding(", ".join(held), held == [first, second, first])


def dropping(probe: Probe) -> Finding:
    """The key `drop` with the first item in hand, pressed once."""
    probe.step("hotbar.1")
    probe.wait()
    before = probe.inventory
    probe.step("drop")
    probe.wait(2)
    after = probe.inventory
    changes = {name: after.get(name, 0) - count for name, count in before.items() if after.get(name, 0) != count}
    found = ", ".join(f"{change:+d} {name}" for name, change in changes.items()) or "nothing changed"
    return Finding(found, changes == {next(iter(INVENTORY)): -1})


def first_reset(probe: Probe) -> Finding:
    """The first reset, and a few steps."""
    probe.reset()
    probe.wait()
    return Finding(f"{probe.reset_seconds[0]:.1f} s")


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
