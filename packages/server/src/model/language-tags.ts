/** Limits on language tags (BCP 47). */

/** Characters that a tag needs at most; longer ones may be rejected (RFC 5646 §4.4.1). */
export const longestLanguageTag = 35
