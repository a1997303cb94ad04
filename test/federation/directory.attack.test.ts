/** A directory with excessive responses, and people who use several names of one user. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFraming } from '../../packages/server/src/identity/directory/bounded-socket.ts'
import { createBrowser } from '../support/browser.ts'
import { testFolder } from '../support/folder.ts'
import { certificate, type Entry, type LdapOptions, startLdapServer } from '../support/ldap.ts'
import { alice, answerOf, authorizePath, pagesWorld } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const base = 'ou=people,dc=corp'
const entries: readonly Entry[] = [
  { dn: 'cn=reader,dc=corp', password: 'reading', attributes: {} },
  {
    dn: `uid=ada,${base}`,
    password: 'right',
    attributes: { uid: ['ada'], mail: ['ada@corp.example'], entryUUID: ['1'] },
  },
]
const folder = testFolder()

async function withDirectory(
  use: (server: TestServer, ldap: Awaited<ReturnType<typeof startLdapServer>>) => Promise<void>,
  { directory = {}, ...options }: Omit<LdapOptions, 'entries'> & { readonly directory?: object } = {},
): Promise<void> {
  await folder.write('ca.pem', certificate)
  const ldap = await startLdapServer({ entries, ...options })
  try {
    const server = await createTestServer({
      ...pagesWorld,
      identity_providers: [
        {
          ...{ name: 'staff', display_name: 'Staff', type: 'ldap' },
          directory: {
            url: `${options.ldaps ? 'ldaps' : 'ldap'}://localhost:${ldap.port}`,
            ca_file: folder.at('ca.pem'),
            ...{ bind_dn: 'cn=reader,dc=corp', bind_password: 'reading', base },
            ...directory,
          },
        },
      ],
      clients: [
        ...pagesWorld.clients.filter(({ client_id }) => client_id !== 'restricted'),
        {
          client_id: 'direct',
          client_secrets: [{ value: 's' }],
          grant_types: ['password'],
          scope: 'openid',
        },
      ],
    })
    await use(server, ldap)
  } finally {
    await ldap.close()
  }
}

const signIn = (server: TestServer, username: string, password: string, acr_values = 'idp:staff') =>
  server.token(
    { grant_type: 'password', username, password, acr_values, scope: 'openid' },
    { client: ['direct', 's'] },
  )

const bothNames = '(|(uid={username})(mail={username}))'
const zeros = Buffer.alloc(64 * 1024)
/** A reference to another directory, as a message that belongs to nothing. */
const reference = Buffer.from('300b02010073060404', 'hex')
const hostile: Readonly<Record<string, { endless: Buffer; error: RegExp }>> = {
  'a message of two gigabytes': {
    endless: Buffer.concat([Buffer.from('30847fffffff', 'hex'), zeros]),
    error: /a message of more than 262144 bytes/,
  },
  'a length that is not told': {
    endless: Buffer.concat([Buffer.from('3080', 'hex'), zeros]),
    error: /not an LDAP message/,
  },
  'messages with lengths that are not told': {
    endless: Buffer.concat([Buffer.from('3080', 'hex'), zeros.subarray(0, 128)]),
    error: /not an LDAP message/,
  },
  'another protocol': { endless: Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), error: /not an LDAP message/ },
  'messages without end': {
    endless: Buffer.concat([Buffer.from('3083010000', 'hex'), zeros]),
    error: /more than 1048576 bytes/,
  },
  'small messages without end': {
    endless: Buffer.concat(
      Array.from({ length: 100 }, () => Buffer.concat([reference, Buffer.from('ldap')])),
    ),
    error: /more than 1000 messages/,
  },
}

for (const [way, options] of Object.entries({
  'in the clear': { directory: { tls: 'none', timeout: 60 } },
  'after StartTLS': { directory: { timeout: 60 } },
  'over ldaps': { ldaps: true, directory: { timeout: 60 } },
}))
  test(`attack: a directory that never stops sending is disconnected immediately, ${way}`, () =>
    withDirectory(async (server, ldap) => {
      for (const [what, { endless, error }] of Object.entries(hostile)) {
        Object.assign(ldap, { endless, sent: 0 })
        const [theirs, ours] = await Promise.all([
          signIn(server, 'ada', 'right'),
          signIn(server, alice.username, alice.password, ''),
        ])
        assert.equal(theirs.status, 503, what)
        assert.equal(ours.status, 200, what)
        const failed = server.logged.findLast(({ event }) => event === 'directory_failed')
        assert.match(String(failed?.error), error, what)
        assert.ok(ldap.sent < 64 * 1024 * 1024, `${what}: ${ldap.sent} bytes`)
      }
      ldap.endless = undefined
      assert.equal((await signIn(server, 'ada', 'right')).status, 200)
    }, options))

