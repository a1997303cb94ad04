/** Keywords that Auth0's deploy tool replaces: `##NAME##` by a text, `@@NAME@@` by a value in JSON. */

/** Returns the name of the keyword if the text is one. */
export const placeholderIn = (text: string | undefined): string | undefined =>
  /^(?:##|@@)([A-Za-z0-9_]+)(?:##|@@)$/.exec((text ?? '').trim())?.[1]

/** Returns whether a text contains a keyword. */
export const hasPlaceholder = (text: string): boolean => /##[A-Za-z0-9_]+##|@@[A-Za-z0-9_]+@@/.test(text)
