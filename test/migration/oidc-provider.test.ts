/** Configurations of node-oidc-provider and clients of Hydra. */

import assert from 'node:assert/strict'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { migrate } from '../../packages/server/src/migration/migrate.ts'
import { readSourceFile } from '../../packages/server/src/migration/source-file.ts'
import { testFolder } from '../support/folder.ts'
import { readText } from '../support/repository.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'
import { at, importerNamed, migrateFixture } from './fixtures.ts'

const folder = testFolder()

test('migration: a configuration module of oidc-provider is converted, and functions name what replaces them', async () => {
  const { configuration, lines, variables } = await migrateFixture(
    'oidc-provider',
    'oidc-provider-configuration.mjs',
  )
  const clients = new Map((configuration.clients as any[]).map(client => [client.client_id, client]))
  assert.partialDeepStrictEqual(clients.get('shop'), {
    token_endpoint_auth_method: 'client_secret_post',
    client_secrets: [{ value: 'a-secret-in-plain-text-of-the-shop' }],
    scope: 'openid email offline_access orders.read',
    access_token_lifetime: 3600,
    refresh_token_expiration: 'sliding',
    sliding_refresh_token_lifetime: 86_400,
    absolute_refresh_token_lifetime: 1_209_600,
    refresh_token_usage: 'reuse',
    always_include_user_claims_in_id_token: true,
    authorization_signed_response_alg: 'ES256',
    require_consent: true,
  })
  const spa = clients.get('spa')
  assert.equal('refresh_token_usage' in spa || 'id_token_signed_response_alg' in spa, false)
  assert.equal(spa.dpop_bound_access_tokens, true)
  assert.equal(spa.scope, 'openid offline_access email shop orders.read')
  assert.deepEqual(clients.get('unknown').client_secrets, [{ value: { env: 'CLIENT_SECRET_UNKNOWN' } }])
  assert.deepEqual(configuration.identity_resources, [
    { name: 'email', claims: ['email', 'email_verified'] },
    { name: 'shop', claims: ['customer_number', 'newsletter'] },
  ])
  assert.deepEqual(configuration.registration, {
    mode: 'initial_access_token',
    initial_access_tokens: [{ value: { env: 'INITIAL_ACCESS_TOKEN' } }],
  })
  assert.deepEqual(configuration.authorization_requests, { require_pushed: true })
  assert.deepEqual(variables, ['INITIAL_ACCESS_TOKEN', 'CLIENT_SECRET_UNKNOWN'])
  const why = (source: string) => lines.find(line => line.source.join('.') === source)?.why ?? ''
  // The old server asked for consent, and a client without users has none to ask.
  const asked = migrate(
    importerNamed('oidc-provider'),
    [
      {
        name: 'f',
        value: {
          clients: [
            {
              client_id: 'a',
              client_secret: 'a-secret-of-a-client',
              redirect_uris: ['https://app.example/cb'],
            },
            { client_id: 'b', client_secret: 'a-secret-of-a-client', grant_types: ['client_credentials'] },
          ],
        },
      },
    ],
    at,
  )
  assert.deepEqual(
    (asked.configuration.clients as any[]).map(({ require_consent }) => require_consent),
    [true, undefined],
  )
  assert.match(why('findAccount'), /userStore/)
  assert.match(why('extraTokenClaims'), /profile\.claims/)
  assert.match(why('interactions'), /consentPolicy/)
  assert.match(why('ttl.ClientCredentials'), /access_token_lifetime/)
  assert.match(why('features.dPoP.enabled'), /always available/)
  assert.match(why('features.futureFeature.enabled'), /does not know/)
})

test('migration: of two ways to bind tokens, a client keeps the one that works, so that they are never unbound', () => {
  const client = {
    ...{ client_id: 'spa', token_endpoint_auth_method: 'none', redirect_uris: ['https://spa.example/cb'] },
    ...{ dpop_bound_access_tokens: true, tls_client_certificate_bound_access_tokens: true },
  }
  const { configuration, lines } = migrate(
    importerNamed('oidc-provider'),
    [{ name: 'configuration.mjs', value: { clients: [client] } }],
    at,
  )
  assert.partialDeepStrictEqual((configuration.clients as any[])[0], { dpop_bound_access_tokens: true })
  const [line] = lines.filter(({ source }) => source.includes('tls_client_certificate_bound_access_tokens'))
  assert.equal(line?.outcome, 'not_possible')
})

