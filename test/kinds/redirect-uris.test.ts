/**
 * Redirect URIs as people have them, at every place that compares them, for every kind of client: loopback addresses,
 * `localhost`, schemes of applications, and claimed https (RFC 8252 §7). What applications get is in
 * `authorize/native-applications.test.ts`.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { challenge, issueCode, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { register } from '../support/registering.ts'
import { textsOf } from '../support/repository.ts'
import { type Answer, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret } from '../support/world.ts'
import { assertCovers } from './coverage.ts'

type Who = 'all' | 'public or native' | 'none'

/** The requested URI, and which clients may request it, by the registered one. */
const rows: Readonly<Record<string, Readonly<Record<string, Who>>>> = {
  'http://127.0.0.1/cb': {
    'http://127.0.0.1/cb': 'all',
    'http://127.0.0.1:1/cb': 'all',
    'http://127.0.0.1:80/cb': 'all',
    'http://127.0.0.1:4711/cb': 'all',
    'http://127.0.0.1:65535/cb': 'all',
    'http://127.0.0.1:0/cb': 'none',
    'http://127.0.0.1:65536/cb': 'none',
    'http://127.0.0.1:99999/cb': 'none',
    'http://127.0.0.1:04711/cb': 'none',
    'http://127.0.0.1:/cb': 'none',
    'http://127.0.0.1:+80/cb': 'none',
    'http://127.0.0.1:4711/CB': 'none',
    'http://127.0.0.1:4711/cb/': 'none',
    'http://127.0.0.1:4711/%63b': 'none',
    'http://127.0.0.1:4711/x/../cb': 'none',
    'http://127.0.0.1:4711//cb': 'none',
    'http://127.0.0.1:4711/cb?x=1': 'none',
    'http://127.0.0.1:4711/cb?': 'none',
    'http://127.0.0.1:4711/cb#': 'none',
    'http://127.0.0.1:4711\\cb': 'none',
    'http://127.0.0.1:4711': 'none',
    'http://user@127.0.0.1:4711/cb': 'none',
    'http://127.0.0.1:4711@evil.example/cb': 'none',
    'http://127.0.0.1.evil.example:4711/cb': 'none',
    'http://127.0.0.1.:4711/cb': 'none',
    'http://127.0.0.2:4711/cb': 'none',
    'http://127.1:4711/cb': 'none',
    'http://2130706433:4711/cb': 'none',
    'http://0x7f.1:4711/cb': 'none',
    'http://[::ffff:127.0.0.1]:4711/cb': 'none',
    'http://[::1]:4711/cb': 'none',
    'http://localhost:4711/cb': 'none',
    'http://localhost/cb': 'none',
    'https://127.0.0.1:4711/cb': 'none',
    'HTTP://127.0.0.1:4711/cb': 'none',
    ' http://127.0.0.1:4711/cb': 'none',
    'http://127.0.0.1:4711/cb\n': 'none',
  },
  'http://127.0.0.1:8080/cb?app=1': {
    'http://127.0.0.1:8080/cb?app=1': 'all',
    'http://127.0.0.1:4711/cb?app=1': 'all',
    'http://127.0.0.1/cb?app=1': 'all',
    'http://127.0.0.1:4711/cb?app=2': 'none',
    'http://127.0.0.1:4711/cb': 'none',
    'http://127.0.0.1:4711/cb?app=1&x=2': 'none',
    'http://localhost:8080/cb?app=1': 'none',
  },
  'http://127.0.0.1:33418': {
    'http://127.0.0.1:33418': 'all',
    'http://127.0.0.1:4711': 'all',
    'http://127.0.0.1': 'all',
    'http://127.0.0.1:4711/': 'none',
  },
  'http://127.0.0.1:0/': { 'http://127.0.0.1:4711/': 'all', 'http://127.0.0.1:4711/x': 'none' },
  'http://127.0.0.1?x=1': { 'http://127.0.0.1:4711?x=1': 'all', 'http://127.0.0.1:4711/?x=1': 'none' },
  'http://[::1]:8080/cb': {
    'http://[::1]:4711/cb': 'all',
    'http://[::1]/cb': 'all',
    'http://[::1]:0/cb': 'none',
    'http://[0:0:0:0:0:0:0:1]:4711/cb': 'none',
    'http://[::01]:4711/cb': 'none',
    'http://[::1%251]:4711/cb': 'none',
    'http://[::2]:4711/cb': 'none',
    'http://::1:4711/cb': 'none',
    'http://127.0.0.1:4711/cb': 'none',
    'http://localhost:4711/cb': 'none',
  },
  'http://localhost/callback': {
    'http://localhost/callback': 'all',
    'http://localhost:54212/callback': 'public or native',
    'http://localhost:80/callback': 'public or native',
    'http://localhost:0/callback': 'none',
    'http://localhost:65536/callback': 'none',
    'http://localhost:54212/other': 'none',
    'http://localhost:54212/callback?x': 'none',
    'http://LOCALHOST:54212/callback': 'none',
    'http://localhost.:54212/callback': 'none',
    'http://localhost.evil.example:54212/callback': 'none',
    'http://app.localhost:54212/callback': 'none',
    'http://localhost@evil.example:54212/callback': 'none',
    'http://127.0.0.1:54212/callback': 'none',
    'http://127.0.0.1/callback': 'none',
    'http://[::1]:54212/callback': 'none',
    'https://localhost:54212/callback': 'none',
  },
  'http://localhost:3000/callback': {
    'http://localhost:3000/callback': 'all',
    'http://localhost:3001/callback': 'public or native',
    'http://localhost/callback': 'public or native',
    'http://127.0.0.1:3000/callback': 'none',
  },
  // Only plain http allows any port on loopback.
  'https://localhost/cb': { 'https://localhost/cb': 'all', 'https://localhost:4711/cb': 'none' },
  'https://127.0.0.1:8443/cb': { 'https://127.0.0.1:8443/cb': 'all', 'https://127.0.0.1:4711/cb': 'none' },
  // A universal link, or an https address that an application claimed.
  'https://app.example/native/cb': {
    'https://app.example/native/cb': 'all',
    'https://app.example:443/native/cb': 'none',
    'https://app.example:8443/native/cb': 'none',
    'https://app.example/native/cb/': 'none',
    'https://app.example/native/cb?x=1': 'none',
    'https://APP.example/native/cb': 'none',
    'http://app.example/native/cb': 'none',
    'https://app.example.evil.example/native/cb': 'none',
  },
}

