/** `display` (OpenID Connect Core 1.0 §3.1.2.1): the kind of window that the client shows the pages in. */

export const displays = ['page', 'popup', 'touch', 'wap'] as const
export type Display = (typeof displays)[number]

/** Returns `page` for unknown values: this parameter must never cause an error (§15.1). */
export const parseDisplay = (text: string | undefined): Display =>
  displays.find(display => display === text) ?? 'page'
