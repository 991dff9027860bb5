"""Page of a report, without its content."""

from __future__ import annotations

from string import Template

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Campaign $id</title>
<style>
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1c2430; --soft: #5c6773; --edge: #dfe3e8;
  --enqueued: #33507a; --delivered: #2e9e6b; --sent: #4c8fd6; --processed: #9db8d8; --failed: #d6504a;
  --cancelled: #c9953b; --unknown: #8a5cc2; --planned: #8b95a1; }
@media (prefers-color-scheme: dark) { :root { --back: #14181e; --card: #1d232b; --text: #e6eaef; --soft: #9aa5b1;
  --edge: #333c47; --enqueued: #c3d4ee; --delivered: #3fae7b; --sent: #5b9fe6; --processed: #56718f;
  --failed: #e4645e; --cancelled: #d3a24d; --unknown: #a883db; --planned: #77828e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 24px; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 0 0 12px; }
header p, .note { color: var(--soft); margin: 6px 0 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(112px, 1fr)); gap: 12px; margin: 24px 0 12px; }
.tile, section { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
.tile { padding: 12px 14px; border-top: 3px solid var(--planned); }
.tile b { display: block; font-size: 22px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
section { padding: 18px 20px; margin-top: 12px; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: var(--text); }
svg .grid { stroke: var(--edge); }
svg .value, svg .time { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .value, svg .name { text-anchor: end; }
svg .line { fill: none; stroke: var(--enqueued); stroke-width: 2; stroke-linejoin: round; }
.legend { margin: 0 0 8px; font-size: 13px; color: var(--soft); }
.legend span { margin-right: 16px; white-space: nowrap; }
.legend span::before { content: ""; display: inline-block; width: 11px; height: 11px; border-radius: 3px;
  margin-right: 6px; vertical-align: -1px; background: var(--planned); }
.legend .enqueued::before { height: 3px; vertical-align: 3px; }
.legend .enqueued::before { background: var(--enqueued); }
.legend .delivered::before { background: var(--delivered); }
.legend .sent::before { background: var(--sent); }
.legend .processed::before { background: var(--processed); }
.legend .failed::before { background: var(--failed); }
.legend .cancelled::before { background: var(--cancelled); }
svg .delivered { fill: var(--delivered); } svg .sent { fill: var(--sent); } svg .processed { fill: var(--processed); }
svg .failed { fill: var(--failed); } svg .cancelled { fill: var(--cancelled); }
.tile.enqueued { border-top-color: var(--enqueued); } .tile.delivered { border-top-color: var(--delivered); }
.tile.sent { border-top-color: var(--sent); } .tile.processed { border-top-color: var(--processed); }
.tile.failed { border-top-color: var(--failed); } .tile.cancelled { border-top-color: var(--cancelled); }
.tile.unknown, .tile.sending { border-top-color: var(--unknown); }
.state { font-weight: 600; color: var(--soft); }
.state.delivered { color: var(--delivered); } .state.sent { color: var(--sent); }
.state.failed { color: var(--failed); } .state.cancelled { color: var(--cancelled); }
.state.unknown, .state.sending { color: var(--unknown); }
.scroll { overflow-x: auto; }
svg { min-width: 640px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--edge); white-space: nowrap; vertical-align: top; }
td:last-child { white-space: normal; min-width: 180px; overflow-wrap: anywhere; }
@media print { body { background: none; } section, .tile { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<header><h1>Campaign $id</h1><p>$summary</p></header>
<div class="tiles">$tiles</div>
$sections
</main>
</body>
</html>
""")
