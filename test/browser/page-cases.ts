/** How a person comes to each page. Found by the names of fields, since pages are seen in several languages. */

import type { Page } from 'playwright-core'
import type { TemplateName } from '../../packages/server/src/ui/templates.ts'
import { authorizePath, pagesWorld } from '../support/sign-in.ts'

export type Person = {
  readonly page: Page
  /** Of the server. */
  readonly url: string
  /** Of the client application. */
  readonly app: string
  readonly locale: string
}

export type PageCase = {
  readonly name: string
  readonly template: TemplateName
  readonly open: (person: Person) => Promise<void>
}

/** The pages' world, whose clients are an application at this origin. */
export const worldOf = (app: string) => ({
  ...pagesWorld,
  clients: pagesWorld.clients.map(client => ({
    ...client,
    ...(client.redirect_uris && {
      redirect_uris: [`${app}/cb`],
      post_logout_redirect_uris: [`${app}/`],
    }),
  })),
})

const authorize = ({ url, app }: Person, changes: Record<string, string> = {}) =>
  url + authorizePath({ redirect_uri: `${app}/cb`, ...changes })

/** Fills in and presses the button of this value. */
async function submit(
  { page }: Person,
  fields: Readonly<Record<string, string>>,
  button?: string,
): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.locator(`main [name="${name}"]`).fill(value)
  const named = button === undefined ? 'main form button' : `main button[value="${button}"]`
  await page.locator(named).first().click()
}

const alice = { username: 'alice', password: 'wonderland' }

async function signIn(person: Person): Promise<void> {
  await person.page.goto(`${person.url}/account`)
  await submit(person, alice, 'login')
  await person.page.waitForURL('**/account')
}

async function startDevice({ url }: Person): Promise<Record<string, string>> {
  const response = await fetch(`${url}/connect/deviceauthorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'tv' }),
  })
  return (await response.json()) as Record<string, string>
}

async function confirmDevice(person: Person): Promise<void> {
  await signIn(person)
  const { user_code = '', verification_uri = '' } = await startDevice(person)
  await person.page.goto(verification_uri)
  await submit(person, { user_code })
  await person.page.locator('button[value="yes"]').waitFor()
}

/** Keeps the browser on a page that would lead on by itself. */
const stay = ({ page }: Person, address: string) => page.route(address, route => route.abort('aborted'))

export const pageCases: readonly PageCase[] = [
  { name: 'home', template: 'home', open: async ({ page, url }) => void (await page.goto(`${url}/`)) },
  {
    name: 'error',
    template: 'message',
    open: async person =>
      void (await person.page.goto(authorize(person, { redirect_uri: 'https://x.example/' }))),
  },
  {
    name: 'login',
    template: 'login',
    open: async person => void (await person.page.goto(authorize(person, { client_id: 'asking' }))),
  },
  {
    name: 'login-wrong',
    template: 'login',
    async open(person) {
      await person.page.goto(authorize(person))
      await submit(person, { ...alice, password: 'wrong' }, 'login')
      await person.page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'login-home-realm',
    template: 'login',
    open: async person => void (await person.page.goto(authorize(person, { client_id: 'nolocal' }))),
  },
  {
    name: 'consent',
    template: 'consent',
    async open(person) {
      await signIn(person)
      await person.page.goto(authorize(person, { client_id: 'asking', scope: 'openid profile api1 api2' }))
    },
  },
  {
    name: 'device',
    template: 'device',
    open: async ({ page, url }) => void (await page.goto(`${url}/device`)),
  },
  {
    name: 'device-wrong',
    template: 'device',
    async open(person) {
      await person.page.goto(`${person.url}/device`)
      await submit(person, { user_code: 'bbbb bbbb' })
      await person.page.getByRole('alert').waitFor()
    },
  },
  { name: 'device-confirm', template: 'device-confirm', open: confirmDevice },
  {
    name: 'device-connected',
    template: 'message',
    async open(person) {
      await confirmDevice(person)
      await submit(person, {}, 'yes')
      await person.page.locator('.sign.approved').waitFor()
    },
  },
  {
    name: 'form-post',
    template: 'form-post',
    async open(person) {
      await signIn(person)
      await stay(person, `${person.app}/**`)
      await person.page.goto(authorize(person, { response_mode: 'form_post' }))
    },
  },
  {
    name: 'sign-out',
    template: 'sign-out',
    async open(person) {
      await signIn(person)
      await person.page.goto(`${person.url}/connect/endsession`)
    },
  },
  {
    name: 'signed-out',
    template: 'signed-out',
    async open(person) {
      await signIn(person)
      await person.page.goto(`${person.url}/connect/endsession`)
      await submit(person, {}, 'yes')
      await person.page.locator('.sign').waitFor()
    },
  },
  { name: 'account-profile', template: 'account-profile', open: signIn },
]
