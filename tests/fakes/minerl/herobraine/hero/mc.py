"""Minecraft's names, as far as they matter here."""

KEYS = (
    *("ESC", "attack", "back", "drop", "forward", *(f"hotbar.{slot}" for slot in range(1, 10))),
    *("inventory", "jump", "left", "pickItem", "right", "sneak", "sprint", "swapHands", "use"),
)
"""MineRL's buttons."""
OTHER_ITEMS = ("air", "diamond_shovel", "netherite_hoe", "music_disc_13")


def _all_items() -> list[str]:
    from minerl.settings import read_settings

    if read_settings().world != "embedded":
        return [*OTHER_ITEMS, "oak_log", "oak_planks", "cobblestone"]
    from env.voxel.observation import ITEM_NAMES

    return sorted({*OTHER_ITEMS, *ITEM_NAMES})


ALL_ITEMS = _all_items()
