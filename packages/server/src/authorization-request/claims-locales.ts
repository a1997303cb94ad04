/** `claims_locales` (OpenID Connect Core 1.0 §5.2): the languages that the client wants claims in, the most wanted first. */

/** As the registry of languages writes them; what is no language tag is ignored, and no error. */
export const parseClaimsLocales = (text = ''): readonly string[] => [
  ...new Set(text.split(' ').flatMap(canonical)),
]

function canonical(tag: string): readonly string[] {
  try {
    return Intl.getCanonicalLocales(tag)
  } catch {
    return []
  }
}
