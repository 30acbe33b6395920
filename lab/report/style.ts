/** The page's style: readable on a screen and on paper, dark text on white, no font or image from outside. */
export const style = `
:root { color-scheme: light; }
body { font: 15px/1.55 "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", system-ui, sans-serif; color: #1a1d21; background: #fff; margin: 2rem auto; max-width: 75rem; padding: 0 1.25rem; word-break: keep-all; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin: 1rem 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 2px solid #1a1d21; padding-bottom: .2rem; break-after: avoid; }
.lead { font-size: 1.1rem; margin: 0 0 .4rem; }
.note { color: #4a5058; font-size: .9rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 0; }
dt { color: #4a5058; } dd { margin: 0; font-weight: 600; }
dd code { font-weight: 400; }
code { font: .88em ui-monospace, "DejaVu Sans Mono", monospace; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid #c9ced4; padding: .35rem .5rem; text-align: left; vertical-align: top; }
thead th { background: #eef1f4; white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
tbody th span, .times td span { display: block; font-weight: 400; color: #4a5058; font-size: .92em; white-space: nowrap; }
tr { break-inside: avoid; }
.met { color: #0a5c36; font-weight: 600; white-space: nowrap; } .missed { color: #a3140f; font-weight: 700; white-space: nowrap; }
input[name=language] { margin: 0 .3rem 0 0; } label { margin-right: 1rem; }
body:has(#show-ko:checked) main[lang=en], body:has(#show-en:checked) main[lang=ko] { display: none; }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 10pt; } input, label { display: none; } .wide { overflow: visible; } table { font-size: 8.5pt; } }
`
