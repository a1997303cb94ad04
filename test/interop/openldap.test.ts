/**
 * A real OpenLDAP, if `slapd` is installed: names of any script are found, escaped and bound as it reads them (RFC
 * 4515, RFC 4514).
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { certificate, identity } from '../support/ldap.ts'
import { freePort } from '../support/process.ts'
import { assertRefused } from '../support/refused.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const first = (...places: readonly string[]): string | undefined => places.find(place => existsSync(place))
const slapd = first(
  '/usr/sbin/slapd',
  '/usr/libexec/slapd',
  '/usr/local/libexec/slapd',
  '/usr/lib/openldap/slapd',
)
const schemas = first('/etc/ldap/schema', '/etc/openldap/schema', '/usr/local/etc/openldap/schema')
const modules = first(
  '/usr/lib/ldap',
  '/usr/lib64/openldap',
  '/usr/lib/openldap',
  '/usr/local/libexec/openldap',
)
const options = {
  skip: slapd && schemas ? false : 'no OpenLDAP is installed here (Debian: apt-get install slapd)',
}

const names = [
  ...[
    'ada',
    'Müller',
    'Mu\u0308nch',
    'Łukasz',
    'Ελένη',
    'Иван',
    '山田太郎',
    'さくら',
    'محمد',
    '🐘',
    'José Ángel',
  ],
  ...['a*b', 'a(b)', 'a\\b', '\\2a', 'a,b', 'a+b', 'a=b', '"a"', '<a>', 'a;b', '#a', 'a#b', 'a&b|c!d', 'a/b'],
]
const base = 'ou=people,dc=corp'
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const dnOf = (name: string): string =>
  `uid=${name.replaceAll(/[\\,+="<>;#]/g, one => `\\${one.charCodeAt(0).toString(16)}`)},${base}`

const ldif = [
  'dn: dc=corp\nobjectClass: dcObject\nobjectClass: organization\no: corp\ndc: corp',
  `dn: ${base}\nobjectClass: organizationalUnit\nou: people`,
  'dn: cn=reader,dc=corp\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: reading',
  ...names.map(
    (name, index) =>
      `dn:: ${base64(dnOf(name))}\nobjectClass: inetOrgPerson\nuid:: ${base64(name)}\ncn:: ${base64(`${name} X`)}\nsn: X\n` +
      `userPassword: right-${index}\ndepartmentNumber: only`,
  ),
].join('\n\n')

let folder = ''
let port = 0
let child: ChildProcess | undefined

before(async () => {
  if (options.skip) return
  port = await freePort()
  folder = await mkdtemp(join(tmpdir(), 'tessera-openldap-'))
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  await mkdir(join(folder, 'people'))
  const lines = [
    ...['core', 'cosine', 'inetorgperson'].map(name => `include ${schemas}/${name}.schema`),
    ...(modules && existsSync(`${modules}/back_mdb.so`)
      ? [`modulepath ${modules}`, 'moduleload back_mdb']
      : []),
    `TLSCertificateFile ${await write('cert.pem', certificate)}`,
    `TLSCertificateKeyFile ${await write('key.pem', identity.key)}`,
    `pidfile ${join(folder, 'pid')}`,
    'database mdb',
    'suffix "dc=corp"',
    `directory ${join(folder, 'people')}`,
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by users read by * none',
  ]
  const file = await write('slapd.conf', `${lines.join('\n')}\n`)
  execFileSync(slapd!, ['-T', 'add', '-f', file, '-l', await write('people.ldif', `${ldif}\n`)])
  child = spawn(slapd!, ['-d', '0', '-f', file, '-h', `ldap://localhost:${port}`], { stdio: 'ignore' })
  await until('slapd listens', async () => {
    const socket = connect(port, 'localhost')
    return new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    }).finally(() => socket.destroy())
  })
})
after(async () => {
  if (child && child.exitCode === null) {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  if (folder !== '') await rm(folder, { recursive: true, force: true })
})

const start = (directory: object) =>
  createTestServer({
    identity_resources: [{ name: 'groups', claims: ['groups'] }],
    identity_providers: [
      {
        ...{ name: 'staff', type: 'ldap' },
        directory: { url: `ldap://localhost:${port}`, ca_file: join(folder, 'cert.pem'), ...directory },
        claim_mapping: { preferred_username: 'uid', name: 'cn', groups: 'departmentNumber' },
      },
    ],
    clients: [
      {
        ...{ client_id: 'direct', client_secrets: [{ value: 's' }], grant_types: ['password'] },
        scope: 'openid profile groups',
      },
    ],
  })
const signIn = (server: TestServer, username: string, password: string) =>
  server.token(
    { grant_type: 'password', username, password, acr_values: 'idp:staff', scope: 'openid profile groups' },
    { client: ['direct', 's'] },
  )
const searching = { bind_dn: 'cn=reader,dc=corp', bind_password: 'reading', base }
const refusal = (server: TestServer) =>
  server.logged.findLast(({ event }) => event === 'directory_refused')?.reason

for (const [how, directory] of [
  ['searched for', searching],
  ['bound directly', { user_dn: `uid={username},${base}` }],
] as const) {
  test(
    `openldap: names of any script and with any character are ${how}, over StartTLS [RFC 4515 §3] [RFC 4514 §2.4]`,
    options,
    async () => {
      const server = await start(directory)
      for (const [index, name] of names.entries()) {
        const answer = await signIn(server, name, `right-${index}`)
        assert.equal(answer.status, 200, `${name}: ${answer.body} ${JSON.stringify(server.logged.at(-2))}`)
        const { json } = await server.send('GET', '/connect/userinfo', {
          headers: { authorization: `Bearer ${answer.json.access_token}` },
        })
        const { sub: _, ...claims } = json
        assert.deepEqual(claims, { preferred_username: name, name: `${name} X`, groups: ['only'] })
        assertRefused(await signIn(server, name, 'wrong'), 'invalid_grant', 'credentials_refused')
        assert.equal(refusal(server), 'directory_bind_refused', name)
      }
    },
  )
}

test(
  'openldap: characters of a name have no meaning in the filter, and several entries are refused',
  options,
  async () => {
    const server = await start(searching)
    for (const name of ['*', 'ad*', 'ada)(uid=*', '*)(objectClass=*', 'ada\\2a', 'nobody']) {
      assertRefused(await signIn(server, name, 'right-0'), 'invalid_grant', 'credentials_refused')
      assert.equal(refusal(server), 'directory_user_unknown', name)
    }
    const ambiguous = await start({ ...searching, filter: '(|(uid={username})(sn=X))' })
    assertRefused(await signIn(ambiguous, 'ada', 'right-0'), 'invalid_grant', 'credentials_refused')
    assert.equal(refusal(ambiguous), 'directory_user_ambiguous')
  },
)
