import numpy as np

from env.actions import BUTTONS
from env.video.overlay import PRESSED, WRONG, draw_controls


def _count(strip: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(strip.astype(int) - colour).max(axis=-1) < 4).sum())


def test_every_button_lights_its_own_key() -> None:
    """Two different buttons never look the same."""
    at_rest = np.zeros(2)
    strips = [draw_controls(np.arange(len(BUTTONS)) == index, at_rest) for index in range(len(BUTTONS))]
    assert strips[0].shape == (124, 640, 3)
    assert len({strip.tobytes() for strip in strips}) == len(BUTTONS)


def test_a_wrong_key_is_framed() -> None:
    none = np.zeros(len(BUTTONS), bool)
    jump = np.array([name == "jump" for name in BUTTONS])
    assert _count(draw_controls(none, np.zeros(2), truth=none), WRONG) == 0
    assert _count(draw_controls(none, np.zeros(2), truth=jump), WRONG) > 0


def test_the_mouse_points_where_it_moved() -> None:
    """A turn to the right draws to the right of the pad's centre, looking down draws below it."""
    none = np.zeros(len(BUTTONS), bool)

    def centre_of_mass(camera: tuple[float, float]) -> list[float]:
        mask = np.abs(draw_controls(none, np.array(camera)).astype(int) - PRESSED).max(axis=-1) < 4
        return [float(x) for x in np.argwhere(mask).mean(axis=0)]

    assert centre_of_mass((0.0, 8.0))[1] > centre_of_mass((0.0, -8.0))[1] + 10
    assert centre_of_mass((8.0, 0.0))[0] > centre_of_mass((-8.0, 0.0))[0] + 10