/** For applications only: other clients can't have them, or only if the operator allows it. */
const ofApplications: typeof rows = {
  'com.example.app:/cb': {
    'com.example.app:/cb': 'all',
    'com.example.app:/cb/': 'none',
    'com.example.app://cb': 'none',
    'com.example.app:cb': 'none',
    'COM.example.app:/cb': 'none',
    'com.example.app:/cb?x=1': 'none',
    'com.example.app.evil:/cb': 'none',
  },
  'cursor://anysphere.cursor-retrieval/oauth/user-1/callback': {
    'cursor://anysphere.cursor-retrieval/oauth/user-1/callback': 'all',
    'cursor://anysphere.cursor-retrieval/oauth/user-2/callback': 'none',
    'cursor://anysphere.cursor-retrieval:4711/oauth/user-1/callback': 'none',
    'vscode://anysphere.cursor-retrieval/oauth/user-1/callback': 'none',
  },
  'vscode://localhost:8080/cb': {
    'vscode://localhost:8080/cb': 'all',
    'vscode://localhost:8081/cb': 'none',
    'vscode://localhost/cb': 'none',
  },
}

type Kind = {
  readonly metadata: object
  /** How it authenticates at the token endpoint; undefined: it has no secret. */
  readonly confidential?: true
  readonly anyLocalhostPort?: true
  /** Only these may register schemes without a dot. */
  readonly schemes: boolean
  readonly registered?: true
}

const open = { token_endpoint_auth_method: 'none' } as const
const closed = { client_secrets: [{ value: secret }], require_pkce: false } as const
const byPost = { token_endpoint_auth_method: 'client_secret_post' } as const
const kinds = {
  'configured, public': { metadata: open, anyLocalhostPort: true, schemes: true },
  'configured, public, web': {
    metadata: { ...open, application_type: 'web' },
    anyLocalhostPort: true,
    schemes: false,
  },
  'configured, confidential': { metadata: closed, confidential: true, schemes: true },
  'configured, confidential, web': {
    metadata: { ...closed, application_type: 'web' },
    confidential: true,
    schemes: false,
  },
  'configured, confidential, native': {
    metadata: { ...closed, application_type: 'native' },
    confidential: true,
    anyLocalhostPort: true,
    schemes: true,
  },
  'registered, public': { metadata: open, anyLocalhostPort: true, schemes: true, registered: true },
  'registered, confidential': {
    metadata: byPost,
    confidential: true,
    schemes: false,
    registered: true,
  },
  'registered, confidential, native': {
    metadata: { ...byPost, application_type: 'native' },
    confidential: true,
    anyLocalhostPort: true,
    schemes: false,
    registered: true,
  },
} as const satisfies Readonly<Record<string, Kind>>

