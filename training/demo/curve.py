"""The loss curves as a picture, drawn with Pillow alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from training.demo.loop import Point

WIDTH, HEIGHT, MARGIN = 560, 360, 52
INK, FRAME, LINE = (60, 60, 60), (200, 200, 200), (31, 95, 160)
MARKS = 4


def draw_curves(curves: Mapping[str, Sequence[Point]], path: Path) -> None:
    """One panel a curve, side by side: mean loss (nats a token) over tokens seen."""
    picture = Image.new("RGB", (WIDTH * len(curves), HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    for place, (name, points) in enumerate(curves.items()):
        _panel(draw, place * WIDTH, name, points)
    picture.save(path)


def _panel(draw: ImageDraw.ImageDraw, left: int, name: str, points: Sequence[Point]) -> None:
    box = (left + MARGIN, MARGIN, left + WIDTH - MARGIN // 2, HEIGHT - MARGIN)
    most_tokens, most_loss = points[-1].tokens, max(point.loss for point in points)
    for mark in range(MARKS + 1):
        y = box[3] - mark * (box[3] - box[1]) / MARKS
        draw.line([(box[0], y), (box[2], y)], fill=FRAME)
        draw.text((left + 8, y - 6), f"{most_loss * mark / MARKS:.2f}", fill=INK)
        x = box[0] + mark * (box[2] - box[0]) / MARKS
        draw.text((x - 12, box[3] + 8), f"{most_tokens * mark / MARKS / 1e6:.2f}M", fill=INK)
    draw.text((box[0], 14), f"{name}: loss (nats a token), final {points[-1].loss:.3f}", fill=INK)
    draw.text((box[0], HEIGHT - 22), "training tokens", fill=INK)
    line = [
        (box[0] + point.tokens / most_tokens * (box[2] - box[0]), box[3] - point.loss / most_loss * (box[3] - box[1])) for point in points
    ]
    draw.line(line, fill=LINE, width=2)
