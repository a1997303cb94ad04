/** The types of the English texts and of their translations. */

import type { en } from './locales/en.ts'

export type Texts = typeof en

/** Contains every text (a test checks this). If a text is missing, the English one is shown. */
export type Translation<Part = Texts> = {
  readonly [Key in keyof Part]?: Part[Key] extends string
    ? Part[Key]
    : Part[Key] extends (...given: never) => unknown
      ? Part[Key]
      : Translation<Part[Key]>
}
