"""The main job from end to end, as small as it goes: every command of the demo, once, through the real command line."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from env import Recording
from env.video.frames import probe
from ghostkeys import main
from labelling import read_labels
from tests.unit.labelling.studio.cdp import CHROMIUM, browser

ROOT = Path(__file__).parents[2]
CARD = {"class": "card"}

pytestmark = pytest.mark.timeout(600)  # whichever test comes first waits for every stage


def ghostkeys(*words: str | Path) -> int:
    """Runs a command line; a word with spaces in it is several."""
    return main([part for word in words for part in (word.split() if isinstance(word, str) else [str(word)])])


def tiny(package: str) -> Path:
    return ROOT / package / "configs" / "tiny.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings of two players, half a minute in all."""
    folder = tmp_path_factory.mktemp("run")
    common = "record --player scripted --minutes 0.25 --episode_ticks 150 --workers 1 --size 90 160"
    assert ghostkeys(common, "--style explorer --seed 1 --output", folder / "labelled") == 0
    assert ghostkeys(common, "--style gatherer --seed 2 --output", folder / "unlabelled") == 0
    for name in ("heldout", "heldout-everyday"):
        (folder / name).symlink_to(folder / "labelled")
    (folder / "heldout-gatherer").symlink_to(folder / "unlabelled")
    return folder


@pytest.fixture(scope="module")
def reported(run: Path) -> Path:
    """The folder after every stage; each takes what the one before wrote, and the report what all of them wrote."""
    idm, labels, policy, generator = (run / name for name in ("idm", "labels", "policy-pseudo-labels", "generator"))
    brief = "--trainer.accelerator cpu --trainer.log_every_n_steps 1 --trainer.val_check_interval 1 --trainer.max_steps"

    assert ghostkeys("idm fit --config", tiny("idm"), "--data.root", run / "labelled", "--output", idm, brief, "2") == 0
    assert (
        ghostkeys("idm validate --checkpoint", idm, "--data.root", run / "heldout", "--json", idm / "scores.json") == 0
    )

    settings = ("--fps native --workers 1 --low-confidence 0 --checkpoint", idm, "--output")
    assert ghostkeys("label", run / "unlabelled", *settings, labels, "--json", run / "label.json") == 0
    assert ghostkeys("label", run / "heldout", *settings, run / "labels-heldout") == 0
    (run / "labels-heldout-everyday").symlink_to(run / "labels-heldout")
    (run / "labels-heldout-gatherer").symlink_to(labels)
    videos = sorted((run / "unlabelled").glob("*.mp4"))
    rows = [read_labels(labels / f"{video.stem}.labels.parquet").num_rows for video in videos]
    assert rows == [len(Recording.open(video)) for video in videos]

    validated = ("--data.validation_root", run / "heldout-gatherer", brief)
    assert (
        ghostkeys("agent fit --config", tiny("agents"), "--data.root", labels, "--output", policy, *validated, "2") == 0
    )
    episodes = "--env ghostkeys/Voxel-v0 --episodes 2 --seed 3 --max-ticks 20 --workers 1"
    result, videos_of = run / "evaluate" / "pseudo-labels.json", run / "videos"
    clips = ("--video", videos_of / "pseudo-labels.mp4", "--video-failure", videos_of / "pseudo-labels-failure.mp4")
    assert ghostkeys("evaluate --agent", policy, episodes, "--json", result, *clips) == 0
    assert [probe(clip).frames for clip in clips[1::2]] == [20, 20]

    trained = ("--data.root", labels, "--output", generator, "--model.vae_steps 2")
    assert ghostkeys("generator fit --config", tiny("generator"), *trained, *validated, "4") == 0
    scored = ("--data.root", run / "heldout", "--json", generator / "scores.json")
    assert ghostkeys("generator validate --clips 4 --pairs 2 --checkpoint", generator, *scored) == 0
    sampled = ("--actions 5*forward --start", videos[0], "--output", run / "dream.mp4")
    assert ghostkeys("generator sample --checkpoint", generator, *sampled) == 0
    assert probe(run / "dream.mp4").frames == 5

    for name in ("labelled-only", "true-actions", "random", "scripted"):  # as if they had been played, too
        shutil.copy(result, run / "evaluate" / f"{name}.json")
        shutil.copy(clips[-1], videos_of / f"{name}-failure.mp4")
    for name in ("labelled-only", "true-actions"):
        (run / f"policy-{name}").symlink_to(policy)
    win(run / "evaluate" / "scripted.json", episodes=(1,))
    win(run / "evaluate" / "pseudo-labels.json", run / "evaluate" / "pseudo-labels-seed1.json", episodes=(0, 1))
    shutil.copy(clips[-1], videos_of / "scripted.mp4")
    (run / "stages").mkdir()
    (run / "stages" / "idm.fit.seconds").write_text("3\n4\n")
    (run / "settings").write_text("quick-1\n")
    subprocess.run([sys.executable, ROOT / "scripts" / "report.py", run], check=True)
    return run


