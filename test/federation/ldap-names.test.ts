/** A name that a user types reaches the directory unchanged, byte for byte. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { type Entry, type LdapServer, startLdapServer } from '../support/ldap.ts'
import { assertRefused } from '../support/refused.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const base = 'ou=people,dc=corp'
const reader: Entry = { dn: 'cn=reader,dc=corp', password: 'reading', attributes: {} }

let ldap: LdapServer
before(async () => {
  ldap = await startLdapServer({ entries: [reader] })
})
after(() => ldap.close())
beforeEach(() => {
  ldap.entries = [reader]
  ldap.asked.length = 0
  ldap.filters.length = 0
})

const searching = () => ({
  url: `ldap://localhost:${ldap.port}`,
  tls: 'none',
  bind_dn: 'cn=reader,dc=corp',
  bind_password: 'reading',
  base,
})

const start = (directory: object = searching()) =>
  createTestServer({
    identity_providers: [{ name: 'staff', type: 'ldap', directory }],
    clients: [
      { client_id: 'direct', client_secrets: [{ value: 's' }], grant_types: ['password'], scope: 'openid' },
    ],
  })

const signIn = (server: TestServer, username: string, password = 'right', from = '192.0.2.1') =>
  server.token(
    { grant_type: 'password', username, password, acr_values: 'idp:staff', scope: 'openid' },
    { client: ['direct', 's'], from },
  )

/** X.690 §8, implemented independently of the tested code. Lengths have the form that the test directory reports. */
function ber(tag: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const value = Buffer.concat(
    parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part)),
  )
  const { length } = value
  const size = length < 128 ? [length] : [0x84, 0, 0, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), value])
}
const equality = (attribute: string, value: Buffer | string) =>
  ber(0xa3, ber(0x04, attribute), ber(0x04, value))

const names = [
  ...[
    'ada',
    'Müller',
    'Mu\u0308ller',
    'Jürgen Groß',
    'Łukasz',
    'Ελένη',
    'Иван',
    '山田太郎',
    '김민준',
    'さくら',
  ],
  ...[
    'José',
    'Nguyễn',
    'محمد',
    'שרה',
    'सीता',
    '🐘',
    '👩‍👩‍👧',
    'a\u200db',
    '\u202eada',
    '\ufeffada',
    'é\u0301',
  ],
  ...['*', '(', ')', '\\', '\\2a', '\\c3\\bc', '(*)', 'a*b', ')(uid=*', '*)(|(objectClass=*', '\\00', '\\\\'],
  ...[
    'a=b',
    'a,b',
    'a+b',
    '"a"',
    '<a>',
    'a;b',
    '#a',
    'a#',
    'a b',
    'a/b',
    "a'b",
    'a&b',
    'a|b',
    '!a',
    '~a',
    '{username}',
  ],
  ...[
    '\u0001',
    '\t',
    '\u007f',
    '\u0080',
    '\u00ff',
    '\u0100',
    '\uffff',
    '\u{10ffff}',
    '$&',
    '$1',
    '$`',
    '%2a',
  ],
]

test('ldap: the filter contains each name as its UTF-8, byte for byte [RFC 4515 §3] [RFC 4511 §4.5.1.7]', async () => {
  const server = await start()
  for (const [index, name] of names.entries()) {
    ldap.filters.length = 0
    ldap.entries = [
      reader,
      {
        dn: `cn=${index},${base}`,
        password: 'right',
        attributes: { uid: [name], entryUUID: [`id-${index}`] },
      },
    ]
    const answer = await signIn(server, name)
    assert.deepEqual(ldap.filters, [equality('uid', name)], JSON.stringify(name))
    assert.equal(answer.status, 200, `${JSON.stringify(name)}: ${answer.body}`)
  }
})