test('migration: refresh tokens of public clients are rotated, although those of others are not', () => {
  const redirect_uris = ['https://app.example/cb']
  const clients = [
    { client_id: 'spa', token_endpoint_auth_method: 'none', redirect_uris },
    { client_id: 'web', client_secret: 'a secret of the client', redirect_uris },
  ]
  const value = { rotateRefreshToken: false, clients }
  const { configuration, lines } = migrate(importerNamed('oidc-provider'), [{ name: 'f.mjs', value }], at)
  assert.deepEqual(
    (configuration.clients as any[]).map(client => client.refresh_token_usage),
    [undefined, 'reuse'],
  )
  const outcomes = lines.filter(({ target }) => target?.includes('refresh_token_usage'))
  assert.deepEqual(
    outcomes.map(({ outcome }) => outcome),
    ['changed'],
  )
  assert.ok(!lines.some(({ why = '' }) => why.includes('reuse refresh tokens')))
})

test('migration: the converted clients of Hydra get tokens', async () => {
  const { configuration, variables } = await migrateFixture('hydra', 'hydra-clients.json')
  const clients = (configuration.clients as any[]).map(({ client_secrets, ...client }) => ({
    ...client,
    ...(client_secrets && { client_secrets: [{ value: 'the-secret-that-was-set' }] }),
  }))
  assert.deepEqual(variables, ['HYDRA_SECRET_C7A7C6D4_2F5C_4F3B_8D5F_3F4C7E0F2A11', 'HYDRA_SECRET_WORKER'])
  assert.equal('require_pkce' in clients[2], false)
  assert.equal(clients[0].require_pkce, false)
  const server = await createTestServer({ ...configuration, clients }, { isModule: false })
  const form = {
    grant_type: 'client_credentials',
    client_id: 'worker',
    client_secret: 'the-secret-that-was-set',
  }
  const { status, json } = await server.token(form)
  assert.equal(status, 200)
  assert.equal(json.scope, 'orders.read orders.write')
  // Access tokens of Hydra are opaque.
  assert.throws(() => claimsOf(json.access_token))
})

test('migration: the clients of Hydra may be a page, a list, or a single one', () => {
  const client = { client_id: 'a', grant_types: ['client_credentials'], client_secret: 'a-secret-of-hydra' }
  for (const value of [client, [client], { items: [client], next_page_token: '', is_last_page: true }]) {
    const { configuration, lines } = migrate(importerNamed('hydra'), [{ name: 'f', value }], at)
    assert.deepEqual(
      (configuration.clients as any[]).map(({ client_id }) => client_id),
      ['a'],
    )
    assert.deepEqual(
      lines.filter(({ outcome }) => outcome === 'not_possible'),
      [],
    )
  }
})

test('migration: a client of Hydra is asked for consent unless it skips it, and its response types are in any order', () => {
  const client = {
    ...{ client_id: 'a', client_secret: 'a-secret-of-hydra', redirect_uris: ['https://app.example/cb'] },
    grant_types: ['authorization_code', 'implicit'],
  }
  const value = [
    { ...client, response_types: ['token code', 'token id_token code', 'id_token'] },
    { ...client, client_id: 'b', skip_consent: true },
    { ...client, client_id: 'c', skip_consent: 'yes' },
  ]
  const { configuration } = migrate(importerNamed('hydra'), [{ name: 'f', value }], at)
  const clients = configuration.clients as any[]
  assert.deepEqual(
    clients.map(({ require_consent }) => require_consent),
    [true, false, true],
  )
  assert.deepEqual(clients[0].response_types, ['code token', 'code id_token token', 'id_token'])
})

