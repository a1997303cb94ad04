/** Where a browser keeps the language that was chosen on a page: a cookie that outlives the visit. It is no secret. */

import type { Seconds } from '@tessera/protocol/brand'
import type { ChosenLanguage } from '../ui/texts.ts'
import type { Cookies } from './cookies.ts'

const cookieName = 'tessera_language'
const year: Seconds = 31_536_000

export const chosenLanguage = (cookies: Cookies): ChosenLanguage => ({
  read: request => cookies.read(request, cookieName),
  write: value => cookies.write(cookieName, value, { maxAge: year }),
})
