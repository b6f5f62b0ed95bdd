"""A stand-in for MineRL: its Python surface and its faults, as far as `env/minerl/worker.py` meets them.

It is written anew and runs in any Python with numpy. What is played behind it, and what goes wrong when, comes from a
file of settings that the environment variable `GHOSTKEYS_FAKE` names; `tests/fakes/standin.py` writes it.
"""
