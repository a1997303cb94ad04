/** Lines over one axis, as SVG; the other axis begins at zero, so that nothing looks steeper than it is. */

import { asText } from './markup.ts'

type Line = { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }

export type LineChart = {
  readonly title: string
  readonly along: string
  readonly lines: readonly Line[]
  readonly showX: (value: number) => string
  readonly showY: (value: number) => string
  /** A logarithmic axis instead of a linear one. */
  readonly logarithmic: boolean
}

const size = { width: 720, height: 300 }
const inner = { left: 80, right: 44, top: 12, bottom: 46 }

export function lineChart({ title, along, lines, showX, showY, logarithmic }: LineChart): string {
  const all = lines.flatMap(({ points }) => points)
  const scale = (value: number): number => (logarithmic ? Math.log10(Math.max(value, 1)) : value)
  const least = Math.min(...all.map(([x]) => scale(x)))
  const most = Math.max(...all.map(([x]) => scale(x)), least + 1e-9)
  const top = niceAbove(Math.max(...all.map(([, y]) => y)))
  const x = (value: number): number =>
    inner.left + ((scale(value) - least) / (most - least)) * (size.width - inner.left - inner.right)
  const y = (value: number): number =>
    size.height - inner.bottom - (value / top) * (size.height - inner.top - inner.bottom)

  const rules = [0, 0.25, 0.5, 0.75, 1].map(
    share =>
      `<path class="rule" d="M${inner.left} ${f(y(top * share))}H${size.width - inner.right}"/><text class="name" x="${inner.left - 8}" y="${f(y(top * share) + 4)}">${asText(showY(top * share))}</text>`,
  )
  const marks = ticksOf(
    all.map(([value]) => value),
    logarithmic,
  ).map(
    value =>
      `<text class="mark" x="${f(x(value))}" y="${size.height - inner.bottom + 18}">${asText(showX(value))}</text>`,
  )
  const drawn = lines.map(({ points }, index) => {
    const path = points.map(([px, py], at) => `${at === 0 ? 'M' : 'L'}${f(x(px))} ${f(y(py))}`).join('')
    const dots =
      points.length < 20
        ? points.map(([px, py]) => `<circle class="dot${index}" cx="${f(x(px))}" cy="${f(y(py))}" r="3.5"/>`)
        : []
    return `<path class="line line${index}" d="${path}"/>${dots.join('')}`
  })
  const legend = lines.map(({ name }, index) => `<li class="line${index}">${asText(name)}</li>`)
  return `<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${asText(title)}">${rules.join('')}${marks.join('')}<text class="mark" x="${size.width / 2}" y="${size.height - 6}">${asText(along)}</text>${drawn.join('')}</svg><ul class="legend">${legend.join('')}</ul>`
}

const f = (value: number): string => value.toFixed(1)

/** Each measured size; of many, a few at equal distances. */
function ticksOf(values: readonly number[], logarithmic: boolean): readonly number[] {
  const sizes = [...new Set(values)].toSorted((a, b) => a - b)
  if (logarithmic || sizes.length <= 6) return sizes
  const last = sizes.at(-1)!
  return [0, 0.25, 0.5, 0.75, 1].map(share => last * share)
}

/** The next of 1, 2, 2.5, 4, 5, 8, 10 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 2.5, 4, 5, 8, 10].find(step => step * power >= value) ?? 10)
}