def win(source: Path, target: Path | None = None, *, episodes: Sequence[int]) -> None:
    """Rewrites an evaluation's result, with a log at tick 8 in these episodes."""
    document = json.loads(source.read_text())
    for number in episodes:
        document["results"][number]["milestones"] = {"log": 8}
    (target or source).write_text(json.dumps(document))


def test_the_report_holds_every_promised_figure(reported: Path) -> None:
    assert_promised(json.loads((reported / "report.json").read_text()))


def test_successes_are_pooled_over_training_seeds(reported: Path) -> None:
    """Two of four episodes, with Wilson's interval for them; those of each seed stand beside."""
    policy = json.loads((reported / "report.json").read_text())["policy"]
    pooled = policy["pseudo_labels"]
    assert (pooled["successes"], pooled["episodes"], pooled["log_rate"]) == (2, 4, 0.5)
    assert (pooled["log_rate_low"], pooled["log_rate_high"]) == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert [(seed["successes"], seed["episodes"]) for seed in pooled["seeds"]] == [(0, 2), (2, 2)]
    assert (policy["scripted"]["successes"], len(policy["scripted"]["seeds"])) == (1, 1)


def test_labels_of_heldout_play_are_scored_by_style(reported: Path) -> None:
    """The gatherer's held-out play is the unlabelled set here, so that the scores of both must agree."""
    labels = json.loads((reported / "report.json").read_text())["labels"]
    heldout = labels["heldout"]
    assert heldout["gatherer"]["ticks"] == labels["frames"] == 300
    assert heldout["gatherer"]["macro_f1"] == labels["macro_f1"]
    assert heldout["gatherer"]["camera_r2_yaw"] == labels["camera_r2_yaw"]
    assert heldout["explorer"]["macro_f1"] != labels["macro_f1"]
    assert heldout["explorer"]["baselines"]["always_off"]["macro_f1"] == 0.0


@dataclass
class Element:
    """A tag of a page: its attributes, the text in it, and the tags around it from the outermost."""

    tag: str
    attributes: dict[str, str | None]
    around: list["Element"]
    text: str = ""


class Elements(HTMLParser):
    """All tags of a page, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Element] = []
        self.open: list[Element] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), list(self.open))
        self.found.append(element)
        if tag not in {"meta", "img", "br", "link"}:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(Element(tag, dict(attrs), list(self.open)))

    def handle_endtag(self, tag: str) -> None:
        while self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += f" {data}"

    def named(self, *tags: str) -> list[Element]:
        return [element for element in self.found if element.tag in tags]


@pytest.fixture(scope="module")
def elements(reported: Path) -> Elements:
    return Elements((reported / "report.html").read_text())


def text_of(elements: Elements) -> str:
    """What a reader of the page sees, with single spaces."""
    return " ".join(elements.named("main")[0].text.split())


def test_the_first_lines_say_who_plays_and_where(elements: Elements) -> None:
    first = " ".join(elements.named("p")[0].text.split())
    assert first.startswith("A scripted player plays an embedded voxel world")
    assert "no person played" in first
    assert "not Minecraft" in first


@pytest.mark.parametrize("claim", ["ceiling", "upper bound", "sharp", "keyboard and mouse", "dream", "<built-in"])
def test_the_page_claims_nothing_it_does_not_show(elements: Elements, claim: str) -> None:
    assert claim not in text_of(elements).lower()


def test_the_page_names_the_unlabelled_set_where_a_figure_is_of_it(elements: Elements) -> None:
    """Every speed is of the bulk run; the unlabelled set's own scores have a line of theirs."""
    (card,) = [each.text for each in elements.named("div") if "real time" in each.text and each.attributes == CARD]
    assert "unlabelled set in bulk (300 frames)" in card
    rows = [" ".join(row.text.split()) for row in elements.named("tr") if "gatherer" in row.text]
    assert [row.split(" 300 ")[0] for row in rows] == ["held-out play, gatherer", "the unlabelled set itself, gatherer"]
    assert "gatherer-000002" in elements.named("video")[0].attributes["title"]  # type: ignore[operator]


