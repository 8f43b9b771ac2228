"""What a terminal showed, as a picture: rich's SVG in a template of ours, with the reader's own fonts, so that it fetches nothing."""

from pathlib import Path

from rich.console import Console

TEMPLATE = """\
<svg class="terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: Fira Code, DejaVu Sans Mono, Menlo, Consolas, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
        font-variant-east-asian: full-width;
    }}
    .{unique_id}-title {{
        font-family: sans-serif;
        font-size: 18px;
        font-weight: bold;
    }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
        <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""
"""In the form that `Console.save_svg` documents for its `code_format`."""


def save_picture(console: Console, path: Path, title: str) -> None:
    """Writes all that a recording console showed so far; the recording goes on. Raises: OSError."""
    console.save_svg(str(path), title=title, code_format=TEMPLATE, clear=False)
