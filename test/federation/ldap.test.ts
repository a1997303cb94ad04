import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { bindUser } from '../../packages/server/src/identity/directory/directory.ts'
import { made } from '../administration/outcomes.ts'
import { createBrowser } from '../support/browser.ts'
import { testFolder } from '../support/folder.ts'
import { certificate, type Entry, type LdapServer, startLdapServer } from '../support/ldap.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const base = 'ou=people,dc=corp'
const person = (uid: string, more: Partial<Entry> = {}): Entry => ({
  dn: `uid=${uid},${base}`,
  password: `${uid}-password`,
  ...more,
  attributes: { uid: [uid], entryUUID: [`uuid-of-${uid}`], ...more.attributes },
})
const entries: readonly Entry[] = [
  { dn: 'cn=reader,dc=corp', password: 'reading', attributes: {} },
  person('ada', {
    attributes: {
      cn: ['Ada Lovelace', 'Countess'],
      mail: ['ada@corp.example', 'countess@corp.example'],
      memberOf: ['cn=staff', 'cn=poets'],
      givenName: ['Ada'],
    },
  }),
  person('bob'),
  person('weird*)(uid=*', {}),
  person('locked', { bindResult: 19 }),
  person('expired', { bindResult: 53 }),
  person('gone', { attributes: { employeeType: ['former'] } }),
  { dn: `uid=twin,${base}`, password: 'x', attributes: { uid: ['twin'], entryUUID: ['t1'] } },
  { dn: `uid=twin,ou=more,${base}`, password: 'x', attributes: { uid: ['twin'], entryUUID: ['t2'] } },
  { dn: `uid=idless,${base}`, password: 'x', attributes: { uid: ['idless'] } },
  { dn: `uid=guid,${base}`, password: 'x', attributes: { uid: ['guid'], entryUUID: [Buffer.of(1, 0, 254)] } },
]

let ldap: LdapServer
const folder = testFolder()
before(async () => {
  ldap = await startLdapServer({ entries })
  await folder.write('ca.pem', certificate)
})
after(async () => {
  await ldap.close()
})
beforeEach(() => {
  ldap.entries = [...entries]
  ldap.asked.length = 0
})

const searching = () => ({
  url: `ldap://localhost:${ldap.port}`,
  ca_file: folder.at('ca.pem'),
  bind_dn: 'cn=reader,dc=corp',
  bind_password: 'reading',
  base,
})

const worldWith = (directory: object, settings: object = {}) => ({
  ...pagesWorld,
  identity_resources: [{ name: 'groups', claims: ['groups'] }],
  identity_providers: [{ name: 'staff', display_name: 'Staff', type: 'ldap', directory, ...settings }],
  clients: [
    ...pagesWorld.clients.filter(client => client.client_id !== 'restricted'),
    {
      client_id: 'direct',
      client_secrets: [{ value: 's' }],
      grant_types: ['password'],
      scope: 'openid profile email groups',
    },
  ],
})

const start = (directory: object = searching(), settings?: object) =>
  createTestServer(worldWith(directory, settings))

const direct = (server: TestServer, username: string, password = `${username}-password`, acr = 'idp:staff') =>
  server.token(
    { grant_type: 'password', username, password, acr_values: acr, scope: 'openid profile email groups' },
    { client: ['direct', 's'] },
  )

const refusal = (server: TestServer) =>
  server.logged.findLast(entry => entry.event === 'directory_refused')?.reason

test('ldap: whatever values an entry has, its user signs in with string claims or is refused', async () => {
  const hostile: readonly (readonly (string | Buffer)[])[] = [
    [],
    [''],
    [' '],
    ['\u0000'],
    [Buffer.of(0xff, 0xfe, 0x00)],
    [Buffer.of(0xed, 0xa0, 0x80)],
    ['__proto__', 'constructor'],
    ['{"toString":1}'],
    ['x'.repeat(100_000)],
    Array.from({ length: 500 }, (_, index) => `cn=${index}`),
  ]
  const claim_mapping = { name: 'cn', email: 'mail', groups: 'memberOf' }
  const server = await start(searching(), { claim_mapping })
  for (const attribute of ['cn', 'mail', 'memberOf', 'entryUUID', '__proto__', 'constructor', 'dn'])
    for (const [index, values] of hostile.entries()) {
      const what = `${attribute} ${index}`
      const attributes = Object.fromEntries([
        ...Object.entries(person('ada').attributes),
        [attribute, values],
      ])
      ldap.entries = [entries[0]!, { ...person('ada'), attributes }]
      const answer = await direct(server, 'ada')
      assert.ok([200, 400].includes(answer.status), `${what}: ${answer.status} ${answer.body}`)
      assert.equal(
        server.logged.find(({ event }) => event === 'request_failed' || event === 'directory_failed'),
        undefined,
        what,
      )
      if (answer.status !== 200) continue
      const authorization = `Bearer ${answer.json.access_token}`
      const { json } = await server.send('GET', '/connect/userinfo', { headers: { authorization } })
      for (const [claim, value] of Object.entries(json))
        assert.ok(
          [value].flat().every(one => typeof one === 'string' || typeof one === 'boolean'),
          `${what}: ${claim} ${JSON.stringify(value).slice(0, 100)}`,
        )
    }
})

