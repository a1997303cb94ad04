/** Applications for the tests of the test server: a client of openid-client, and a web application that uses it. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as client from 'openid-client'
import type { TestServer } from '../../packages/server/src/testing.ts'

export const callback = 'http://localhost:3999/callback'

/** Discovers the issuer, as an application does when it starts. */
export const discover = (
  idp: Pick<TestServer, 'issuer'>,
  clientId = 'test-client',
  secret = 'test-secret',
): Promise<client.Configuration> =>
  client.discovery(new URL(idp.issuer), clientId, secret, undefined, {
    execute: [client.allowInsecureRequests],
  })

/** An authorization request, and how its response is redeemed. */
export async function beginSignIn(
  configuration: client.Configuration,
  parameters: Readonly<Record<string, string>> = {},
) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: callback,
    scope: 'openid profile email offline_access api',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...parameters,
  })
  const redeem = (response: URL) =>
    client.authorizationCodeGrant(configuration, response, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      ...(parameters.max_age && { maxAge: Number(parameters.max_age) }),
    })
  return { url, redeem }
}

/** Signs in and redeems the code. */
export async function tokensBySignIn(
  idp: TestServer,
  configuration: client.Configuration,
  options: Parameters<TestServer['signIn']>[1] = {},
  parameters: Readonly<Record<string, string>> = {},
) {
  const { url, redeem } = await beginSignIn(configuration, parameters)
  const { url: response, browser } = await idp.signIn(url, options)
  return { tokens: await redeem(response), browser }
}

/** A web application with a session cookie: `/login`, `/callback` and `/me`. It also receives logout tokens. */
export async function startApplication(configuration: () => client.Configuration) {
  const users = new Map<string, string>()
  const logoutTokens: string[] = []
  let pending: {
    redeem: (url: URL) => Promise<client.TokenEndpointResponse & client.TokenEndpointResponseHelpers>
  }
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', `http://localhost:${portOf(server)}`)
    const session = /app_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
    if (url.pathname === '/login') {
      const begun = await beginSignIn(configuration(), { redirect_uri: `${url.origin}/callback` })
      pending = begun
      response.writeHead(302, { location: begun.url.href }).end()
    } else if (url.pathname === '/callback') {
      const tokens = await pending.redeem(url)
      users.set('s1', String(tokens.claims()?.sub))
      response.writeHead(302, { 'set-cookie': 'app_session=s1; Path=/; HttpOnly', location: '/me' }).end()
    } else if (url.pathname === '/logout-token') {
      let body = ''
      for await (const chunk of request) body += chunk
      logoutTokens.push(new URLSearchParams(body).get('logout_token') ?? '')
      response.writeHead(200).end()
    } else response.end(users.get(session) ?? 'nobody')
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  return {
    url: `http://localhost:${portOf(server)}`,
    logoutTokens,
    async close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port
