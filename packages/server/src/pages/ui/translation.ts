/** Texts of the pages, and what a language says otherwise than English. */

import type { en } from './locales/en.ts'

export type Texts = typeof en

/** All of them (a test holds this); while a text is new it is English in the others. */
export type Translation<Part = Texts> = {
  readonly [Key in keyof Part]?: Part[Key] extends string
    ? Part[Key]
    : Part[Key] extends (...given: never) => unknown
      ? Part[Key]
      : Translation<Part[Key]>
}