test('migration: files may be UTF-8 or UTF-16, and others are refused because names would be damaged', async () => {
  const read = async (name: string, bytes: Uint8Array) => {
    await writeFile(folder.at(name), bytes)
    return readSourceFile(folder.at(name))
  }
  const text = '{"name":"Zoë"}'
  const utf16 = Buffer.from(`\uFEFF${text}`, 'utf16le')
  for (const bytes of [Buffer.from(text), Buffer.from(`\uFEFF${text}`), utf16, Buffer.from(utf16).swap16()])
    for (const name of ['f.json', 'f.ndjson', 'f.yaml']) {
      const outcome = await read(name, bytes)
      assert.equal(outcome.ok && JSON.stringify([outcome.file.value].flat()), '[{"name":"Zoë"}]', name)
    }
  for (const [bytes, problem] of [
    [Buffer.from(text, 'latin1'), /^it is not UTF-8; export it in UTF-8/],
    [utf16.subarray(0, -1), /^it is not UTF-16LE/],
    [gzipSync(text), /^it is compressed; expand it first/],
  ] as const) {
    const outcome = await read('f.json', bytes)
    assert.match(outcome.ok ? '' : outcome.problem, problem)
  }
})

test('migration: what is not a file of reasonable size is refused before it is read', async () => {
  const problem = async (name: string) => {
    const outcome = await readSourceFile(folder.at(name))
    return outcome.ok ? undefined : outcome.problem
  }
  await mkdir(folder.at('folder.json'))
  assert.equal(await problem('folder.json'), 'it is not a regular file')
  // Has no content on the disk.
  await writeFile(folder.at('huge.json'), '')
  await truncate(folder.at('huge.json'), 256 * 1024 * 1024 + 1)
  assert.equal(await problem('huge.json'), 'the file is too large, with more than 256 MiB')
  await folder.write('large.yaml', `a: ${'x'.repeat(16 * 1024 * 1024)}`)
  assert.match((await problem('large.yaml')) ?? '', /^large\.yaml: it is too large|too large/)
})

test('migration: files that are too deep, no JSON, modules, and lines of JSON', async () => {
  const read = async (name: string, text: string, acceptsModules = false) =>
    readSourceFile(await folder.write(name, text), { acceptsModules })
  const problem = async (name: string, text: string) => {
    const outcome = await read(name, text)
    return outcome.ok ? undefined : outcome.problem
  }
  assert.match(
    (await problem('deep.json', `${'['.repeat(50_000)}${']'.repeat(50_000)}`)) ?? '',
    /too deeply|not JSON/,
  )
  assert.match((await problem('broken.json', '{ "a": secret }')) ?? '', /broken\.json:1:\d+: it is not JSON/)
  assert.match((await problem('twice.json', '{ "a": 1, "a": 2 }')) ?? '', /appears twice/)
  assert.match((await problem('module.mjs', 'throw new Error()')) ?? '', /it is a module/)
  assert.match((await problem('lines.ndjson', '{}\nsecret')) ?? '', /lines\.ndjson:2: the line is not JSON/)
  const lines = await read('lines.json', '{"a":1}\n{"a":2}\n')
  assert.deepEqual(lines.ok && lines.file.value, [{ a: 1 }, { a: 2 }])
  const comments = await read('appsettings.json', '{ // a comment\n "a": 1, }')
  assert.equal(comments.ok && JSON.stringify(comments.file.value), '{"a":1}')
  const common = await read('old.cjs', 'module.exports = { clients: [] }', true)
  assert.deepEqual(common.ok && common.file.value, { clients: [] })
})

test("migration: the guide's module loads the converted file and adds a user store", async () => {
  const guide = readText('docs/guides/from-oidc-provider.md')
  const [, example = ''] = /<!-- example: user store -->\n```js\n([\s\S]*?)\n```/.exec(guide) ?? []
  const { configuration, variables } = await migrateFixture(
    'oidc-provider',
    'oidc-provider-configuration.mjs',
  )
  await folder.write('tessera.json', JSON.stringify(configuration))
  const environment = Object.fromEntries(variables.map(name => [name, 'a-secret-that-was-set']))
  const loaded = await loadConfiguration({ file: await folder.write('tessera.mjs', example), environment })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const user = await loaded.configuration.userStore?.findByUsername({ username: 'dora' })
  assert.equal(user?.sub, 'a1')
})
