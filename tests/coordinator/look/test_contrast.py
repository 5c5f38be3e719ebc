"""Colours of text and controls keep the contrast of WCAG 2.2 AA (1.4.3: 4.5:1, 1.4.11: 3:1)."""

import re

import pytest

from tests.coordinator.look.gallery import ROOT

TOKENS = (ROOT / "static/css/tokens.css").read_text(encoding="utf-8")
COLOURS = dict(re.findall(r"(--[a-z0-9-]+):\s*(#[0-9a-f]{6})\b", TOKENS.split('[data-role="worker"]')[0]))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def ratio(a: str, b: str) -> float:
    """Contrast ratio, 1 to 21."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TEXT = [
    *[
        (ink, ground)
        for ink in ("--ink", "--ink-2", "--ink-3", "--brand-700", "--overdue")
        for ground in ("--surface", "--page", "--sunken", "--brand-50", "--brand-100")
    ],
    *[(f"--{s}", f"--{s}-bg") for s in ("due", "soon", "met", "overdue", "waived", "blocked")],
    *[(f"--{s}", "--surface") for s in ("due", "soon", "met", "overdue", "waived", "blocked", "warm-700")],
    ("--warm-700", "--page"),
    ("--seal", "--paper"),
    ("--ink-2", "--paper"),
]
ON_WHITE = [f"--route-{n}" for n in range(1, 7)] + [
    "--brand-700",
    "--brand-800",
    "--brand-900",
    "--danger",
    "--danger-deep",
    "--overdue",
    "--ink",
]


@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_is_readable(text: str, ground: str) -> None:
    assert ratio(COLOURS[text], COLOURS[ground]) >= 4.5


@pytest.mark.parametrize("fill", ON_WHITE)
def test_white_text_on_fills_is_readable(fill: str) -> None:
    assert ratio(COLOURS[fill], "#ffffff") >= 4.5


@pytest.mark.parametrize("ground", ["--surface", "--page", "--sunken"])
def test_control_edges_are_visible(ground: str) -> None:
    assert ratio(COLOURS["--line-strong"], COLOURS[ground]) >= 3


def test_ratio_agrees_with_the_standard() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
