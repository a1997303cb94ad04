/** Human-readable client metadata in several languages (RFC 7591 §2.2). */

export const describingNames = ['client_name', 'client_uri', 'logo_uri', 'policy_uri', 'tos_uri'] as const
export type DescribingName = (typeof describingNames)[number]

/** Values by language tag (BCP 47), as written. */
export type Localized = Readonly<Partial<Record<DescribingName, Readonly<Record<string, string>>>>>

/** Maximum for all names together. The pages exist in few languages. */
export const mostTranslations = 100

const tagged = /^([a-z_]+)#([A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4})$/

/** Returns whether a key of a client has a language tag. */
export const isTagged = (key: string): boolean => key.includes('#')

/** Parses a key such as `client_name#fr`; returns undefined for any other key. */
export function languageOf(
  key: string,
): { readonly name: DescribingName; readonly language: string } | undefined {
  const [, text, language] = tagged.exec(key) ?? []
  const name = describingNames.find(one => one === text)
  return name === undefined || language === undefined ? undefined : { name, language }
}

/** Returns the members that have a language tag; undefined if there are none. */
export function localizedOf(members: Readonly<Record<string, unknown>>): Localized | undefined {
  const localized: Partial<Record<DescribingName, Record<string, string>>> = {}
  for (const key of Object.keys(members).filter(isTagged)) {
    const found = languageOf(key)
    const value = members[key]
    if (!found || typeof value !== 'string') continue
    localized[found.name] = { ...localized[found.name], [found.language]: value }
  }
  return Object.keys(localized).length === 0 ? undefined : localized
}

/** Returns the members that {@link localizedOf} was given. */
export const membersOf = (localized: Localized = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(localized).flatMap(([name, texts]) =>
      Object.entries(texts).map(([language, text]) => [`${name}#${language}`, text]),
    ),
  )
