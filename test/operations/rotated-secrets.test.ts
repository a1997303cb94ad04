/** Connections to a directory, a provider and a submission server use the secret that a reload has read from its file. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { testFolder } from '../support/folder.ts'
import { startLdapServer } from '../support/ldap.ts'
import { answerOf, authorizePath, pagesWorld } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'

const folder = testFolder()
const provider = foreignProvider({ sub: 'ada' })

test('reload: a directory is searched with the new password of the bind account', async t => {
  const reader = (password: string) => ({ dn: 'cn=reader,dc=corp', password, attributes: {} })
  const ada = {
    dn: 'uid=ada,ou=people,dc=corp',
    password: 'ada-password',
    attributes: { uid: ['ada'], entryUUID: ['uuid-of-ada'] },
  }
  const ldap = await startLdapServer({ entries: [reader('first'), ada] })
  t.after(() => ldap.close())
  const directory = {
    url: `ldap://localhost:${ldap.port}`,
    tls: 'none',
    bind_dn: 'cn=reader,dc=corp',
    bind_password: { file: await folder.write('bind', 'first\n') },
    base: 'ou=people,dc=corp',
  }
  const world = {
    ...pagesWorld,
    identity_providers: [{ name: 'staff', type: 'ldap', directory }],
    clients: [
      { client_id: 'direct', client_secrets: [{ value: 's' }], grant_types: ['password'], scope: 'openid' },
    ],
  }
  const server = await createTestServer(world)
  const signIn = async (): Promise<number> => {
    const form = {
      grant_type: 'password',
      username: 'ada',
      password: 'ada-password',
      acr_values: 'idp:staff',
    }
    return (await server.token({ ...form, scope: 'openid' }, { client: ['direct', 's'] })).status
  }
  assert.equal(await signIn(), 200)
  ldap.entries = [reader('second'), ada]
  assert.notEqual(await signIn(), 200)
  await folder.write('bind', 'second\n')
  await server.reconfigure(world)
  assert.equal(await signIn(), 200)
})

test('reload: a provider gets the new secret', async () => {
  const world = federatedWorld(provider, {
    client_secret: { file: await folder.write('provider', 'firstOfProvider') },
    token_endpoint_auth_method: 'client_secret_basic',
  })
  const { server } = await startFederated(world)
  const seen: string[] = []
  provider.service.on('beforeResponse', (_, { headers }) => {
    seen.push(Buffer.from(String(headers.authorization).replace('Basic ', ''), 'base64').toString())
  })
  const signIn = async (): Promise<void> => {
    const target = authorizePath({ acr_values: 'idp:corp' })
    assert.ok(answerOf(await signInByProvider(createBrowser(server), target)).get('code'))
  }
  await signIn()
  await folder.write('provider', 'secondOfProvider')
  await server.reconfigure(world)
  await signIn()
  assert.deepEqual(seen, ['tessera:firstOfProvider', 'tessera:secondOfProvider'])
})

/** A submission server that records credentials and takes every email. */
async function startSmtp() {
  const credentials: string[] = []
  const server = createServer(socket => {
    let data = false
    socket.on('error', () => {}).write('220 mail.example\r\n')
    socket.on('data', chunk => {
      for (const line of String(chunk).split('\r\n')) {
        const [command = ''] = line.split(' ')
        if (data) {
          if (line !== '.') continue
          data = false
          socket.write('250 taken\r\n')
        } else if (command === 'EHLO') socket.write('250-mail.example\r\n250 AUTH PLAIN\r\n')
        else if (command === 'AUTH') {
          credentials.push(Buffer.from(line.split(' ')[2] ?? '', 'base64').toString())
          socket.write('235 welcome\r\n')
        } else if (command === 'DATA') {
          data = true
          socket.write('354 go on\r\n')
        } else if (command === 'QUIT') socket.end('221 bye\r\n')
        else if (command !== '') socket.write('250 ok\r\n')
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { credentials, port: (server.address() as AddressInfo).port, close: () => server.close() }
}

test('reload: a submission server gets the new password', async t => {
  const smtp = await startSmtp()
  t.after(() => smtp.close())
  const password = { file: await folder.write('mail', 'first-of-mail\n') }
  const world = {
    ...pagesWorld,
    accounts: { sign_up: true },
    mail: {
      from: 'login@id.example',
      smtp: { host: '127.0.0.1', port: smtp.port, username: 'login', password },
    },
  }
  const server = await createTestServer(world, { sendMail: false })
  const signUp = async (email: string): Promise<void> => {
    const browser = createBrowser(server)
    const login = await browser.visit(authorizePath())
    const [, href = ''] = /href="([^"]*\/register[^"]*)"/.exec(login.body) ?? []
    await browser.submit(await browser.visit(href), { email })
    await server.settled()
  }
  await signUp('ada@example.com')
  await until('an email is sent', () => smtp.credentials.length === 1)
  await folder.write('mail', 'second-of-mail\n')
  await server.reconfigure(world)
  await signUp('bob@example.com')
  await until('another is sent', () => smtp.credentials.length === 2)
  assert.deepEqual(smtp.credentials, ['\0login\0first-of-mail', '\0login\0second-of-mail'])
})
