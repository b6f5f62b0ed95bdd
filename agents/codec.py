"""Between actions and the joint classes that a policy predicts (VPT: 8641 for the buttons, 121 for the camera)."""

import numpy as np
from numpy.typing import NDArray

from env.actions import Actions
from env.camera import CameraQuantizer
from env.mapping import JointMapping


class JointCodec:
    """Turns `Actions` into a button index and a camera index per tick, and back.

    Half of the button classes say "the camera moves"; only with those does the camera index mean anything.
    """

    def __init__(self) -> None:
        self.mapping = JointMapping()
        self.quantizer = CameraQuantizer()
        self.button_count = self.mapping.button_count
        self.camera_count = self.mapping.camera_count
        self.inventory = self.mapping.inventory

    def encode(self, actions: Actions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Actions of T ticks to (button_index (T,), camera_index (T,))."""
        buttons, camera = self.mapping.encode(actions.buttons, self.quantizer.encode(actions.camera))
        return buttons, camera

    def decode(self, button_index: NDArray[np.int64], camera_index: NDArray[np.int64]) -> Actions:
        """Indices (T,) to actions; without the camera bit, and with the inventory key, the camera stays where it is."""
        inventory = button_index == self.inventory
        buttons, bins = self.mapping.decode(button_index, np.where(inventory, self.mapping.null_camera, camera_index))
        return Actions(buttons, self.quantizer.decode(bins))

    def camera_classes(self) -> NDArray[np.bool_]:
        """(8641,) which button classes carry the camera bit: the odd ones, but not the inventory key."""
        index = np.arange(self.button_count)
        return np.asarray((index % 2 == 1) & (index < self.inventory))
