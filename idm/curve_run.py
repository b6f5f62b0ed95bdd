"""`idm curve`: trains a model for each amount of play and seed, and measures it, where that is not yet done."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
import yaml
from lightning.pytorch.cli import LightningArgumentParser

from env.errors import GhostkeysError, UsageError
from env.files import atomic_path
from env.recordings.keys import KeyTable
from env.recordings.recording import find_recordings
from idm.config import IDMConfig
from idm.curve import ARMS, BOTH, CLONING, FIGURES, PAST, Curve, Model, Point
from idm.datamodule import IDMDataModule
from idm.evaluation import evaluate
from idm.labelled_play import LabelledPlay, first_minutes, ticks_of
from idm.model import load, motion_features
from idm.module import IDMModule
from learning.checkpoint import read_metadata
from learning.data import EpisodeSet, load_episodes
from learning.devices import choose_device
from learning.runs import fingerprint_recordings, model_settings
from learning.shards import are_shards
from learning.split import session_of
from learning.training import read_training_options, run_training

PROGRAM = "ghostkeys idm curve"
DESCRIPTION = """Tells how good an inverse dynamics model gets with more minutes of labelled play: trains one for each
amount with the settings of `idm fit`, measures all on the same held-out recordings, and extrapolates to more play. An
amount is the beginning of the play in an order that the seed makes, so that each holds the smaller ones."""
CURVE_FILE = "curve.json"
SETTINGS_FILE = "settings.yaml"
SHOWN = 4
"""Sessions that an error names one by one."""


@dataclass(frozen=True)
class Options:
    """What `idm curve` takes beside the options of `idm fit`."""

    heldout: Path
    minutes: tuple[float, ...]
    seeds: tuple[int, ...]
    steps_per_minute: float | None
    arms: tuple[str, ...]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From what was typed. Raises UsageError."""
        minutes = _numbers("--minutes", given["minutes"], float, least=1 / 60)
        seeds = _numbers("--seeds", given["seeds"], int, least=0)
        rate = given["steps_per_minute"]
        if rate is not None and not rate > 0:
            raise UsageError(f"--steps-per-minute {rate:g}: expected a number above 0.")
        return cls(
            Path(given["heldout"]),
            minutes,
            seeds,
            rate,
            (BOTH, *(arm for arm in (PAST, CLONING) if given[_option(arm)])),
        )


def add_options(parser: LightningArgumentParser) -> None:
    """The options of `Options`, for a parser of `idm fit`."""
    parser.description = DESCRIPTION
    for action in parser._actions:
        if action.dest == "resume":
            action.help = "Refused: all models of a curve have the same settings and recordings."
        elif action.dest == "seed_everything":
            action.help = "Not used: --seeds says it."
    parser.add_argument(
        "--heldout",
        type=Path,
        required=True,
        help="Folder of recordings of other sessions, to measure every model on.",
    )
    parser.add_argument(
        "--minutes",
        type=str,
        required=True,
        help="Minutes of labelled play, such as 5,10,20: a model for each.",
    )
    parser.add_argument(
        "--seeds",
        type=str,
        default="0",
        help="Such as 0,1: a model for each. A seed orders the recordings, too.",
    )
    parser.add_argument(
        "--steps-per-minute",
        type=float | None,
        default=None,
        help="Steps to train for each minute of play; by default each model trains for --trainer.max-steps.",
    )
    parser.add_argument(
        "--past-only",
        action="store_true",
        help="Also trains each model without any frame after the one that shows the action's result.",
    )
    parser.add_argument(
        "--cloning",
        action="store_true",
        help="Also trains each model without any frame after the action: behavioural cloning with the same network.",
    )


def measure_curve(args: Sequence[str]) -> tuple[Curve, int]:
    """Trains and measures what is not yet there. Returns the curve so far and the exit status, that of `run_training`.

    Raises GhostkeysError for options, recordings, or an earlier curve that do not go together.
    """
    settings, more = read_training_options(
        IDMModule,
        IDMDataModule,
        args,
        kind="idm",
        program=PROGRAM,
        needs="--data.root FOLDER --heldout FOLDER --minutes 5,10,20 --output FOLDER",
        add=add_options,
    )
    return _CurveRun(settings, Options.of(more)).run()


