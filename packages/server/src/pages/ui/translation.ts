/** The types of the English texts and of their translations. */

import type { en } from './locales/en.ts'

export type Texts = typeof en

/** Every text (a test checks this). A missing text is shown in English. */
export type Translation<Part = Texts> = {
  readonly [Key in keyof Part]?: Part[Key] extends string
    ? Part[Key]
    : Part[Key] extends (...given: never) => unknown
      ? Part[Key]
      : Translation<Part[Key]>
}
