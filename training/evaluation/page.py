"""A page of HTML that needs nothing but itself."""

import html

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; color: #111827; background: #fff; max-width: 62rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: .9rem; margin: .75rem 0 .25rem; }
dl { display: grid; grid-template-columns: 2rem 1fr; gap: .25rem .5rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #e5e7eb; }
th { border-bottom: 2px solid #9ca3af; } td:nth-child(n+2):nth-child(-n+5) { white-space: nowrap; }
tr.better td:last-child { color: #1b7f5c; font-weight: 600; } tr.worse td:last-child { color: #b3541e; font-weight: 600; }
figure { margin: 1.5rem 0; } figure svg { max-width: 100%; height: auto; }
details { border: 1px solid #e5e7eb; border-radius: .4rem; padding: .5rem .75rem; margin: .5rem 0; } summary { cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f9fafb; padding: .5rem; margin: 0; font: inherit; font-size: .9rem; }
"""


def page(title: str, body: str) -> str:
    """A whole page; `body` is HTML already, `title` is text. It loads nothing and runs nothing."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
