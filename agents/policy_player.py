"""A trained policy that plays: frames in, sampled actions out, the memory of every episode in between."""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.codec import JointCodec
from agents.policy import Policy
from env.video.pictures import resize


class PolicyPlayer:
    """Plays several episodes as one batch, each with its own random numbers.

    A temperature below 1 makes the sampled actions more certain; 0 always takes the likeliest.
    """

    def __init__(self, policy: Policy, *, temperature: float = 1.0) -> None:
        if temperature < 0:
            raise ValueError(f"temperature must be 0 or more, not {temperature}")
        self.policy = policy.eval()
        self.device = next(policy.parameters()).device
        self.temperature = temperature
        self.codec = JointCodec()
        self.generators: list[np.random.Generator] = []
        self.slots: list[int] = []

    def reset(self, envs: Sequence[gymnasium.Env[Any, Any]], seeds: Sequence[int]) -> None:
        """Starts one episode per environment."""
        self.generators = [np.random.default_rng(seed) for seed in seeds]
        self.slots = list(range(len(envs)))
        self.state = self.policy.initial_state(len(envs))
        self.first = True

    @torch.inference_mode()
    def act(self, observations: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Samples an action for each episode that still runs; those missing are forgotten."""
        self._keep(list(observations))
        frames = np.stack([self._shrink(observation["pov"]) for observation in observations.values()])
        first = torch.full((len(frames), 1), self.first, device=self.device)
        output, self.state = self.policy(torch.from_numpy(frames)[:, None].to(self.device), self.state, first)
        self.first = False
        buttons = self._sample(output.button_log_probs[:, 0].cpu())
        camera = self._sample(output.camera_log_probs[:, 0].cpu())
        return dict(zip(self.slots, self.codec.decode(buttons, camera).to_minerl(), strict=True))

    def _shrink(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture as the policy sees it."""
        return resize(picture, self.policy.config.size, interpolation=self.policy.config.interpolation)

    def _keep(self, slots: list[int]) -> None:
        """Drops the memory of the episodes that have ended."""
        if slots != self.slots:
            self.state = self.state.select([self.slots.index(slot) for slot in slots])
            self.slots = slots

    def _sample(self, log_probs: Tensor) -> NDArray[np.int64]:
        """One class for each row of (B, classes), drawn with the row's own generator."""
        if self.temperature == 0:
            return np.asarray(log_probs.argmax(-1).numpy(), np.int64)
        weights = torch.softmax(log_probs.double() / self.temperature, -1).cumsum(-1).numpy()  # (B, classes)
        draws = [self.generators[slot].random() * row[-1] for slot, row in zip(self.slots, weights, strict=True)]
        found = [np.searchsorted(row, draw, side="right") for row, draw in zip(weights, draws, strict=True)]
        return np.array(found, np.int64).clip(max=weights.shape[1] - 1)
