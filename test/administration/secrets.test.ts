/** Secrets of entries: generated, kept, rotated and hidden. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createEntrySecrets } from '../../packages/server/src/administration/secrets.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createSealing } from '../../packages/server/src/keys/sealing.ts'
import { createTestServer } from '../support/tessera.ts'
import { actor, made, refused, service, tokenOf } from './outcomes.ts'

const file = { api_scopes: [{ name: 'api1' }] }
const { client_secrets: _, ...withoutSecret } = service()

test('administration: a generated secret is returned once, and only its hash is stored', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  const { entry, secret = '' } = made(await clients.create(withoutSecret, { actor, generateSecret: true }))
  assert.match(secret, /^tcs_[\w-]{43}$/)
  assert.equal((await tokenOf(server, 'made', secret)).status, 200)
  assert.match(JSON.stringify(entry.entry.client_secrets), /^\[\{"sha256":\{"hidden":"[\w-]{16}"\}\}\]$/)
  const everything = JSON.stringify([await clients.list(), server.logged])
  assert.ok(!everything.includes(secret))
  assert.ok(!JSON.stringify(await server.stores.entries.list('clients', { limit: 9 })).includes(secret))
  const nameless = made(
    await clients.create(
      { ...withoutSecret, client_id: undefined as never },
      { actor, generateSecret: true },
    ),
  )
  assert.match(nameless.entry.id, /^[\w-]{22}$/)
  assert.equal((await tokenOf(server, nameless.entry.id, nameless.secret ?? '')).status, 200)
})

test('administration: an entry that is written as it was read keeps its secrets, and refuses those of another', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  made(await clients.create(service({ client_secrets: [{ value: 'one' }, { value: 'two' }] }), { actor }))
  made(await clients.create(service({ client_id: 'other' }), { actor }))
  const { entry } = made(await clients.get('made'))
  const [first, second] = entry.client_secrets as any[]
  const swapped = { ...entry, client_name: 'New', client_secrets: [second, first] }
  made(await clients.replace('made', swapped, { actor, version: 1 }))
  for (const secret of ['one', 'two']) assert.equal((await tokenOf(server, 'made', secret)).status, 200)
  const [moved] = made(await clients.get('made')).entry.client_secrets as any[]
  made(await clients.replace('made', { ...entry, client_secrets: [moved] }, { actor }))
  assert.equal((await tokenOf(server, 'made', 'one')).status, 401)
  assert.equal((await tokenOf(server, 'made', 'two')).status, 200)
  const foreign = made(await clients.get('other')).entry.client_secrets as any[]
  for (const client_secrets of [
    foreign,
    [second],
    [{ value: moved.sha256 }],
    [{ sha256: { sealed: 'x' } }],
    [{ value: { env: 'HOME' } }],
    // Nobody means this text as the secret, which anyone could guess.
    [{ value: 'env:HOME' }],
  ])
    assert.match(
      String(refused(await clients.replace('made', { ...entry, client_secrets }, { actor }))),
      /^entry_invalid, client_secrets\[0\]\.(sha256|value)/,
    )
})

test('administration: the same secret in two entries is shown differently, so guesses can not be compared', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  const shownAs = async (client_id: string, options: object = {}): Promise<unknown> => {
    const { entry } = made(await clients.create(service({ client_id }), { actor, ...options }))
    return (entry.entry.client_secrets as any)[0].sha256.hidden
  }
  const shown = [await shownAs('one'), await shownAs('two'), await shownAs('guess', { dryRun: true })]
  assert.equal(new Set(shown).size, 3)
  assert.ok(shown.every(text => /^[\w-]{16}$/.test(String(text))))
})

test('administration: a guess is not shown like the secret that it replaces, so it can not be confirmed', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  made(await clients.create(service(), { actor }))
  const hiddenOf = ({ entry }: { readonly entry: { readonly entry: object } }): unknown =>
    (entry.entry as any).client_secrets[0].sha256.hidden
  const before = made(await clients.get('made')).entry as any
  const { hidden } = before.client_secrets[0].sha256
  const sha256 = createHash('sha256').update('top secret').digest('base64')
  for (const guess of [{ value: 'top secret' }, { sha256 }, { value: 'other' }])
    for (const more of [{ dryRun: true }, {}]) {
      const client_secrets = [guess, before.client_secrets[0]]
      const change = made(await clients.replace('made', service({ client_secrets }), { actor, ...more }))
      assert.notEqual(hiddenOf(change), hidden)
      // Two equal secrets in one entry are not shown alike either.
      assert.equal(
        new Set((change.entry.entry.client_secrets as any[]).map(one => one.sha256.hidden)).size,
        2,
      )
      if ('dryRun' in more) continue
      before.client_secrets[0] = (change.entry.entry.client_secrets as any[])[1]
    }
  const lines = server.logged.filter(({ event }) => event === 'entry_updated')
  assert.deepEqual(
    lines.map(({ changed }) => changed),
    Array(3).fill(['client_secrets']),
  )
  const [stored] = await server.stores.entries.list('clients', { limit: 1 })
  assert.ok(!JSON.stringify(stored).includes(sha256))
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 200)
})

test('administration: a hidden secret is not sent to another address', async () => {
  const server = await createTestServer(file)
  const { identity_providers, tenants } = server.administration
  const corp = { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'tessera' }
  const staff = {
    ...{ name: 'staff', type: 'ldap' },
    directory: { url: 'ldaps://ldap.example', bind_dn: 'cn=a', bind_password: 'pass', base: 'dc=example' },
  }
  const smtp = { host: 'mail.example', username: 'a', password: 'pass' }
  const acme = { name: 'acme', issuer: 'path', mail: { from: 'a@acme.example', smtp } }
  made(await identity_providers.create({ ...corp, client_secret: 'pass' }, { actor }))
  made(await identity_providers.create(staff, { actor }))
  made(await tenants.create(acme, { actor }))
  const [oidc, ldap, tenant] = [
    made(await identity_providers.get('corp')).entry,
    made(await identity_providers.get('staff')).entry as any,
    made(await tenants.get('acme')).entry as any,
  ]
  const directoryWith = (change: object) =>
    identity_providers.replace('staff', { ...ldap, directory: { ...ldap.directory, ...change } }, { actor })
  const mailWith = (change: object) => {
    const mail = { ...tenant.mail, smtp: { ...tenant.mail.smtp, ...change } }
    return tenants.replace('acme', { ...tenant, mail }, { actor, dryRun: true })
  }
  for (const [path, changed] of [
    [
      'client_secret',
      identity_providers.replace('corp', { ...oidc, issuer: 'https://other.example' }, { actor }),
    ],
    ['directory.bind_password', directoryWith({ url: 'ldaps://other.example' })],
    // The way there would be protected less, or end at another program.
    ['directory.bind_password', directoryWith({ tls: 'none' })],
    ['mail.smtp.password', mailWith({ host: 'other.example' })],
    ['mail.smtp.password', mailWith({ port: 2525 })],
    ['mail.smtp.password', mailWith({ secure: true })],
  ] as const)
    assert.equal(refused(await changed), `entry_invalid, ${path}`)
  made(await identity_providers.replace('corp', { ...oidc, display_name: 'Corp' }, { actor }))
  const moved = { ...oidc, issuer: 'https://other.example', client_secret: 'new' }
  made(await identity_providers.replace('corp', moved, { actor }))
})

test('administration: a rotated secret replaces the others at once, or after an overlap', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  made(await clients.create(service(), { actor }))
  const { secret: second = '', entry } = made(await clients.rotateSecret('made', { actor, overlap: 3600 }))
  assert.equal(entry.version, 2)
  for (const secret of ['top secret', second])
    assert.equal((await tokenOf(server, 'made', secret)).status, 200)
  server.clock.advance(3601)
  assert.equal((await tokenOf(server, 'made', 'top secret')).status, 401)
  assert.equal((await tokenOf(server, 'made', second)).status, 200)
  const rotated = made(await clients.rotateSecret('made', { actor }))
  const { secret: third = '' } = rotated
  assert.equal((rotated.entry.entry.client_secrets as readonly unknown[]).length, 1)
  assert.equal((await tokenOf(server, 'made', second)).status, 401)
  assert.equal((await tokenOf(server, 'made', third)).status, 200)
  assert.equal(refused(await clients.rotateSecret('made', { actor, version: 1 })), 'entry_changed')
  assert.equal(refused(await clients.rotateSecret('unknown', { actor })), 'entry_unknown')
  const { api_scopes } = server.administration
  made(await api_scopes.create({ name: 'orders' }, { actor }))
  assert.equal(
    refused(await server.administration.api_scopes.rotateSecret('orders', { actor })),
    'entry_invalid, (top)',
  )
})

test('administration: the log and the events name the keys that changed, and who changed them', async () => {
  const server = await createTestServer(file)
  const { clients } = server.administration
  made(await clients.create(service(), { actor }))
  made(
    await clients.replace('made', service({ client_name: 'New', client_secrets: [{ value: 'next' }] }), {
      actor: 'someone',
    }),
  )
  made(await clients.remove('made', { actor }))
  const lines = server.logged.filter(({ event }) => event.startsWith('entry_'))
  assert.deepEqual(
    lines.map(({ level, ...line }) => line),
    [
      { kind: 'clients', id: 'made', version: 1, actor, event: 'entry_created' },
      {
        kind: 'clients',
        id: 'made',
        version: 2,
        actor: 'someone',
        changed: ['client_name', 'client_secrets'],
        event: 'entry_updated',
      },
      { kind: 'clients', id: 'made', version: 2, actor, event: 'entry_deleted' },
    ],
  )
})

test('administration: a sealed secret opens only at its place in its entry, whatever someone moves in the store', () => {
  const derived = createDerivedKeys(Buffer.alloc(32, 1))
  const sealing = createSealing({ derived, purpose: 'entries' })
  const kind = 'identity_providers'
  const secrets = createEntrySecrets({ derived, sealing, secretPaths: () => [['client_secret']] })
  const noted = [{ path: ['client_secret'], text: 'secret' }]
  const entry = secrets.protect({ client_secret: 'secret' }, noted, { kind, id: 'a', previous: undefined })
  const openedAt = (id: string, path: readonly string[]) =>
    secrets.opener(kind, id)(entry.client_secret as { sealed: string }, path)
  assert.deepEqual(openedAt('a', ['client_secret']), { ok: true, text: 'secret' })
  const problemAt = (id: string, path: readonly string[], written: unknown = entry.client_secret) => {
    const opened = secrets.opener(kind, id)(written as { sealed: string }, path)
    return opened.ok ? undefined : opened.error.problem
  }
  assert.match(problemAt('b', ['client_secret']) ?? '', /can't be opened/)
  assert.match(problemAt('a', ['client_jwk']) ?? '', /can't be opened/)
  for (const sealed of [7, null, '', 'AQ', '%'])
    assert.match(problemAt('a', ['client_secret'], { sealed }) ?? '', /can't be opened/, `${sealed}`)
  // A node reads a new root key within seconds.
  const behind = { ...sealing, isOfNewerKey: () => true }
  const later = createEntrySecrets({ derived, sealing: behind, secretPaths: () => [['client_secret']] })
  assert.throws(() => later.opener(kind, 'b')(entry.client_secret as { sealed: string }, ['client_secret']))
})

test('administration: an entry whose secret was damaged is left out and named, and others are served and can be changed', async () => {
  const server = await createTestServer(file)
  const { clients, identity_providers, api_scopes } = server.administration
  const provider = {
    type: 'oidc',
    issuer: 'https://idp.example',
    client_id: 'tessera',
    client_secret: 'secret',
  }
  for (const name of ['good', 'damaged'])
    made(await identity_providers.create({ ...provider, name, display_name: name }, { actor }))
  for (const client_id of ['fine', 'broken'])
    made(await clients.create(service({ client_id, client_secrets: [{ value: client_id }] }), { actor }))
  const { entries } = server.stores
  const damage = async (kind: 'clients' | 'identity_providers', id: string, from: RegExp) => {
    const stored = await entries.find(kind, id)
    assert.ok(stored)
    const text = JSON.stringify(stored.entry).replace(from, '$1AAAA$2')
    assert.notEqual(text, JSON.stringify(stored.entry))
    const row = { ...stored, version: stored.version + 1, entry: JSON.parse(text) }
    assert.ok(await entries.put(row, await entries.revision()))
  }
  await damage('identity_providers', 'damaged', /("sealed":"[^"]*)....("\})/)
  await damage('clients', 'broken', /("sealed":"[^"]*)....("\})/)
  // Each change of a scope reads all entries again.
  made(await api_scopes.create({ name: 'later' }, { actor }))
  const invalid = server.logged.filter(({ event }) => event === 'entry_invalid')
  assert.ok(invalid.some(({ kind, id }) => kind === 'identity_providers' && id === 'damaged'))
  assert.ok(invalid.every(({ id }) => id !== 'good' && id !== 'fine'))
  assert.equal((await tokenOf(server, 'fine', 'fine')).status, 200)
  assert.equal((await tokenOf(server, 'broken', 'broken')).status, 401)
  assert.ok(server.logged.some(({ event, id }) => event === 'entry_invalid' && id === 'broken'))
  // Written back as it is shown, it has no secret that could be kept; a new one repairs it.
  const { entry } = made(await identity_providers.get('damaged'))
  assert.equal(
    refused(await identity_providers.replace('damaged', entry, { actor })),
    'entry_invalid, client_secret',
  )
  made(await identity_providers.replace('damaged', { ...entry, client_secret: 'new' }, { actor }))
  made(await clients.replace('broken', service({ client_id: 'broken' }), { actor }))
  assert.equal((await tokenOf(server, 'broken', 'top secret')).status, 200)
})
