/** A user who requests pages over HTTP, and then goes on in Chromium: requests cost a hundredth of rendered pages. */

import type { BrowserContext } from 'playwright-core'
import type { Browser } from '../support/browser.ts'

/** Adds the cookies that this user got from the server at `url`. */
export const shareCookies = (
  context: BrowserContext,
  url: string,
  { cookies }: Pick<Browser, 'cookies'>,
): Promise<void> => context.addCookies([...cookies].map(([name, value]) => ({ name, value, url })))