test('ldap: a directory that was named at run time is not reached at a private address, unless it is allowed', async () => {
  const { ca_file: _, ...directory } = { ...searching(), tls: 'none' }
  const provider = { name: 'staff', type: 'ldap', directory }
  const { identity_providers: __, ...file } = worldWith({})
  const clients = file.clients.filter(client => client.client_id === 'direct')
  const beta = { name: 'beta', issuer: 'path', identity_providers: [provider], clients }
  const credentials = { username: 'ada', password: 'ada-password', acr_values: 'idp:staff' }
  for (const allowed_private_networks of [[], ['127.0.0.0/8', '::1']]) {
    const server = await createTestServer({ ...file, outbound: { allowed_private_networks } })
    const { identity_providers, tenants } = server.administration
    made(await identity_providers.create(provider, { actor: 'tester' }))
    made(await tenants.create(beta as never, { actor: 'tester' }))
    for (const path of ['', '/t/beta']) {
      ldap.asked.length = 0
      const form = { ...credentials, grant_type: 'password', client_id: 'direct', client_secret: 's' }
      const { status } = await server.send('POST', `${path}/connect/token`, { form })
      const failure = server.logged.find(({ event }) => event === 'directory_failed')
      if (allowed_private_networks.length > 0) assert.deepEqual([status, failure], [200, undefined])
      else {
        assert.deepEqual([status, failure?.error_code], [503, 'outbound_address_private'])
        assert.deepEqual(ldap.asked, [])
      }
    }
  }
})

