/** How long ago something was, in words of a language (ECMA-402 §18). */

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** @param seconds since then. Less than a minute is now. */
export function timeAgo(seconds: number, language: string): string {
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  const fits = units.find(([, size]) => seconds >= size)
  return fits ? words.format(-Math.floor(seconds / fits[1]), fits[0]) : words.format(0, 'second')
}