class _CurveRun:
    """One start of the command."""

    def __init__(self, settings: dict[str, Any], options: Options) -> None:
        self.settings = settings
        self.options = options
        self.output = Path(settings["output"])
        self.data = settings["data"]
        _check_settings(settings, options)
        self.network = _network(settings)
        self.networks = {arm: _network_of(arm, self.network) for arm in options.arms}
        self.device = _device(settings["trainer"]["accelerator"])
        self.keys = None if self.data["keys"] is None else KeyTable.read(Path(self.data["keys"]))
        self.play = self._play()
        self.curve = self._goes_on()
        self.heldout = EpisodeSet(())

    def run(self) -> tuple[Curve, int]:
        self.output.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.output / SETTINGS_FILE) as temporary:
            temporary.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        missing = [model for model in self._wanted() if not self._is_measured(model)]
        if missing:
            self.heldout = self._load_heldout()  # before hours of training, should none of it be readable
        for model in missing:
            status = run_training(
                IDMModule,
                first_minutes(self.play, model.minutes),
                self._arguments(model),
                kind="idm",
                program=PROGRAM,
            )
            if status:
                return self.curve, status
            self._measure(model)
        return self.curve, 0

    def _wanted(self) -> Iterator[Model]:
        """The models; all amounts of one seed come before the next seed."""
        for seed in self.options.seeds:
            for minutes in self.options.minutes:
                for arm in self.options.arms:
                    yield Model(arm, minutes, seed)

    def _is_measured(self, model: Model) -> bool:
        return any(point.model == model for point in self.curve.points)

    def _arguments(self, model: Model) -> list[str]:
        """Those of `idm fit` for one model."""
        args = ["--config", str(self.output / SETTINGS_FILE), "--output", str(self.output / model.folder)]
        args += ["--seed_everything", str(model.seed), "--data.seed", str(model.seed)]
        args += ["--trainer.max_steps", str(self._steps(model.minutes))]
        # Also where --init-from brings a network of its own: options on the command line came behind that.
        return [*args, f"--model.network={json.dumps(self.networks[model.arm].to_dict())}"]

    def _steps(self, minutes: float) -> int:
        rate = self.options.steps_per_minute
        return int(self.settings["trainer"]["max_steps"]) if rate is None else max(1, round(rate * minutes))

    def _play(self) -> LabelledPlay:
        play = LabelledPlay(
            Path(self.data["root"]),
            size=self.network.frame_size,
            interpolation=self.network.interpolation,
            kind=self.data["kind"],
            keys=self.keys,
            cache=None if self.data["cache"] is None else Path(self.data["cache"]),
            cache_gb=self.data["cache_gb"],
            features=motion_features(self.network).to(self.device) if self.network.has_motion else None,
        )
        most = max(self.options.minutes)
        if sum(play.lengths) < ticks_of(most):
            raise GhostkeysError(
                f"--minutes {most:g}: {play.root} has {play.minutes:.1f} minutes of labelled play; "
                "expected no more than that."
            )
        return play

    def _goes_on(self) -> Curve:
        """The curve that the output folder holds, or an empty one. Raises GhostkeysError if that is another."""
        kind = self.data["kind"]
        held = find_recordings(self.options.heldout, kind=kind)
        _check_sessions(self.play.paths, held, self.options.heldout)
        common = model_settings(self.settings)
        common = {name: value for name, value in common.items() if name not in ("seed_everything", "data.seed")}
        rate = self.options.steps_per_minute
        common["steps"] = self.settings["trainer"]["max_steps"] if rate is None else f"{rate:g} a minute"
        here = Curve(
            common,
            fingerprint_recordings(self.data["root"], kind),
            fingerprint_recordings(str(self.options.heldout), kind),
        )
        there = Curve.read(self.output / CURVE_FILE)
        if there is None:
            return here
        differences = there.differences(here)
        if differences:
            raise GhostkeysError(
                f"{self.output} has a curve of other settings or recordings: {'; '.join(differences)}. "
                "Its points cannot be compared with these: choose another --output."
            )
        return there if there.heldout == here.heldout else here  # else the models stay, and are measured anew

    def _measure(self, model: Model) -> None:
        """Adds a model to the curve."""
        folder = self.output / model.folder
        evaluation = evaluate(load(folder).to(self.device), self.heldout)
        figures = {}
        for name, path in FIGURES.items():
            found: Any = evaluation.measured["model"]
            for step in path:
                found = found[step]
            figures[name] = {key: found[key] for key in ("value", "low", "high")}
        point = Point(model, int(read_metadata(folder)["steps"]), figures)
        self.curve = replace(self.curve, intervals=evaluation.bootstrap.note(), points=(*self.curve.points, point))
        self.curve.write(self.output / CURVE_FILE)

    def _load_heldout(self) -> EpisodeSet:
        return load_episodes(
            self.options.heldout,
            size=self.network.frame_size,
            interpolation=self.network.interpolation,
            cache=self.data["cache"] or self.options.heldout / ".frames",
            cache_gb=self.data["cache_gb"],
            kind=self.data["kind"],
            keys=self.keys,
        )