type World = {
  readonly server: TestServer
  readonly client_id: string
  readonly client_secret?: string
}

/** One server for all configured clients; one client for each registered URI. */
async function startWorlds(kind: Kind, uris: readonly string[]): Promise<(uri: string) => World> {
  const base = { scope: 'openid', request_object_signing_alg: 'none' }
  const metadataOf = (uri: string) => ({
    ...base,
    ...kind.metadata,
    redirect_uris: [uri],
    post_logout_redirect_uris: [uri],
  })
  const server = await createTestServer({
    users: [{ sub: '88421113', username: 'bob', password: 'bob', claims: {} }],
    clients: kind.registered
      ? []
      : uris.map((uri, index) => ({ ...metadataOf(uri), client_id: `client-${index}` })),
    registration: { mode: 'open', max_requests_per_hour: 1000 },
  })
  const ids = await Promise.all(
    uris.map(async (uri, index) => {
      if (!kind.registered) return { client_id: `client-${index}`, client_secret: secret }
      const { status, json } = await register(server, metadataOf(uri))
      assert.equal(status, 201, `${uri}: ${JSON.stringify(json)}`)
      return { client_id: json.client_id, client_secret: json.client_secret }
    }),
  )
  return uri => {
    const { client_id, client_secret } = ids[uris.indexOf(uri)]!
    return { server, client_id, ...(kind.confidential && { client_secret }) }
  }
}

const asked = (redirect_uri: string) => ({
  ...{ redirect_uri, response_type: 'code', scope: 'openid' },
  ...{ code_challenge: challenge, code_challenge_method: 'S256' },
})
const target = (parameters: Readonly<Record<string, string>>) =>
  `/connect/authorize?${new URLSearchParams(parameters)}`

/** An error page, as opposed to a redirect to the login page or to the client. */
function assertPage({ status, headers, reason }: Answer, about: string): void {
  assert.deepEqual(
    { status, location: headers.location, reason },
    { status: 400, location: undefined, reason: 'redirect_uri_not_registered' },
    about,
  )
}

const leadsOn = ({ status, reason }: Answer, about: string): void =>
  assert.deepEqual([status < 400, reason], [true, undefined], about)

const unsigned = (claims: object): string =>
  `${[{ alg: 'none' }, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`

type Place = {
  readonly send: (world: World, uri: string) => Promise<Answer>
  readonly assertAllowed: (answer: Answer, about: string) => void
  readonly assertRefused: (answer: Answer, about: string) => void
}

/** Every place that compares a requested URI with the registered ones. */
const places: Readonly<Record<string, Place>> = {
  'the authorization endpoint, GET': {
    send: ({ server, client_id }, uri) => server.send('GET', target({ client_id, ...asked(uri) })),
    assertAllowed: leadsOn,
    assertRefused: assertPage,
  },
  'the authorization endpoint, POST': {
    send: ({ server, client_id }, uri) =>
      server.send('POST', '/connect/authorize', { form: { client_id, ...asked(uri) } }),
    assertAllowed: leadsOn,
    assertRefused: assertPage,
  },
  'a request object': {
    send: ({ server, client_id }, uri) =>
      server.send(
        'GET',
        target({
          ...{ client_id, response_type: 'code', scope: 'openid' },
          request: unsigned({ client_id, ...asked(uri) }),
        }),
      ),
    assertAllowed: leadsOn,
    assertRefused: assertPage,
  },
  'a pushed request': {
    send: ({ server, client_id, client_secret }, uri) =>
      server.send('POST', '/connect/par', {
        form: { client_id, ...(client_secret !== undefined && { client_secret }), ...asked(uri) },
      }),
    assertAllowed: ({ status, json }, about) =>
      assert.deepEqual([status, json.error], [201, undefined], about),
    assertRefused: (answer, about) =>
      assertRefused(answer, 'invalid_request', 'redirect_uri_not_registered', about),
  },
  'the end-session endpoint': {
    send: ({ server, client_id }, post_logout_redirect_uri) =>
      server.send(
        'GET',
        `/connect/endsession?${new URLSearchParams({ client_id, post_logout_redirect_uri })}`,
      ),
    assertAllowed: leadsOn,
    // The user can still sign out, without a redirect.
    assertRefused: ({ status, reason }, about) =>
      assert.deepEqual([status, reason], [302, 'post_logout_redirect_uri_not_registered'], about),
  },
}