def test_every_video_has_a_title_and_a_caption_and_keeps_quiet(elements: Elements) -> None:
    videos = elements.named("video")
    assert len(videos) == 7  # the labelled one, five failures, one success
    for video in videos:
        assert video.attributes["title"] == video.attributes["aria-label"] != ""
        assert {"muted", "playsinline", "controls", "width", "height"} <= video.attributes.keys()
        assert video.around[-1].tag == "figure"
        assert len(video.around[-1].text.split()) > 5
    assert len({video.attributes["title"] for video in videos}) == 7


def test_clips_tell_that_they_are_the_first_of_their_kind(elements: Elements) -> None:
    """Two for each player, the success before the failure; one that does not exist is said to be missing."""
    captions = [" ".join(each.text.split()) for each in elements.named("figcaption") if "episode" in each.text]
    assert "scripted: its first success, episode 2 of 2; a log after 0.4 seconds." in captions
    assert "scripted: its first failure, episode 1 of 2; no log in 1.0 seconds." in captions
    assert "random: no success in 2 episodes." in captions
    assert "A policy's clips are those of its first training seed." in text_of(elements)
    assert "random: its first failure, episode 1 of 2; no log in 1.0 seconds." in captions


def test_every_chart_says_what_it_shows(elements: Elements) -> None:
    charts = elements.named("svg")
    assert len(charts) == 9
    titles = [each.text.strip() for each in elements.named("title") if each.around[-1].tag == "svg"]
    assert [chart.attributes["aria-label"] for chart in charts] == titles
    assert all(chart.attributes["role"] == "img" for chart in charts)
    assert len(set(titles)) == 9
    assert "pseudo-labels 50% (15% to 85%)" in next(title for title in titles if title.startswith("Episodes"))
    assert [title.split(":")[0] for title in titles if "validation" in title] == [
        "Training the inverse dynamics model",
        "Training the autoencoder",
        "Training the transformer",
    ]
    ids = [element.attributes["id"] for element in elements.found if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert all(image.attributes["alt"] for image in elements.named("img"))


def test_headings_leave_out_no_level(elements: Elements) -> None:
    levels = [int(heading.tag[1]) for heading in elements.named("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_wide_things_scroll_within_the_page(elements: Elements) -> None:
    """With a name, and by keyboard too."""
    for element in (*elements.named("table"), *elements.named("img")):
        around = element.around[-1].attributes
        assert around["class"] == "scroll"
        assert (around["tabindex"], around["role"]) == ("0", "region")
        assert around["aria-label"]


def luminance(colour: str) -> float:
    """Of #rgb or #rrggbb, as the Web Content Accessibility Guidelines have it."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_lines_stand_out(theme: int) -> None:
    """4.5 to 1 for text, 3 to 1 for what charts draw."""
    template = (ROOT / "scripts" / "report.html.j2").read_text()
    block = re.findall(r":root \{([^}]*)\}", template)[theme]
    colour = dict(re.findall(r"--(\w+):(#\w+)", block))

    def contrast(first: str, second: str) -> float:
        lights = sorted((luminance(colour[first]), luminance(colour[second])), reverse=True)
        return (lights[0] + 0.05) / (lights[1] + 0.05)

    for ground in ("bg", "card"):
        assert all(contrast(text, ground) >= 4.5 for text in ("ink", "soft", "good", "bad"))
        assert all(contrast(line, ground) >= 3.0 for line in ("one", "two", "three", "grey"))


def test_the_pages_figures_are_those_of_the_report(reported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other figures in the report are other figures in the page."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    page = import_module("page").page
    report = json.loads((reported / "report.json").read_text())
    report["seconds"]["total"] = 12345.0
    report["idm"] |= {"macro_f1": 0.123, "camera_r2": 0.456}
    report["labels"] |= {"times_real_time": 789.0, "frames_per_second": 54321.0}
    report["labels"]["heldout"]["gatherer"] |= {"macro_f1": 0.234, "camera_r2_yaw": 0.345}
    report["policy"]["true_actions"] |= {"log_rate": 0.67, "successes": 77, "episodes": 88, "log_rate_high": 0.91}
    report["generator"] |= {"psnr_turning": 33.33, "copy_psnr_turning": 11.11, "left_right_order": 0.43}
    report["generator"]["horizons"]["32"] = {
        "psnr": 44.44,
        "copy_psnr": 22.22,
        "blurred_copy_psnr": 21.21,
        "detail_ratio": 0.57,
    }
    text = text_of(Elements(page(reported, report)))
    expected = (
        "12345",
        "0.12 mean",
        "0.46 of",
        "789 × real time",
        "54,321 frames/s",
        "0.23",
        "0.34",
        "67%",
        "77 of 88",
    )
    shown = (*expected, "to 91%", "+22.2 dB", "43% of", "44.44 dB", "22.22 dB", "21.21 dB", "57% after 32")
    assert [figure for figure in shown if figure not in text] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--seeds", "--seeds needs a number from 1 to 99, not ''"),
        ("--seeds 0", "--seeds needs a number from 1 to 99, not '0'"),
        ("--budget none", "--budget needs a factor above 0, such as 2 or 0.5, not 'none'"),
        ("--quick --budget 0.0", "--budget needs a factor above 0, such as 2 or 0.5, not '0.0'"),
        ("--quik", "there is no option --quik; see bash scripts/demo.sh --help"),
    ],
)
def test_the_demo_refuses_what_it_does_not_know(words: str, message: str) -> None:
    """In a line, before it sets anything up."""
    command = ["bash", str(ROOT / "scripts" / "demo.sh"), *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"demo: {message}\n")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the PATH")
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_the_page_does_not_pan(reported: Path, tmp_path: Path, width: int, height: int) -> None:
    """On a phone as on a desk, the page is as wide as its window, and so is all that does not scroll by itself."""
    outside = f"""[...document.querySelectorAll("main *")]
        .filter(each => !each.closest(".scroll, pre, svg") && each.getBoundingClientRect().right > {width})
        .map(each => each.tagName)"""

    async def look() -> tuple[Any, Any]:
        async with browser(tmp_path / "profile") as page:
            await page.open(f"file://{reported / 'report.html'}")
            screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 800}
            await page.call("Emulation.setDeviceMetricsOverride", **screen)
            await page.until("document.readyState === 'complete' && document.querySelector('main')")
            sizes = "[innerWidth, document.documentElement.scrollWidth, document.body.scrollWidth]"
            return await page.js(sizes), await page.js(outside)

    sizes, wide = asyncio.run(look())
    assert sizes[0] == width
    assert max(sizes) == width  # a scroll bar may take some of it
    assert wide == []


def assert_promised(report: dict[str, Any]) -> None:
    """Every figure that the demo promises is there, as a number."""
    assert report["seconds"]["idm"] == report["seconds"]["total"] == 7
    scores = ("keypress_accuracy", "macro_f1", "camera_r2", "camera_mae_degrees")
    rates = ("log_rate", "log_rate_low", "log_rate_high", "successes", "episodes")
    promised = {
        "seconds": ("record", "idm", "label", "policy", "generator", "evaluate", "total"),
        "idm": scores,
        "labels": ("videos", "frames", "frames_per_second", "times_real_time", "macro_f1", "camera_r2"),
        "generator": ("psnr", "copy_psnr", "psnr_turning", "copy_psnr_turning", "left_right_order"),
    }
    figures = [report[part][name] for part, names in promised.items() for name in names]
    figures += [report["idm"]["baselines"][name][score] for name in ("always_off", "repeat_last") for score in scores]
    players = ("labelled_only", "pseudo_labels", "true_actions", "random", "scripted")
    figures += [report["policy"][player][rate] for player in players for rate in rates]
    heldout = report["labels"]["heldout"]
    figures += [heldout[style][name] for style in ("explorer", "everyday", "gatherer") for name in (*scores, "ticks")]
    ahead = ("psnr", "copy_psnr", "blurred_copy_psnr", "detail_ratio")
    figures += [report["generator"]["horizons"][ticks][name] for ticks in ("1", "32") for name in ahead]
    assert all(isinstance(figure, int | float) for figure in figures)
