/** Formats numbers and times in the words of a language: plurals (Unicode CLDR) and relative times (ECMA-402 §18). */

/** The forms of a noun; `other` is required, and `#` is replaced by the number. */
type PluralForms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>

/** Returns a function that counts in a language. The rules of the language are loaded on first use. */
export function countIn(tag: string): (count: number, forms: PluralForms) => string {
  let rules: Intl.PluralRules | undefined
  return (count, forms) => {
    rules ??= new Intl.PluralRules(tag)
    return (forms[rules.select(count)] ?? forms.other).replaceAll('#', String(count))
  }
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** By language. Creating one takes longer than the rest of a line of a list. */
const relativeTimes = new Map<string, Intl.RelativeTimeFormat>()

/**
 * Returns how long ago something happened. Less than a minute counts as now.
 * @param language the tag of a translation.
 */
export function timeAgo(seconds: number, language: string): string {
  const words = relativeTimes.get(language) ?? new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  relativeTimes.set(language, words)
  const fits = units.find(([, size]) => seconds >= size)
  return fits ? words.format(-Math.floor(seconds / fits[1]), fits[0]) : words.format(0, 'second')
}
