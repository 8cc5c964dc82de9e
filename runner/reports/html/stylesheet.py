"""How the pages look: one stylesheet, inline, for light and dark, wide and narrow, screen and paper."""

from __future__ import annotations

from collections.abc import Mapping

from runner.reports.html.palette import DARK, LIGHT

_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);
font:1rem/1.55 -apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.25rem}
footer{padding-top:1rem;padding-bottom:4rem;color:var(--muted);font-size:.875rem}
a{color:var(--link);text-underline-offset:.18em;text-decoration-thickness:.06em}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:3px;
border-radius:3px}
h1{font-size:2rem;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:.5rem 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;line-height:1.3;font-weight:650;letter-spacing:-.005em;margin:3.25rem 0 1rem}
h3{font-size:1rem;font-weight:650;margin:0 0 .25rem}
p{margin:0 0 .75rem;max-width:44rem}
.lead{font-size:1.125rem;color:var(--text);margin:1rem 0 0}
.muted{color:var(--muted)}
.small{font-size:.875rem}
.crumb{margin:0;font-size:.875rem}
.number,td.n,th.n{font-variant-numeric:tabular-nums}
.skip{position:absolute;left:-999px}
.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.25rem 1.5rem;min-width:0}
.answers{display:grid;grid-template-columns:repeat(6,1fr);gap:1rem;margin:2rem 0 0}
.answers>div{grid-column:span 2}
.answers>div:nth-child(-n+2){grid-column:span 3}
.answers dt{color:var(--muted);font-size:.875rem;margin-bottom:.35rem}
.answers dd{margin:0}
.answers strong{display:block;font-size:1.375rem;line-height:1.25;font-weight:650;letter-spacing:-.01em;
margin-bottom:.3rem;overflow-wrap:break-word;font-variant-numeric:tabular-nums}
.answers .rest{display:block;font-size:.9375rem;color:var(--muted)}
.trouble{background:var(--badfill);border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:10px;
padding:1rem 1.25rem;margin:1rem 0 0}
.trouble h2,.trouble h3,.bad{color:var(--bad)}
.trouble h2{font-size:1rem;margin:0 0 .25rem}
.trouble p{margin:0;overflow-wrap:anywhere}
.trouble .muted{margin-top:.35rem}
.trouble h3 a{color:inherit}
.good{color:var(--good)}
.in{color:var(--in)}
.out{color:var(--out)}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
caption{text-align:left;color:var(--muted);font-size:.875rem;padding-bottom:.5rem}
th,td{text-align:left;vertical-align:baseline;padding:.6rem .75rem;border-bottom:1px solid var(--line);
overflow-wrap:break-word}
tbody th,td.wide{overflow-wrap:anywhere;min-width:7rem}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
tbody tr:last-child>*{border-bottom:0}
thead th{color:var(--muted);font-weight:500;font-size:.8125rem;border-bottom-color:var(--muted);white-space:nowrap}
tbody th{font-weight:600}
td.n,th.n{text-align:right;white-space:nowrap}
.sub{display:block;font-weight:400;color:var(--muted);font-size:.8125rem}
.plots{align-items:start;display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1rem}
figure{margin:0}
.column{display:grid;gap:1rem;align-content:start;min-width:0}
figcaption p{font-size:.9375rem;color:var(--muted);margin-bottom:1rem}
svg{display:block;width:100%;height:auto}
svg text{font-family:inherit}
.hidden{position:absolute;width:1px;height:1px;margin:0;overflow:hidden;clip-path:inset(50%)}
details{margin-top:1rem;font-size:.9375rem}
summary{color:var(--link);cursor:pointer;width:max-content;max-width:100%}
details[open] summary{margin-bottom:.75rem}
.scroll{max-height:24rem;overflow:auto}
.scroll thead th{position:sticky;top:0;background:var(--card)}
.way td:last-child{width:45%}
.bar{display:block;height:.7rem;background:var(--size);border-radius:2px;min-width:1px}
.bar.less{background:var(--out)}
@media(max-width:60rem){.plots{grid-template-columns:minmax(0,1fr)}
.answers,.answers>div,.answers>div:nth-child(-n+2){grid-template-columns:minmax(0,1fr);grid-column:span 1}}
@media(max-width:44rem){main,header,footer{padding-left:1rem;padding-right:1rem}
h1{font-size:1.625rem}
.card{padding:1rem}
.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stack,.stack tbody,.stack caption{display:block}
.stack tr{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:.5rem 1rem;padding:1rem 0;
border-bottom:1px solid var(--line)}
.stack tbody tr:last-child{border-bottom:0;padding-bottom:0}
.stack caption{padding:0}
.stack th,.stack td{display:block;min-width:0;padding:0;border:0;text-align:left;white-space:normal}
.stack th,.stack .wide{grid-column:span 2}
.stack td::before{content:attr(data-label);display:block;color:var(--muted);font-size:.8125rem}
.way td:last-child{width:30%}}
@media print{body{background:#fff}.card{break-inside:avoid}details{display:none}}
"""


def stylesheet() -> str:
    """The whole of it. Plots are drawn in the colours of light; in dark, each of these is exchanged for its own."""
    dark = _variables(DARK) + "color-scheme:dark"
    exchanged = "".join(
        f'svg [{what}="{LIGHT[name]}"]{{{what}:{DARK[name]}}}'
        for name in ("card", "text", "muted", "line", "size", "fill", "in", "out", "bad")
        for what in ("fill", "stroke")
    )
    return (
        f":root{{{_variables(LIGHT)}color-scheme:light}}{_RULES}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}{exchanged}}}"
    ).replace("\n", "")


def _variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())
