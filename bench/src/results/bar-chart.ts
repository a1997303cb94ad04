/** Horizontal bars with the range of the runs, as SVG. */

import { asText } from './markup.ts'
import type { Spread } from './summary.ts'

export type Bar = {
  readonly name: string
  readonly value: Spread
  readonly label: string
  /** `own`: Tessera; `bound`: not a server but a limit. */
  readonly kind: 'own' | 'peer' | 'bound'
}

const width = 720
const left = 170
const right = 150
const step = 26

export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value.most))
  const x = (value: number): number => left + (value / most) * (width - left - right)
  const drawn = bars.map(({ name, value, label, kind }, index) => {
    const y = index * step + 4
    const middle = y + 9
    const whisker =
      value.most > value.least
        ? `<path class="range" d="M${f(x(value.least))} ${middle}H${f(x(value.most))}M${f(x(value.least))} ${middle - 4}v8M${f(x(value.most))} ${middle - 4}v8"/>`
        : ''
    return `<text class="name" x="${left - 8}" y="${middle + 4}">${asText(name)}</text><rect class="${kind}" x="${left}" y="${y}" width="${f(x(value.median) - left)}" height="18" rx="2"/>${whisker}<text x="${f(x(value.most) + 8)}" y="${middle + 4}">${asText(label)}</text>`
  })
  return `<svg viewBox="0 0 ${width} ${bars.length * step}" role="img" aria-label="${asText(title)}">${drawn.join('')}</svg>`
}

const f = (value: number): string => value.toFixed(1)
