/** `display` (OpenID Connect Core 1.0 §3.1.2.1): what kind of window the client shows the pages in. */

export const displays = ['page', 'popup', 'touch', 'wap'] as const
export type Display = (typeof displays)[number]

/** What is not known is a page: the use of this parameter never results in an error (§15.1). */
export const parseDisplay = (text: string | undefined): Display =>
  displays.find(display => display === text) ?? 'page'