const isAllowed = (who: Who, kind: Kind): boolean =>
  who === 'all' || (who === 'public or native' && kind.anyLocalhostPort === true)

for (const [name, kind] of Object.entries<Kind>(kinds)) {
  const table = { ...rows, ...(kind.schemes && ofApplications) }
  for (const [where, place] of Object.entries(places)) {
    test(`redirect URIs: ${where} accepts those of a client that is ${name}, and no others [RFC 8252 §7.3, §8.4]`, async () => {
      const worldOf = await startWorlds(kind, Object.keys(table))
      for (const [registered, requests] of Object.entries(table)) {
        for (const [requested, who] of Object.entries(requests)) {
          const answer = await place.send(worldOf(registered), requested)
          const about = `${JSON.stringify(requested)} where ${registered} is registered`
          if (isAllowed(who, kind)) place.assertAllowed(answer, about)
          else place.assertRefused(answer, about)
        }
      }
    })
  }

  test(`redirect URIs: the token endpoint accepts only that of the authorization request, from a client that is ${name} [RFC 6749 §4.1.3]`, async () => {
    const worldOf = await startWorlds(kind, Object.keys(table))
    for (const [registered, requests] of Object.entries(table)) {
      const { server, client_id, client_secret } = worldOf(registered)
      const requested = Object.keys(requests).filter(uri => isAllowed(requests[uri]!, kind))
      const redeem = (code: string, redirect_uri: string) =>
        server.token({
          ...{ grant_type: 'authorization_code', client_id, client_secret, code },
          ...{ redirect_uri, code_verifier: verifier },
        })
      for (const redirect_uri of requested) {
        const others = [registered, ...Object.keys(requests)].filter(uri => uri !== redirect_uri)
        for (const other of others) {
          const code = await issueCode(server, { client_id, scope: ['openid'] }, { redirect_uri })
          const about = `${other} for ${redirect_uri}`
          assertRefused(await redeem(code, other), 'invalid_grant', 'redirect_uri_differs', about)
        }
        const code = await issueCode(server, { client_id, scope: ['openid'] }, { redirect_uri })
        assert.equal((await redeem(code, redirect_uri)).status, 200, redirect_uri)
      }
    }
  })
}

/** Files that read what a client registered, or compare it. The places above cover those that compare. */
const files = {
  compares: [
    'protocol/src/redirect-uri.ts',
    'server/src/authorization-request/response-target.ts',
    'server/src/model/redirect.ts',
    'server/src/pages/logout/endsession.ts',
    'server/src/endpoints/token/grants/authorization-code.ts',
  ],
  'compares nothing': [
    'server/src/model/client.ts',
    // Hosts that an operator blocks: test/registration/sealed-clients-policy.attack.test.ts.
    'server/src/model/client-blocks.ts',
    // A dictionary for compression.
    'server/src/clients/sealed/packed-metadata.ts',
    // They write configurations.
    'server/src/testing/configuration.ts',
    'create-tessera/src/configuration.ts',
    'create-tessera/src/project.ts',
    // It derives application_type from what a client registers.
    'client/src/endpoints/application-type.ts',
    // A type of what a client asks a server to register.
    'client/src/endpoints/client-metadata.ts',
  ],
  // The client compares where a response arrived: test/client/authorization-response.test.ts.
  'compares its own': ['client/src/authorization/response-parameters.ts'],
} as const

const comments = /^\s*(?:\/\/.*|\/?\*.*)$/gm
const knows =
  /redirect_uris\b|matchesRedirectUri|RedirectUriOf\b|[!=]==? \S*redirect_?uri\b|redirect_?uri [!=]== (?!undefined)/i

test('redirect URIs: each file that can compare them has a row', () => {
  const existing = [...textsOf('packages/*/src/**/*.ts')]
    // These check and copy redirect URIs, and compare none with that of a request.
    .filter(([file]) => !/\/(?:configuration|registration|cli|migration)\//.test(file))
    .filter(([, text]) => knows.test(text.replace(comments, '')))
    .map(([file]) => file.replace(/^packages\//, ''))
  assertCovers(Object.values(files).flat(), existing, 'file that can compare redirect URIs')
})
