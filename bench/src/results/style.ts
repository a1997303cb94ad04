/** The style of the page, in light and dark mode. */

export const style = `
:root { color-scheme: light dark; --own: light-dark(#0b57d0, #8ab4f8); --peer: light-dark(#9a8c7c, #8d8478); --bound: light-dark(#d8dce3, #3c4350);
  --soft: light-dark(#5a6472, #a3adba); --rule: light-dark(#e3e6ea, #333a44); --second: light-dark(#b3541e, #f2a36b); --third: light-dark(#2d7d46, #7bc996) }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; background: light-dark(#fff, #14171c); color: light-dark(#1b1f24, #e6e9ee) }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.9rem; margin: 0 0 1rem } h2 { margin: 3rem 0 .3rem; font-size: 1.4rem } h3 { margin: 1.6rem 0 .4rem; font-size: 1.05rem } h4 { margin: 1rem 0 0; font-size: .9rem; color: var(--soft) }
p, li { color: light-dark(#2b3139, #cfd5dd) }
svg { display: block; width: 100%; height: auto; font: 13px system-ui, sans-serif; fill: currentColor }
svg .name { text-anchor: end; fill: var(--soft) } svg .mark { text-anchor: middle; fill: var(--soft) }
svg .own { fill: var(--own) } svg .peer { fill: var(--peer) } svg .bound { fill: var(--bound) }
svg .range { stroke: currentColor; stroke-width: 1; fill: none; opacity: .7 } svg .rule { stroke: var(--rule); fill: none }
svg .line { fill: none; stroke-width: 2 } svg .line0 { stroke: var(--own) } svg .line1 { stroke: var(--second) } svg .line2 { stroke: var(--third) }
svg .dot0 { fill: var(--own) } svg .dot1 { fill: var(--second) } svg .dot2 { fill: var(--third) }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; margin: .2rem 0 0; padding: 0; font-size: .85rem }
.legend li::before { content: ""; display: inline-block; width: 1.2em; height: 3px; margin-right: .5em; vertical-align: middle; background: var(--own) }
.legend .line1::before { background: var(--second) } .legend .line2::before { background: var(--third) }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .88rem; width: 100% }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
summary { cursor: pointer; color: var(--soft); font-size: .85rem } code { font-size: .9em }
`
