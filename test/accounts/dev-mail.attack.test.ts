/** The page of unsent mail shows links that sign in: only users of this machine may read it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDevMailbox } from '../../packages/server/src/operations/mail/dev-mailbox.ts'
import { accountsWorld } from '../support/accounts.ts'
import { createTestServer } from '../support/tessera.ts'

const start = () =>
  createTestServer(
    { ...accountsWorld(), mail: undefined, issuer: 'http://localhost:5080' },
    { sendMail: false, print: () => {} },
  )

type From = { readonly address: string; readonly headers?: Readonly<Record<string, string>> }

async function ask({ address, headers = {} }: From) {
  const server = await start()
  const response = await server.handle({
    ...{ id: 'r', method: 'GET', path: '/dev/mail', query: '', body: '', peer: { address } },
    headers: { host: 'localhost:5080', ...headers },
  })
  return { status: response.status, reason: response.status === 200 ? undefined : server.reason() }
}

test('dev mail: a user of this machine can read it', async () => {
  for (const address of ['127.0.0.1', '127.4.5.6', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])
    assert.equal((await ask({ address })).status, 200, address)
  const forwarded = { 'x-forwarded-for': '127.0.0.1, ::1' }
  assert.equal((await ask({ address: '::1', headers: forwarded })).status, 200)
})

test('dev mail: a reader on another machine is refused, regardless of its Host header', async () => {
  const addresses = ['192.168.1.7', '10.0.0.1', '172.17.0.1', '2001:db8::1', 'fe80::1', '::ffff:10.0.0.1', '']
  for (const address of [...addresses, '127.0.0.1.evil.example', '::127.0.0.1'])
    for (const host of ['localhost:5080', '127.0.0.1', '[::1]:5080'])
      assert.deepEqual(
        await ask({ address, headers: { host } }),
        { status: 400, reason: 'reader_not_on_loopback' },
        `${address} ${host}`,
      )
})

test('dev mail: a reader behind a proxy or tunnel on this machine is refused', async () => {
  const behind: readonly NonNullable<From['headers']>[] = [
    { 'x-forwarded-for': '203.0.113.7' },
    { 'x-forwarded-for': '127.0.0.1, 203.0.113.7' },
    { 'x-forwarded-for': '203.0.113.7, 127.0.0.1' },
    { 'x-forwarded-for': '' },
    { forwarded: 'for=203.0.113.7' },
    { via: '1.1 tunnel' },
    { 'x-real-ip': '203.0.113.7' },
    { 'x-forwarded-host': 'mail.example' },
  ]
  for (const headers of behind)
    assert.deepEqual(
      await ask({ address: '127.0.0.1', headers }),
      { status: 400, reason: 'reader_not_on_loopback' },
      JSON.stringify(headers),
    )
})

test('dev mail: a page of another site whose name resolves to this machine can’t read it', async () => {
  for (const host of [
    'evil.example:5080',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'localhost:5080@evil',
  ])
    assert.deepEqual(await ask({ address: '127.0.0.1', headers: { host } }), {
      status: 400,
      reason: 'host_not_loopback',
    })
})

test('dev mail: the newest fifty are kept, the newest first', async () => {
  let printed = 0
  const outbox = createDevMailbox({ print: () => void printed++ })
  for (let count = 0; count < 60; count++)
    await outbox.send({ to: 'dora@example.com', subject: `mail ${count}`, text: '', html: '' } as never)
  const subjects = outbox.mails().map(({ subject }) => subject)
  assert.deepEqual([printed, subjects.length, subjects[0], subjects.at(-1)], [60, 50, 'mail 59', 'mail 10'])
})