test('ldap: the password grant signs a user of the directory in, over StartTLS, with mapped claims', async () => {
  const claim_mapping = { name: 'cn', email: 'MAIL', groups: 'memberOf', given_name: 'givenname', sub: 'uid' }
  const { sub: _, ...mapping } = claim_mapping
  const server = await start(searching(), { claim_mapping: mapping })
  const answer = await direct(server, 'ada')
  assert.equal(answer.status, 200, answer.body)
  const userinfo = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${answer.json.access_token}` },
  })
  const { sub, ...claims } = userinfo.json
  assert.match(sub, /^fed_[\w-]{43}$/)
  assert.deepEqual(claims, {
    name: 'Ada Lovelace',
    email: 'ada@corp.example',
    groups: ['cn=staff', 'cn=poets'],
    given_name: 'Ada',
  })
  assert.equal(claimsOf(answer.json.access_token).idp, 'staff')
  assert.deepEqual(claimsOf(answer.json.access_token).amr, ['pwd'])
  assert.deepEqual(ldap.asked, [
    'starttls',
    'bind cn=reader,dc=corp',
    `search ${base}`,
    `bind uid=ada,${base}`,
  ])
})

test('ldap: groups below group_base count, by name, and rules apply to them', async () => {
  const groups = [
    ...[
      'CN=ops,ou=Groups,dc=corp',
      'cn=Dev\\, Test, OU=team, OU=GROUPS , DC=Corp',
      'cn=a+ou=b,ou=groups,dc=corp',
    ],
    ...['cn=admins,ou=people,dc=corp', 'ou=groups,dc=corp', 'cn=x,ou=groups,dc=corp,dc=else', 'not a DN', ''],
  ]
  ldap.entries = [entries[0]!, person('ada', { attributes: { memberOf: groups } })]
  const claim_mapping = { groups: 'memberof' }
  const claimsWith = async (more: object, claims: readonly unknown[] = ['groups']) => {
    const world = worldWith({ ...searching(), group_base: 'ou=groups, dc=corp', ...more }, { claim_mapping })
    const server = await createTestServer({ ...world, identity_resources: [{ name: 'groups', claims }] })
    const { json } = await direct(server, 'ada')
    const headers = { authorization: `Bearer ${json.access_token}` }
    const { sub: _, ...given } = (await server.send('GET', '/connect/userinfo', { headers })).json
    return given
  }
  assert.deepEqual(await claimsWith({ group_format: 'name' }), { groups: ['ops', 'Dev, Test'] })
  assert.deepEqual(await claimsWith({}), { groups: groups.slice(0, 2) })
  const rules = [
    { claim: 'role', value: 'Admin', if_group: 'admins' },
    { claim: 'role', value: 'Editor', if_group: 'ops' },
  ]
  assert.deepEqual(await claimsWith({ group_format: 'name' }, rules), { role: 'Editor' })
})

test('ldap: the login page signs a user of the directory in', async () => {
  const server = await start()
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath({ acr_values: 'idp:staff' }))
  assert.match(page.text, /with Staff to continue to Web & Co/)
  const wrong = await browser.submit(page, { username: 'ada', password: 'wrong', button: 'login' })
  assert.equal(wrong.status, 400)
  assert.match(wrong.text, /don’t match/)
  const right = await browser.submit(page, { username: 'ada', password: 'ada-password', button: 'login' })
  assert.ok(answerOf(right).get('code'))
})

test('ldap: the sub remains when name and place change, and differs for another entry', async () => {
  const server = await start()
  const subOf = async (username: string, password?: string) =>
    claimsOf((await direct(server, username, password)).json.access_token).sub
  const before = await subOf('ada')
  const [moved] = [person('lovelace', { dn: 'uid=lovelace,ou=poets,ou=people,dc=corp' })]
  ldap.entries = [
    ...entries.filter(entry => !entry.dn.startsWith('uid=ada')),
    { ...moved, attributes: { ...moved.attributes, entryUUID: ['uuid-of-ada'] } },
  ]
  assert.equal(await subOf('lovelace'), before)
  assert.notEqual(await subOf('bob'), before)
  // Bytes that are not text, like those of an objectGUID.
  assert.match(await subOf('guid', 'x'), /^fed_/)
})

test('ldap: an empty password never binds [RFC 4513 §5.1.2]', async () => {
  const server = await start()
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath({ acr_values: 'idp:staff' }))
  const answer = await browser.submit(page, { username: 'ada', password: '', button: 'login' })
  assert.equal(answer.status, 400)
  assert.equal(refusal(server), 'directory_password_empty')
  assert.deepEqual(ldap.asked, [])
  assert.equal((await direct(server, 'ada', '')).status, 400)
  assert.deepEqual(ldap.asked, [])
})

test('ldap: special characters in a name have no meaning in the filter [RFC 4515 §3]', async () => {
  const server = await start()
  for (const name of [
    '*',
    'ad*',
    'ada)(uid=*',
    'ada)(|(uid=*',
    '*)(objectClass=*',
    'ada\\2a',
    '(uid=ada)',
    'ada)\u{1F600}',
  ]) {
    const answer = await direct(server, name, 'ada-password')
    assertRefused(answer, 'invalid_grant', 'credentials_refused', name)
    assert.equal(refusal(server), 'directory_user_unknown', name)
  }
  assert.equal((await direct(server, 'weird*)(uid=*')).status, 200)
})

test('ldap: unknown, wrong, locked, expired and ambiguous get the same response, and unknown names also bind', async () => {
  const server = await start()
  const answers = []
  for (const [name, password, reason] of [
    ['nobody', 'x', 'directory_user_unknown'],
    ['ada', 'x', 'directory_bind_refused'],
    ['locked', 'locked-password', 'directory_bind_refused'],
    ['expired', 'expired-password', 'directory_bind_refused'],
    ['twin', 'x', 'directory_user_ambiguous'],
    ['idless', 'x', 'directory_entry_without_id'],
  ] as const) {
    ldap.asked.length = 0
    const answer = await direct(server, name, password)
    answers.push(`${answer.status} ${answer.body}`)
    assert.equal(refusal(server), reason)
    assert.equal(ldap.asked.filter(asked => asked.startsWith('bind')).length, 2, name)
  }
  assert.deepEqual(
    [...new Set(answers)],
    ['400 {"error":"invalid_grant","error_description":"invalid_username_or_password"}'],
  )
  assert.ok(!JSON.stringify(server.logged).includes('-password'))
})

test('ldap: entries that the active filter excludes can’t sign in', async () => {
  const server = await start({ ...searching(), active_filter: '(!(employeeType=former))' })
  assertRefused(await direct(server, 'gone'), 'invalid_grant', 'credentials_refused')
  assert.equal((await direct(server, 'ada')).status, 200)
})

test('ldap: a correct password is refused if the entry is not among those that may sign in', async () => {
  const { bind_dn: _, bind_password: __, ...rest } = searching()
  const active_filter = '(!(employeeType=former))'
  const server = await start({ ...rest, user_dn: `uid={username},${base}`, active_filter })
  assertRefused(await direct(server, 'gone'), 'invalid_grant', 'credentials_refused')
  assert.equal(refusal(server), 'directory_user_inactive')
  assert.equal((await direct(server, 'ada')).status, 200)
})

test('ldap: an entry whose mapped attributes are too large can’t sign in', async () => {
  const large = person('large', { attributes: { memberOf: Array(1000).fill(`cn=${'x'.repeat(100)}`) } })
  ldap.entries = [...entries, large]
  const server = await start(searching(), { claim_mapping: { groups: 'memberOf' } })
  assertRefused(await direct(server, 'large'), 'invalid_grant', 'credentials_refused')
  assert.equal(refusal(server), 'directory_claims_too_large')
  assert.equal((await direct(server, 'ada')).status, 200)
})

test('ldap: users bind directly if configured, with names escaped [RFC 4514 §2.4]', async () => {
  const { bind_dn: _, bind_password: __, base: ___, ...rest } = searching()
  const server = await start({ ...rest, user_dn: `uid={username},${base}` })
  assert.equal((await direct(server, 'ada')).status, 200)
  assert.deepEqual(ldap.asked.slice(1), [`bind uid=ada,${base}`, `search uid=ada,${base}`])
  ldap.asked.length = 0
  assertRefused(await direct(server, 'x,cn=reader', 'reading'), 'invalid_grant', 'credentials_refused')
  assert.deepEqual(ldap.asked.slice(1), [`bind uid=x\\2ccn\\3dreader,${base}`])
})

test('ldap: a name that can’t be written at its place is refused without a query', async () => {
  const { bind_dn: _, bind_password: __, base: ___, ...rest } = searching()
  const server = await start({ ...rest, user_dn: '{username}@corp.example' })
  for (const name of ['ada@corp.example,cn=reader', 'ada lovelace', 'ada*']) {
    ldap.asked.length = 0
    assertRefused(await direct(server, name, 'x'), 'invalid_grant', 'credentials_refused')
    assert.equal(refusal(server), 'directory_name_unfit', name)
    assert.ok(!ldap.asked.some(asked => asked.startsWith('bind')), ldap.asked.join())
  }
})

/** A directory that the test calls directly, for input that forms and configuration never produce. */
const directoryOf = (more: object) =>
  ({
    ...{ ...searching(), scope: 'sub', tls: 'none', timeout: 5, filter: '(uid={username})' },
    ...{ id_attribute: 'entryUUID', claims: {}, list_claims: new Set(), ...more },
  }) as never

test('ldap: an entry without a DN is refused, since a bind without one is anonymous [RFC 4513 §5.1.1]', async () => {
  const attributes = { uid: ['nameless'], entryUUID: ['n'] }
  ldap.entries = [entries[0]!, { dn: '', password: 'nameless-password', attributes }]
  for (const password of ['nameless-password', 'another'])
    assert.deepEqual(await bindUser(directoryOf({ base: '' }), 'nameless', password), {
      ok: false,
      reason: 'directory_bind_refused',
    })
  assert.ok(!ldap.asked.includes('bind '), ldap.asked.join())
})

test('ldap: a name that two entries have is refused, however the password is checked', async () => {
  const { bind_dn: _, bind_password: __, ...rest } = searching()
  const server = await start({ ...rest, user_dn: `uid={username},${base}` })
  assert.equal((await direct(server, 'ada')).status, 200)
  assertRefused(await direct(server, 'twin', 'x'), 'invalid_grant', 'credentials_refused')
  assert.equal(refusal(server), 'directory_user_ambiguous')
})

test('ldap: a name without a UTF-8 form is not looked up', async () => {
  for (const name of ['\ud800', 'ada\udc00', '\udfff\ud800'])
    assert.deepEqual(await bindUser(directoryOf({}), name, 'x'), {
      ok: false,
      reason: 'directory_name_unfit',
    })
  assert.deepEqual(ldap.asked, [])
})

test('ldap: an entry with two ids is refused', async () => {
  ldap.entries = [...entries, person('double', { attributes: { entryUUID: ['one', 'two'] } })]
  const server = await start()
  assert.notEqual((await direct(server, 'double')).status, 200)
  assert.equal(refusal(server), 'directory_entry_without_id')
})

test('ldap: a directory without TLS or with a wrong certificate receives no password', async () => {
  const plain = await startLdapServer({ entries, withoutTls: true })
  const refusing = await start({ ...searching(), url: `ldap://localhost:${plain.port}` })
  const answer = await direct(refusing, 'ada')
  assert.equal(answer.status, 503)
  assert.equal(answer.json.error, 'temporarily_unavailable')
  assert.deepEqual(plain.asked, ['starttls'])
  await plain.close()
  const { ca_file: _, ...unproven } = searching()
  const stranger = await start(unproven)
  assert.equal((await direct(stranger, 'ada')).status, 503)
  assert.ok(!ldap.asked.some(asked => asked.startsWith('bind')))
})

