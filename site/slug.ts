/** Anchors of headings, as GitHub makes them, so that a link to one works there and on the site. */

/** Returns the anchor of a heading that has no others of the same text before it. `text` is without markup. */
export const slugOf = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
