/**
 * Every claim in `claims_supported` is returned, wherever a user is kept: with the type of OpenID Connect Core 1.0
 * §5.1, in the UserInfo response and in an ID token that has all claims.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addUser } from '../support/accounts.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { testFolder } from '../support/folder.ts'
import { certificate, type LdapServer, startLdapServer } from '../support/ldap.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'
import { assertCovers } from './coverage.ts'

/** One user, as each place represents them. */
const user = {
  name: 'Zoë Doe',
  family_name: 'Doe',
  given_name: 'Zoë',
  middle_name: 'Q.',
  nickname: 'zo',
  preferred_username: 'zoe',
  profile: 'https://people.example/zoe',
  picture: 'https://people.example/zoe.png',
  website: 'https://zoe.example',
  gender: 'female',
  birthdate: '1990-01-31',
  zoneinfo: 'Europe/Paris',
  locale: 'fr-FR',
  updated_at: 1_790_000_000,
  email: 'zoe@example.com',
  email_verified: true,
  address: { formatted: '1 rue X\nParis' },
  phone_number: '+33 1 23 45 67 89',
  phone_number_verified: false,
} as const

/** Claims of the sign-in, not of the user's record. */
const ofSignIn = ['sub', 'auth_time', 'acr', 'amr']

const { email, email_verified, ...rest } = user
const client = {
  ...pagesWorld.clients[0],
  client_id: 'web',
  scope: 'openid profile email address phone',
  always_include_user_claims_in_id_token: true,
}
const world = { ...pagesWorld, accounts: {}, clients: [client] }
const credentials = { username: 'zoe', password: 'seven purple kettles', button: 'login' }
const asking = (more: object = {}) => authorizePath({ scope: client.scope, ...more })

let ldap: LdapServer
const folder = testFolder()
const provider = foreignProvider()
const base = 'ou=people,dc=corp'
/** The attribute of each claim; address is a postal address, the rest is text (RFC 4517 §3.3). */
const attributes = Object.fromEntries(
  Object.entries({ ...user, address: '1 rue X$Paris', updated_at: '20260921141320Z' }).map(
    ([name, value]) => [
      `x-${name.replaceAll('_', '-')}`,
      [typeof value === 'boolean' ? String(value).toUpperCase() : String(value)],
    ],
  ),
)
before(async () => {
  const entry = { dn: `uid=zoe,${base}`, password: credentials.password }
  ldap = await startLdapServer({
    entries: [{ ...entry, attributes: { uid: ['zoe'], entryUUID: ['u-1'], ...attributes } }],
  })
  await folder.write('ca.pem', certificate)
})
after(() => ldap.close())

type SignedIn = { readonly server: TestServer; readonly page: Page }

const paths: Readonly<Record<string, () => Promise<SignedIn>>> = {
  'configured user': async () => {
    const server = await createTestServer({
      ...world,
      users: [{ sub: 'u', username: 'zoe', password: credentials.password, claims: user }],
    })
    return { server, page: await signIn(createBrowser(server), asking(), credentials) }
  },
  'stored user': async () => {
    const server = await createTestServer(world)
    await addUser(server, { ...credentials, email, emailVerified: email_verified, claims: rest })
    return { server, page: await signIn(createBrowser(server), asking(), credentials) }
  },
  'user of a directory': async () => {
    const claim_mapping = Object.fromEntries(
      Object.keys(user).map(name => [name, `x-${name.replaceAll('_', '-')}`]),
    )
    const directory = {
      url: `ldap://localhost:${ldap.port}`,
      ca_file: folder.at('ca.pem'),
      user_dn: `uid={username},${base}`,
      base,
    }
    const server = await createTestServer({
      ...world,
      identity_providers: [{ name: 'staff', type: 'ldap', claim_mapping, directory }],
    })
    const page = await signIn(createBrowser(server), asking({ acr_values: 'idp:staff' }), credentials)
    return { server, page }
  },
  'user of another provider': async () => {
    provider.claims = { ...user, sub: 'there' }
    const { server, browser } = await startFederated({ ...federatedWorld(provider), clients: [client] })
    return { server, page: await signInByProvider(browser, asking({ acr_values: 'idp:corp' })) }
  },
}

for (const [path, begin] of Object.entries(paths)) {
  test(`user claims: each claim in claims_supported of a ${path} is returned [OpenID Connect Core 1.0 §5.1, §5.4]`, async () => {
    const { server, page } = await begin()
    const { json: metadata } = await server.send('GET', '/.well-known/openid-configuration')
    assertCovers([...ofSignIn, ...Object.keys(user)], metadata.claims_supported, 'claim')
    const code = answerOf(page).get('code') ?? ''
    const { json } = await server.token({
      ...{ grant_type: 'authorization_code', client_id: 'web', code },
      ...{ redirect_uri: callback, code_verifier: verifier },
    })
    const idToken = claimsOf(json.id_token)
    const userinfo = await server.send('GET', '/connect/userinfo', {
      headers: { authorization: `Bearer ${json.access_token}` },
    })
    for (const name of ofSignIn) assert.ok(idToken[name] !== undefined, name)
    for (const [name, value] of Object.entries(user)) {
      assert.deepEqual(userinfo.json[name], value, `${name} in the UserInfo response`)
      assert.deepEqual(idToken[name], value, `${name} in the ID token`)
    }
  })
}

test('user claims: updated_at of a stored user is the creation time until something is changed [OpenID Connect Core 1.0 §5.1]', async () => {
  const server = await createTestServer(world)
  await addUser(server, { ...credentials, claims: {} })
  const made = server.clock.now()
  server.clock.advance(60)
  const code = answerOf(await signIn(createBrowser(server), asking(), credentials)).get('code') ?? ''
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  assert.equal(claimsOf(json.id_token).updated_at, made)
})