def _numbers(option: str, text: str, kind: type[Any], *, least: float) -> tuple[Any, ...]:
    """Different numbers between commas, in order of size. Raises UsageError."""
    try:
        numbers = {kind(word) for word in text.split(",")}
    except ValueError:
        numbers = set()
    if not numbers or not all(least <= number < float("inf") for number in numbers):
        wanted = "whole numbers from 0 on, such as 0,1" if kind is int else "minutes, such as 5,10,20"
        raise UsageError(f"{option} {text}: expected {wanted}.")
    return tuple(sorted(numbers))


def _check_settings(settings: Mapping[str, Any], options: Options) -> None:
    """Raises UsageError or GhostkeysError for options of `idm fit` that do not go with a curve."""
    data, trainer = settings["data"], settings["trainer"]
    if settings["resume"]:
        raise UsageError("--resume trains on what had other settings, which is no point of a curve; leave it out.")
    if data["validation_root"] is not None:
        raise UsageError(
            "--data.validation_root: each model is calibrated on the end of its own minutes, --data.validation_share "
            "of them, and measured on --heldout; leave it out."
        )
    if data["frames"] == "stream" or are_shards(data["root"]):
        raise UsageError(f"{data['root']}: idm curve decodes recordings beforehand; expected a folder of recordings.")
    if (str(trainer["devices"]), str(trainer["num_nodes"])) != ("1", "1"):
        raise UsageError(
            f"--trainer.devices {trainer['devices']}, --trainer.num_nodes {trainer['num_nodes']}: idm curve trains one "
            "model after the other on one device; expected 1 and 1."
        )


def _check_sessions(training: Sequence[Path], heldout: Sequence[Path], folder: Path) -> None:
    """Raises GhostkeysError if a session of play is in both."""
    sessions = [{session_of(path.name.partition(".")[0]) for path in paths} for paths in (training, heldout)]
    both = sorted(sessions[0] & sessions[1])
    if both:
        named = ", ".join(both[:SHOWN]) + (", …" if len(both) > SHOWN else "")
        raise GhostkeysError(
            f"{folder} has {len(both)} sessions of play that are trained on as well ({named}); expected others: "
            "the figures must be of play that no model has seen."
        )


def _network(settings: Mapping[str, Any]) -> IDMConfig:
    try:
        return IDMConfig.from_dict(settings["model"]["network"])
    except ValueError as error:
        raise UsageError(f"these settings do not go together: {error}") from None


def _network_of(arm: str, network: IDMConfig) -> IDMConfig:
    try:
        return replace(network, **ARMS[arm])
    except ValueError as error:
        raise UsageError(f"--{_option(arm).replace('_', '-')}: {error}") from None


def _option(arm: str) -> str:
    """The name of the option that asks for an arm."""
    return arm.replace(" ", "_")


def _device(accelerator: str) -> torch.device:
    """The device of a trainer's accelerator, to measure on."""
    return choose_device({"cpu": "cpu", "cuda": "cuda", "mps": "mps"}.get(accelerator, "auto"))
