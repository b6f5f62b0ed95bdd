"""Minecraft through MineRL 1.0, which runs in a Python and in processes of its own."""
