/** Users with an authenticator app: they set it up and enter its codes when the pages ask for them. */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { Browser, Page } from './browser.ts'
import { signIn } from './sign-in.ts'
import type { TestServer } from './tessera.ts'

export type App = { readonly code: (at?: number) => string }

/**
 * An app with this secret and the server's clock: its own implementation of RFC 6238, independent of the server's
 * library.
 */
export const appOf = (secret: string, { clock }: Pick<TestServer, 'clock'>): App => {
  const key = fromBase32(secret.replaceAll(' ', ''))
  return {
    code(at = clock.now()) {
      const counter = Buffer.alloc(8)
      counter.writeBigUInt64BE(BigInt(Math.floor(at / 30)))
      const digest = createHmac('sha1', key).update(counter).digest()
      const offset = (digest.at(-1) ?? 0) & 15
      return String((digest.readUInt32BE(offset) & 0x7f_ff_ff_ff) % 1_000_000).padStart(6, '0')
    },
  }
}

function fromBase32(text: string): Buffer {
  const bits = [...text]
    .map(letter => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map(byte => Number.parseInt(byte, 2)))
}

/** The secret that an enrolment page shows. */
export function secretOn(page: Page): string {
  const [, secret] = /class="shown-code secret">([A-Z2-7 ]+)</.exec(page.body) ?? []
  assert.ok(secret, `no secret: ${page.status} ${page.text}`)
  return secret
}

/** The codes that a page shows once. */
export const recoveryCodesOn = (page: Page): readonly string[] =>
  [...page.body.matchAll(/<code>([^<]+)<\/code>/g)].map(([, code = '']) => code)

/** Where the page with the recovery codes continues. */
export const goOnFrom = (page: Page): string => {
  const [, href] = /<a class="button primary" href="([^"]+)"/.exec(page.body) ?? []
  assert.ok(href, page.text)
  return href.replaceAll('&amp;', '&')
}

/** Signs in where an app is required, and sets one up during the sign-in. */
export const enrolApp = async (
  server: Pick<TestServer, 'clock'>,
  browser: Browser,
  target: string,
  credentials?: Readonly<Record<string, string>>,
) => finishEnrolment(server, browser, await signIn(browser, target, credentials))

/** Sets up the app that a page shows, and continues from the recovery codes. */
export async function finishEnrolment(
  server: Pick<TestServer, 'clock'>,
  browser: Browser,
  asked: Page,
): Promise<{ app: App; codes: readonly string[]; page: Page }> {
  const app = appOf(secretOn(asked), server)
  const shown = await browser.submit(asked, { code: app.code(), button: 'enrol' })
  const codes = recoveryCodesOn(shown)
  assert.equal(codes.length, 10, shown.text)
  return { app, codes, page: await browser.visit(goOnFrom(shown)) }
}

/** The link to another method on the second factor's page. */
export const methodHref = (page: Page, method: string): string => {
  const href = [...page.body.matchAll(/href="(\/mfa\?[^"]+)"/g)]
    .map(([, target = '']) => target.replaceAll('&amp;', '&'))
    .find(target => target.endsWith(`method=${method}`))
  assert.ok(href, `no option ${method}: ${page.text}`)
  return href
}