test('ldap: ldaps uses TLS from the first byte; there is no TLS only if configured', async () => {
  const secure = await startLdapServer({ entries, ldaps: true })
  const server = await start({ ...searching(), url: `ldaps://localhost:${secure.port}` })
  assert.equal((await direct(server, 'ada')).status, 200)
  assert.ok(!secure.asked.includes('starttls'))
  await secure.close()
  const plain = await start({ ...searching(), tls: 'none' })
  ldap.asked.length = 0
  assert.equal((await direct(plain, 'ada')).status, 200)
  assert.ok(!ldap.asked.includes('starttls'))
})

test('ldap: a directory at an IP address proves that address by its certificate [RFC 4513 §3.1.3]', async t => {
  const secure = await startLdapServer({ entries, ldaps: true })
  t.after(secure.close)
  for (const url of [
    `ldaps://${secure.address}:${secure.port}`,
    `ldap://${ldap.address}:${ldap.port}`,
  ] as const)
    assert.equal((await direct(await start({ ...searching(), url }), 'ada')).status, 200, url)
})

test('ldap: an unreachable or silent directory is reported as such, counts no guess, and affects nothing else', async () => {
  const away = await startLdapServer({ entries })
  const server = await start({ ...searching(), url: `ldap://localhost:${away.port}`, timeout: 1 })
  away.mute = true
  assert.equal((await direct(server, 'ada')).status, 503)
  assert.equal(server.reason(), 'credential_authority_unavailable')
  await away.close()
  for (let count = 0; count < 101; count++) assert.equal((await direct(server, 'ada')).status, 503)
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath({ acr_values: 'idp:staff' }))
  const told = await browser.submit(page, { username: 'ada', password: 'x', button: 'login' })
  assert.equal(told.status, 503)
  assert.match(told.text, /can’t check passwords right now/)
  assert.ok(answerOf(await signIn(createBrowser(server), authorizePath())).get('code'))
  assert.equal((await direct(server, 'alice', 'wonderland', '')).status, 200)
})

