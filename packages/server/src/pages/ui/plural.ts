/** A number with its noun, in the plural that the language has for it (Unicode CLDR). */

/** At least the word for any other number; `#` stands for the number. */
export type PluralForms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>

/** What counts in one language; its rules are loaded at the first count. */
export function countIn(tag: string): (count: number, forms: PluralForms) => string {
  let rules: Intl.PluralRules | undefined
  return (count, forms) => {
    rules ??= new Intl.PluralRules(tag)
    return (forms[rules.select(count)] ?? forms.other).replaceAll('#', String(count))
  }
}
