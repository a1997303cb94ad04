/** Colors, and the contrast between them (WCAG 2.2 §1.4.3, relative luminance). */

import type { Brand } from '@tessera/protocol/brand'

/** `#rrggbb` in lower case. */
export type Color = Brand<string, 'Color'>

/** The minimum contrast of normal text. */
export const readableContrast = 4.5

/** Parses `#rgb` and `#rrggbb`. */
export function parseColor(text: string): Color | undefined {
  const [, short, long] = /^#(?:([0-9a-f]{3})|([0-9a-f]{6}))$/i.exec(text) ?? []
  if (long !== undefined) return `#${long.toLowerCase()}` as Color
  return short === undefined ? undefined : (`#${short.toLowerCase().replaceAll(/./g, '$&$&')}` as Color)
}

/** Returns the contrast, from 1 (the same color) to 21 (black on white). */
export function contrast(one: Color, other: Color): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

/** Mixes two colors: 0 returns the first, 1 the second. */
export function mix(from: Color, to: Color, share: number): Color {
  const target = channels(to)
  const mixed = channels(from).map((value, at) => Math.round(value + ((target[at] ?? 0) - value) * share))
  return `#${mixed.map(value => value.toString(16).padStart(2, '0')).join('')}` as Color
}

export const black = '#000000' as Color
export const white = '#ffffff' as Color

export const isReadable = (color: Color, backgrounds: readonly Color[]): boolean =>
  backgrounds.every(background => contrast(color, background) >= readableContrast)

/** Returns the color if it is readable on these backgrounds. Otherwise mixes in as little black or white as needed. */
export function nearestReadable(color: Color, backgrounds: readonly Color[]): Color {
  for (let share = 0; share <= 1; share += 0.01) {
    const shades = [mix(color, black, share), mix(color, white, share)]
    const found = shades.find(shade => isReadable(shade, backgrounds))
    if (found) return found
  }
  return color
}

/** Returns black or white, whichever has more contrast. At least one is always readable. */
export const onColor = (color: Color): Color =>
  contrast(color, white) >= contrast(color, black) ? white : black

const channels = (color: Color): readonly number[] =>
  [1, 3, 5].map(at => Number.parseInt(color.slice(at, at + 2), 16))

function luminance(color: Color): number {
  const [red = 0, green = 0, blue = 0] = channels(color).map(value => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
