import torch

from generator.noise import Noise
from learning.distributed import Share


def noise(*share: int) -> Noise:
    return Noise(torch.Generator().manual_seed(0), Share(*share))


def test_processes_with_half_a_batch_each_draw_what_one_draws() -> None:
    def drawn(one: Noise, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        return one.uniform(count), one.normal((count, 3, 2))

    whole, halves = drawn(noise(), 4), [drawn(noise(rank, 2), 2) for rank in range(2)]
    for number in range(2):
        assert torch.equal(whole[number], torch.cat([half[number] for half in halves]))


def test_a_portion_is_the_same_members_for_one_process_as_for_three() -> None:
    whole = noise().spread(9, 0.4)
    assert len(whole) == 3
    assert whole == [3 * rank + n for rank in range(3) for n in noise(rank, 3).spread(3, 0.4)]
    assert noise().spread(4, 0.0) == []
    assert noise().spread(4, 1.0) == [0, 1, 2, 3]
