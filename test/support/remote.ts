/** A server over real HTTP instead of one in memory: for flows of third-party clients through the pages. */

import { createBrowser, type Page } from './browser.ts'
import type { TestServer } from './tessera.ts'
import { formOf } from './tessera.ts'

/** Sends requests to a server at this origin; `defaults` are headers of all of them. */
export const remote = (
  origin: string,
  defaults: Readonly<Record<string, string>> = {},
): Pick<TestServer, 'send'> => ({
  async send(method, target, { form, headers, body } = {}) {
    const response = await fetch(origin + target, {
      method,
      redirect: 'manual',
      headers: {
        ...defaults,
        ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      body: form === undefined ? body : formOf(form),
    })
    const text = await response.text()
    const answered = Object.fromEntries(response.headers)
    return {
      status: response.status,
      headers: { ...answered, 'set-cookie': response.headers.getSetCookie() },
      body: text,
      json: answered['content-type']?.includes('json') ? JSON.parse(text) : undefined,
    }
  },
})

/** A user with a browser, who signs in and consents when asked. */
export function createPerson(
  origin: string,
  credentials: { readonly username: string; readonly password: string },
) {
  const browser = createBrowser(remote(origin))

  let signIns = 0

  const signIn = async (page: Page): Promise<Page> => {
    if (!page.form || !('password' in page.form.fields)) return page
    signIns += 1
    return browser.submit(page, { ...credentials, button: 'login' })
  }

  return {
    /** How often a password was asked for. */
    signIns: () => signIns,
    /** Opens a page, signing in if it asks for that; returns its text. */
    open: async (url: string): Promise<string> =>
      (await signIn(await browser.visit(url.slice(origin.length)))).text,
    /** Opens an authorization request; returns the address that the browser is finally redirected to. */
    async authorize(url: string): Promise<URL> {
      const page = await signIn(await browser.visit(url.slice(origin.length)))
      const asked = page.form ? await browser.submit(page, { button: 'yes' }) : page
      if (!asked.location) throw new Error(`stayed at ${asked.target} (${asked.status}): ${asked.text}`)
      return new URL(asked.location)
    },
    /** Opens a sign-out request and confirms if asked; returns the final address, or the last page's text. */
    async signOut(url: string): Promise<URL | string> {
      const page = await browser.visit(url.slice(origin.length))
      const done = page.form ? await browser.submit(page, { button: 'yes' }) : page
      return done.location ? new URL(done.location) : done.text
    },
    /** Opens `verification_uri_complete` and approves the device; returns the last page's text. */
    async connectDevice(url: string): Promise<string> {
      const page = await browser.submit(await browser.visit(url.slice(origin.length)), {})
      const asked = await signIn(page)
      return (await browser.submit(asked, { button: 'yes' })).text
    },
  }
}
