/** A mock OpenID Connect provider (oauth2-mock-server) on loopback, and the usual flow of a browser through it. */

import assert from 'node:assert/strict'
import { after, before, beforeEach } from 'node:test'
import { OAuth2Server } from 'oauth2-mock-server'
import type { TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { type Browser, createBrowser, type Page } from './browser.ts'
import type { EarlierAttempts } from './earlier-attempts.ts'
import { pagesWorld } from './sign-in.ts'
import { createTestServer, issuer, type TestServer } from './tessera.ts'

export type ForeignProvider = {
  readonly issuer: string
  /** To change its responses. */
  readonly service: OAuth2Server['service']
  /** The claims of its ID tokens besides the registered ones. */
  claims: Record<string, unknown>
  readonly close: () => Promise<void>
}

export async function startForeignProvider(): Promise<ForeignProvider> {
  const server = new OAuth2Server()
  await server.issuer.keys.generate('RS256')
  await server.start(0, '127.0.0.1')
  const provider: ForeignProvider = {
    issuer: server.issuer.url!,
    service: server.service,
    claims: {},
    close: () => server.stop(),
  }
  server.service.on('beforeTokenSigning', (token: { payload: Record<string, unknown> }) => {
    Object.assign(token.payload, provider.claims)
    for (const [name, value] of Object.entries(provider.claims))
      if (value === undefined) delete token.payload[name]
  })
  return provider
}

/** One for a whole test file, with these claims of its user at the beginning of each test. */
export function foreignProvider(claims: ForeignProvider['claims'] = {}): ForeignProvider {
  let started: ForeignProvider
  before(async () => {
    started = await startForeignProvider()
  })
  beforeEach(() => {
    started.claims = claims
  })
  after(() => started.close())
  return {
    get issuer() {
      return started.issuer
    },
    get service() {
      return started.service
    },
    get claims() {
      return started.claims
    },
    set claims(next) {
      started.claims = next
    },
    close: () => started.close(),
  }
}

export const logoutEvent = { 'http://schemas.openid.net/event/backchannel-logout': {} }
let logoutTokens = 0

/** A logout token as the provider signs it; undefined removes a claim. */
export async function logoutTokenOf(
  provider: ForeignProvider,
  changes: Record<string, unknown>,
): Promise<string> {
  const before = provider.claims
  provider.claims = {}
  const claims = { aud: 'tessera', jti: `jti-${++logoutTokens}`, events: logoutEvent, ...changes }
  const token = await provider.service.issuer.buildToken({
    scopesOrTransform: (_, payload) => {
      Object.assign(payload, claims)
      for (const [name, value] of Object.entries(claims)) if (value === undefined) delete payload[name]
    },
  })
  provider.claims = before
  return token
}

const loopback = { outbound: { allowed_private_networks: ['127.0.0.0/8', '::1'] } }

/** The pages' world, with this provider and others instead of its own. */
export const federatedWorld = (
  provider: Pick<ForeignProvider, 'issuer'>,
  settings: object = {},
  others: readonly object[] = [],
) => ({
  ...pagesWorld,
  ...loopback,
  identity_providers: [
    {
      name: 'corp',
      display_name: 'Corp',
      type: 'oidc',
      issuer: provider.issuer,
      client_id: 'tessera',
      ...settings,
    },
    ...others,
  ],
  clients: pagesWorld.clients.map(client => ({ ...client, identity_provider_restrictions: [] })),
})

/** A server with the machine's time, stopped: the mock provider has no other clock. */
export async function startFederated(
  world: object,
  tenantStores?: TenantStores,
  earlierAttempts?: EarlierAttempts,
) {
  const server = await createTestServer(world, {
    at: Math.floor(Date.now() / 1000),
    ...(tenantStores && { tenantStores }),
    ...(earlierAttempts && { earlierAttempts }),
  })
  return { server, browser: createBrowser(server) }
}

/** Where the provider redirects the browser back: one of our paths with the response parameters. */
export async function visitProvider(page: Page): Promise<string> {
  const there = page.location ?? ''
  assert.ok(there.startsWith('http:'), `not redirected to the provider: ${page.status} ${page.text}`)
  const answer = await fetch(there, { redirect: 'manual' })
  const location = answer.headers.get('location') ?? ''
  assert.ok(location.startsWith(issuer), `not redirected back: ${answer.status} ${await answer.text()}`)
  return location.slice(issuer.length)
}

/** From an authorization request to the final redirect, through the provider. */
export const signInByProvider = async (browser: Browser, target: string): Promise<Page> =>
  browser.visit(await visitProvider(await browser.visit(target)))

export const subOf = (server: TestServer): unknown =>
  server.logged.findLast(entry => entry.event === 'signed_in')?.sub
