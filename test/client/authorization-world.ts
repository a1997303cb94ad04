/** Clients that send users to Tessera, and a user who signs in there. */

import {
  type AuthorizationOptions,
  type Client,
  type ClientOptions,
  createAuthorizationRequest,
  createClient,
  type IssuerOptions,
  unwrap,
} from '@tessera/client'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { hybridWorld } from '../support/hybrid.ts'
import { alice, callback } from '../support/sign-in.ts'
import { type ClientWorld, startTessera } from './servers.ts'

export type AuthorizationWorld = ClientWorld & {
  readonly browser: Browser
  /** Creates a client of the server with a key set and metadata of its own. */
  readonly client: (options?: Partial<Omit<ClientOptions, 'issuer'> & IssuerOptions>) => Client
  /** Sends the browser to the URL of a request; the user is signed in. Returns the page at the end. */
  readonly visit: (url: string) => Promise<Page>
}

/** Starts the server, with a browser in which Alice is signed in. */
export async function startAuthorizationWorld(configuration: object = {}): Promise<AuthorizationWorld> {
  const world = await startTessera({ ...hybridWorld, ...configuration })
  const { server, issuer, fetch } = world
  const browser = createBrowser(server)
  const client: AuthorizationWorld['client'] = options =>
    createClient({ issuer, client_id: 'web', fetch, now: server.clock.now, ...options })
  const visit = (url: string) => browser.visit(url.slice(issuer.length))
  const { url } = unwrap(await createAuthorizationRequest(client(), { redirect_uri: callback }))
  await browser.submit(await visit(url), alice)
  return { ...world, browser, client, visit }
}

/** Creates a request, sends the browser there and returns the response as its response mode delivers it. */
export async function authorize(
  { visit }: AuthorizationWorld,
  client: Client,
  options: Partial<AuthorizationOptions> = {},
) {
  const { url, pending } = unwrap(
    await createAuthorizationRequest(client, { redirect_uri: callback, ...options }),
  )
  return { url: new URL(url), pending, response: responseOf(await visit(url)) }
}

/** Returns the URL of a redirect to the client, or the body of a form post. */
export function responseOf({ location, form, text, status }: Page): string {
  if (location !== undefined) return location
  if (form?.action !== callback) throw new Error(`no response: ${status} ${text}`)
  return new URLSearchParams(form.fields as Record<string, string>).toString()
}