test('attack: a password that comes after the connection was given up is not sent, since a new one would have no StartTLS', () =>
  withDirectory(
    async (server, ldap) => {
      const { count } = server.stores.attempts
      const late = Promise.withResolvers<void>()
      let counts = 0
      Object.assign(server.stores.attempts, {
        async count(...given: Parameters<typeof count>) {
          counts += 1
          // The directory has found the user. Before their password is sent, the connection is given up.
          if (counts === 2) await until('the connection ends', () => ldap.connections().now === 0)
          const counted = await count(...given)
          if (counts === 2) late.resolve()
          return counted
        },
      })
      const asked = signIn(server, 'ada', 'right')
      await late.promise
      assert.equal((await asked).status, 503)
      // Whatever follows in the same connection would arrive before that of a later one.
      assert.equal((await signIn(server, 'ada', 'wrong')).status, 400)
      assert.deepEqual(ldap.asked.slice(0, 4), [
        'starttls',
        'bind cn=reader,dc=corp',
        `search ${base}`,
        'starttls',
      ])
      // It is not counted: all of a hundred guesses but the one above remain.
      for (let guess = 1; guess < 100; guess++)
        assert.equal((await signIn(server, 'ada', 'wrong')).status, 400)
      assert.equal((await signIn(server, 'ada', 'right')).status, 429)
    },
    // Long enough for each of the other sign-ins on a busy machine.
    { directory: { timeout: 5 } },
  ))

test('attack: the parts of an LDAP message are joined once, however small they are', () => {
  const message = Buffer.concat([Buffer.from('3082fff0', 'hex'), Buffer.alloc(0xfff0, 'x')])
  for (const size of [1, 2, 3, 5, 1000, message.length]) {
    const frame = createFraming()
    const stream = Buffer.concat([message, Buffer.from('3000', 'hex'), message])
    const whole: Buffer[] = []
    for (let at = 0; at < stream.length; at += size) {
      const messages = frame(stream.subarray(at, at + size))
      assert.ok(typeof messages !== 'string', String(messages))
      whole.push(...messages)
    }
    assert.deepEqual(
      whole.map(({ length }) => length),
      [message.length, 2, message.length],
    )
    assert.ok(Buffer.concat(whole).equals(stream))
  }
})

test('attack: the names of one user of a directory share the guesses, and the right password is refused too', () =>
  withDirectory(
    async (server, ldap) => {
      for (let n = 0; n < 60; n++) assert.equal((await signIn(server, 'ada', 'wrong')).status, 400)
      for (let n = 0; n < 40; n++)
        assert.equal((await signIn(server, 'ada@corp.example', 'wrong')).status, 400)
      for (const name of ['ada', 'ada@corp.example']) {
        ldap.asked.length = 0
        const answer = await signIn(server, name, 'right')
        assert.equal(answer.status, 429)
        assert.equal(answer.json.error, 'invalid_grant')
        assert.ok(Number(answer.headers['retry-after']) > 0)
        assert.equal(server.reason(), 'password_guessed_too_often')
        const refused = server.logged.findLast(({ event }) => event === 'directory_refused')
        assert.equal(refused?.reason, 'directory_user_limited')
        assert.ok(!ldap.asked.includes(`bind uid=ada,${base}`), ldap.asked.join())
      }
      // A user that was found to be refused is counted for its name, so that the searches end too.
      for (let n = 0; n < 100; n++) await signIn(server, 'ada@corp.example', 'wrong')
      ldap.asked.length = 0
      assert.equal((await signIn(server, 'ada@corp.example', 'right')).status, 429)
      assert.deepEqual(ldap.asked, [])
    },
    { directory: { tls: 'none', filter: bothNames } },
  ))

test('attack: guesses by all names of a directory user lock out no browser that the user signed in with', () =>
  withDirectory(
    async server => {
      const browser = createBrowser(server)
      const at = () => browser.visit(authorizePath({ acr_values: 'idp:staff', prompt: 'login' }))
      const fields = { username: 'ada', password: 'right', button: 'login' }
      assert.ok(answerOf(await browser.submit(await at(), fields)).get('code'))
      for (let n = 0; n < 110; n++) await signIn(server, n % 2 ? 'ada' : 'ada@corp.example', 'wrong')
      assert.equal((await signIn(server, 'ada', 'right')).status, 429)
      assert.ok(answerOf(await browser.submit(await at(), fields)).get('code'))
    },
    { directory: { tls: 'none', filter: bothNames } },
  ))

test('attack: sign-ins wait at most the timeout for their turn at a silent directory', () =>
  withDirectory(
    async (server, ldap) => {
      ldap.mute = true
      const waiting = Array.from({ length: 11 }, () => signIn(server, 'ada', 'right'))
      for (const { status } of await Promise.all(waiting)) assert.equal(status, 503)
      const full = server.logged.filter(({ reason }) => reason === 'password_queue_full')
      // At most one gets the place of the first, at the very moment at which all have waited long enough.
      assert.ok(full.length >= 9, `${full.length}`)
      ldap.mute = false
      assert.equal((await signIn(server, 'ada', 'right')).status, 200)
    },
    { directory: { tls: 'none', timeout: 1, max_connections: 1 } },
  ))