test('ldap: the filter contains the bytes of any name, and no name finds another’s entry [RFC 4515 §3]', async () => {
  const server = await start()
  const pieces = [
    '*',
    '(',
    ')',
    '\\',
    '2a',
    '\u00fc',
    'u\u0308',
    '山',
    '🐘',
    'a',
    '=',
    '&',
    '|',
    '!',
    '\u0001',
    ' b',
  ]
  const typed = fc.string({ unit: fc.constantFrom(...pieces), minLength: 1, maxLength: 12 })
  let guess = 0
  ldap.entries = [
    reader,
    { dn: `cn=a,${base}`, password: 'right', attributes: { uid: ['a'], entryUUID: ['x'] } },
  ]
  await fc.assert(
    fc.asyncProperty(typed, async name => {
      ldap.filters.length = 0
      guess += 1
      const answer = await signIn(server, name, 'right', `192.0.2.${guess % 250}`)
      assert.deepEqual(ldap.filters, [equality('uid', name)])
      if (name === 'a') assert.equal(answer.status, 200)
      else assertRefused(answer, 'invalid_grant', 'credentials_refused')
    }),
    { numRuns: 80 },
  )
})

test('ldap: the configured filters are read as bytes too, escaped or not [RFC 4515 §3]', async () => {
  const server = await start({
    ...searching(),
    filter: '(&(uid={username})(ou=B\\c3\\bccher)(l=Zürich)(objectGUID=\\00\\fe\\2a))',
    active_filter: '(!(|(title=*\\c3\\a9l\\c3\\A8ve*)(description=été*)))',
  })
  assertRefused(await signIn(server, 'Müller'), 'invalid_grant', 'credentials_refused')
  const any = (attribute: string, tag: number, value: string) =>
    ber(0xa4, ber(0x04, attribute), ber(0x30, ber(tag, value)))
  assert.deepEqual(
    ldap.filters.map(String),
    [
      ber(
        0xa0,
        ber(
          0xa0,
          equality('uid', 'Müller'),
          equality('ou', 'Bücher'),
          equality('l', 'Zürich'),
          equality('objectGUID', Buffer.of(0, 0xfe, 0x2a)),
        ),
        ber(0xa2, ber(0xa1, any('title', 0x81, 'élève'), any('description', 0x80, 'été'))),
      ),
    ].map(String),
  )
})

test('ldap: the DN of a direct bind contains each name as its UTF-8, with special characters escaped [RFC 4514 §2.4]', async () => {
  const { bind_dn: _, bind_password: __, ...rest } = searching()
  const server = await start({ ...rest, user_dn: `uid={username},${base}` })
  for (const [name, written] of [
    ['Müller', 'Müller'],
    ['Mu\u0308ller', 'Mu\u0308ller'],
    ['山田🐘', '山田🐘'],
    ['a,b', 'a\\2cb'],
    ['a+b=c', 'a\\2bb\\3dc'],
    ['"<a>";', '\\22\\3ca\\3e\\22\\3b'],
    ['#a', '\\23a'],
    [' a b ', '\\20a b\\20'],
    ['a\\,b', 'a\\5c\\2cb'],
    ['*()', '*()'],
    ['x,cn=reader', 'x\\2ccn\\3dreader'],
    ['$&{username}', '$&{username}'],
  ] as const) {
    ldap.asked.length = 0
    assertRefused(await signIn(server, name), 'invalid_grant', 'credentials_refused')
    assert.deepEqual(ldap.asked, [`bind uid=${written},${base}`], name)
  }
})

test('ldap: a bind name that is not a DN accepts letters of any script, and nothing that could name another domain', async () => {
  const { bind_dn: _, bind_password: __, ...rest } = searching()
  const server = await start({ ...rest, user_dn: '{username}@corp.example' })
  const refusal = () => server.logged.findLast(({ event }) => event === 'directory_refused')?.reason
  for (const name of ['ada', 'Müller', 'Mu\u0308ller', '山田', 'Иван_1.x-y']) {
    ldap.asked.length = 0
    assertRefused(await signIn(server, name), 'invalid_grant', 'credentials_refused')
    assert.deepEqual(ldap.asked, [`bind ${name}@corp.example`])
  }
  for (const name of ['a@b', 'a＠b', 'CORP\\a', 'a b', 'a,b', 'cn=a', 'a\u200b', 'a\u0001', '/a', '🐘']) {
    ldap.asked.length = 0
    assertRefused(await signIn(server, name), 'invalid_grant', 'credentials_refused')
    assert.equal(refusal(), 'directory_name_unfit', name)
    assert.deepEqual(ldap.asked, [])
  }
})