test('ldap: there are at most the configured connections, however many users sign in', async t => {
  const own = await startLdapServer({ entries })
  t.after(own.close)
  const url = `ldap://localhost:${own.port}`
  const server = await start({ ...searching(), url, max_connections: 3, timeout: 5 })
  const answers = await Promise.all(Array.from({ length: 20 }, () => direct(server, 'ada')))
  assert.ok(answers.every(answer => answer.status === 200))
  assert.ok(own.connections().most <= 3)
  // A directory that hangs: three requests wait for it and thirty for these, however late the others arrive.
  own.mute = true
  let refused = 0
  const crowd = Array.from({ length: 60 }, async () => {
    const { status } = await direct(server, 'ada')
    if (own.mute && status === 503 && ++refused === 60 - 3 - 30) own.mute = false
    return status
  })
  const served = (await Promise.all(crowd)).filter(status => status === 200).length
  // Requests that were not sent to the directory do not count as its failures.
  const failed = server.logged.filter(({ event }) => event === 'directory_failed')
  assert.ok(failed.length <= 3, String(failed.length))
  // The first three are not served, because they asked before the directory recovered.
  assert.ok(served >= 30 && served <= 33, `${served}`)
})

test('ldap: a client may be excluded from the directory, and guesses are counted', async () => {
  const server = await start()
  for (let count = 0; count < 100; count++) await direct(server, 'ada', 'wrong')
  assert.equal((await direct(server, 'ada')).status, 429)
  const world = worldWith(searching())
  const clients = world.clients.map(client =>
    client.client_id === 'direct' ? { ...client, identity_provider_restrictions: ['other'] } : client,
  )
  const other = { name: 'other', type: 'oidc', issuer: 'https://other.example', client_id: 'x' }
  const restricted = await createTestServer({
    ...world,
    clients,
    identity_providers: [...world.identity_providers, other],
  })
  assertRefused(await direct(restricted, 'ada'), 'invalid_request', 'provider_not_allowed')
})

test('ldap: a single remaining directory has a page for its password; a domain leads to it too', async () => {
  const server = await start(searching(), { domains: ['corp.example'] })
  const browser = createBrowser(server)
  const only = await browser.visit(authorizePath({ client_id: 'nolocal' }))
  assert.match(only.text, /with Staff/)
  assert.match(only.body, /name="password"/)
  const first = await browser.visit(authorizePath())
  const second = await browser.submit(first, { username: 'ada@corp.example', button: 'next' })
  assert.match(second.text, /with Staff/)
  assert.equal(second.form?.fields.username, 'ada@corp.example')
  const done = await browser.submit(second, { username: 'ada', password: 'ada-password', button: 'login' })
  assert.ok(answerOf(done).get('code'))
})

test('ldap: if linking by address is configured, the entry of a local user with that address is this user', async () => {
  const local = {
    sub: '9',
    username: 'ada-here',
    claims: { email: 'Ada@corp.example', email_verified: true },
  }
  for (const [linking, sub] of [
    ['verified_email', /^9$/],
    ['none', /^fed_/],
  ] as const) {
    const world = worldWith(searching(), { linking })
    const server = await createTestServer({ ...world, users: [...world.users, local] })
    assert.match(claimsOf((await direct(server, 'ada')).json.access_token).sub, sub)
  }
})

test('ldap: guesses at a directory user are counted once for all tenants', async () => {
  const added = Array.from({ length: 4 }, (_, n) => ({ name: `tenant${n}` }))
  const tenants = [...pagesWorld.tenants, ...added]
  const server = await createTestServer({ ...worldWith(searching()), tenants })
  const statuses: number[] = []
  for (let n = 0; n < 104; n++) {
    const acr = n % 5 === 4 ? 'idp:staff' : `idp:staff tenant:tenant${n % 5}`
    statuses.push((await direct(server, 'ada', 'wrong', acr)).status)
  }
  assert.equal(statuses.filter(status => status === 400).length, 100)
  assert.equal(statuses.at(-1), 429)
  assert.equal(server.reason(), 'password_guessed_too_often')
})

test('ldap: groups are a list even with one value, others as list_claims says [RFC 9068 §2.2.3.1]', async () => {
  const attributes = { memberOf: ['cn=staff'], title: ['Countess'], cn: ['Ada', 'Countess'] }
  ldap.entries = [entries[0]!, person('ada', { attributes })]
  const claim_mapping = { groups: 'title', name: 'cn', nickname: 'memberOf', email: 'mail' }
  for (const [settings, expected] of [
    [{ claim_mapping }, { groups: ['Countess'], name: 'Ada', nickname: ['cn=staff'] }],
    [
      { claim_mapping, list_claims: [] },
      { groups: 'Countess', name: 'Ada', nickname: 'cn=staff' },
    ],
    [
      { claim_mapping, list_claims: ['name', 'email'] },
      { groups: 'Countess', name: ['Ada', 'Countess'], nickname: 'cn=staff' },
    ],
    [{ claim_mapping: { groups: 'MEMBEROF' } }, { groups: ['cn=staff'] }],
  ] as const) {
    const server = await start(searching(), settings)
    const authorization = `Bearer ${(await direct(server, 'ada')).json.access_token}`
    const { json } = await server.send('GET', '/connect/userinfo', { headers: { authorization } })
    const { sub: _, ...claims } = json
    assert.deepEqual(claims, expected, JSON.stringify(settings))
  }
})
