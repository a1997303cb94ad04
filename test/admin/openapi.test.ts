/** The OpenAPI document of the admin API, and that each operation responds with each status that it documents. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { adminApiDocument } from '../../packages/admin-api-document.ts'
import { entryKinds } from '../../packages/server/src/endpoints/admin/entry-operations.ts'
import type { Description } from '../../packages/server/src/endpoints/admin/operation.ts'
import { adminOperations, adminSchemas } from '../../packages/server/src/endpoints/admin/operations.ts'
import { adminScopes } from '../../packages/server/src/model/admin-api.ts'
import { sampleSession } from '../contracts/stores/samples.ts'
import { type Admin, adminToken, adminWorld, startAdmin } from '../support/admin.ts'
import { createBrowser } from '../support/browser.ts'
import { readText } from '../support/repository.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'
import type { Answer } from '../support/tessera.ts'

const document = JSON.parse(adminApiDocument())
const password = 'seven purple kettles'

test('admin openapi: the committed document matches the code (otherwise: npm run api:admin)', () => {
  assert.equal(readText('docs/reference/admin-api.json'), adminApiDocument())
})

test('admin openapi: the document is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  assert.deepEqual({ valid, errors }, { valid: true, errors: undefined })
  const broken = structuredClone(document)
  delete broken.paths['/users'].get.responses
  broken.paths['/users'].get.parameters[0].in = 'nowhere'
  assert.equal((await new Validator().validate(broken)).valid, false)
})

test('admin openapi: the API serves the document of its issuer to callers with a token', async () => {
  const { server, call } = await startAdmin()
  const { status, json } = await call('GET', '/openapi.json')
  assert.equal(status, 200)
  assert.deepEqual(json, document)
  assert.equal((await server.send('GET', '/admin/api/v1/openapi.json')).status, 401)
  assert.equal((await call('POST', '/openapi.json', {})).status, 405)
  await server.close()
})

/** How to call an operation so that it succeeds. */
type Example = {
  /** Creates what the operation needs; returns the path, the body and the version. */
  readonly prepare: (
    admin: Admin,
    status: number,
  ) => Promise<{
    readonly path: string
    readonly body?: object
    readonly etag?: string
  }>
  /** For statuses that the operation alone can have. */
  readonly others?: Readonly<Record<number, (admin: Admin) => Promise<Answer>>>
}

let count = 0
/** A new user. */
async function user({ call }: Admin, more: object = {}) {
  const username = `user-${++count}`
  const { json, headers } = await call('POST', '/users', { username, ...more })
  return { username, path: `/users/${json.sub}`, etag: String(headers.etag) }
}

async function withSession(admin: Admin, status: number): Promise<{ path: string; sid: string }> {
  if (status >= 400) return { path: '/users/any/sessions', sid: 'any' }
  const { username, path } = await user(admin, { password })
  const request = authorizePath({ client_id: 'web', scope: 'openid' })
  await signIn(createBrowser(admin.server), request, { username, password, button: 'login' })
  const { json } = await admin.call('GET', `${path}/sessions`)
  return { path: `${path}/sessions`, sid: json.items[0].sid }
}

/** An entry of each kind, and the id of one of the file. */
const entries = {
  clients: {
    file: 'web',
    entry: {
      grant_types: ['client_credentials'],
      client_secrets: [{ value: 'a-long-secret' }],
      scope: 'api1',
    },
  },
  api_scopes: { file: 'api1', entry: { display_name: 'One' } },
  api_resources: { file: 'urn:api', entry: { display_name: 'One' } },
  identity_resources: { file: 'team', entry: { claims: ['one'] } },
  identity_providers: {
    file: 'corp',
    entry: { type: 'oidc', issuer: 'https://one.example', client_id: 'tessera', client_secret: 's' },
  },
  tenants: { file: 'acme', entry: { display_name: 'One' } },
} as const

/** The examples of the operations on one kind. */
function examplesOf(kind: keyof typeof entries): Readonly<Record<string, Example>> {
  const { noun, plural, path, key } = entryKinds[kind]
  const { entry, file } = entries[kind]
  const made = async ({ call }: Admin) => {
    const at = `${path}/entry-${++count}`
    const { headers } = await call('PUT', at, entry)
    return { path: at, etag: String(headers.etag), body: entry }
  }
  const fresh = () => ({ path: `${path}/entry-${++count}`, body: entry })
  return {
    [`list${plural}`]: { prepare: async () => ({ path }) },
    [`create${noun}`]: {
      prepare: async () => ({ path, body: { [key]: `entry-${++count}`, ...entry } }),
      others: { 409: ({ call }) => call('POST', path, { [key]: file, ...entry }) },
    },
    [`read${noun}`]: { prepare: async admin => ({ ...(await made(admin)), body: undefined as never }) },
    [`put${noun}`]: {
      prepare: made,
      others: { 201: ({ call }) => call('PUT', fresh().path, entry) },
    },
    [`patch${noun}`]: { prepare: async admin => ({ ...(await made(admin)), body: { enabled: undefined } }) },
    [`delete${noun}`]: { prepare: async admin => ({ ...(await made(admin)), body: undefined as never }) },
    ...(['clients', 'api_resources'].includes(kind) && {
      [`rotate${noun}Secret`]: {
        async prepare(admin: Admin) {
          const { path: at, etag } = await made(admin)
          return { path: `${at}/secrets`, etag, body: { overlap: 60 } }
        },
      },
    }),
  }
}

const revokeClient: Example = {
  async prepare({ call }) {
    const at = `/clients/entry-${++count}`
    await call('PUT', at, entries.clients.entry)
    return { path: `${at}/revocation` }
  },
}

/** The examples of the operations on one kind of blocks. */
function blockExamplesOf(name: string, path: string, file = ''): Readonly<Record<string, Example>> {
  const fresh = () => `/client-blocks/${path.replace('N', String(++count))}`
  const wrong = `/client-blocks/${path.replace(/[^/]+$/, 'x')}!`
  return {
    [`block${name}`]: {
      prepare: async () => ({ path: fresh() }),
      others: { 422: ({ call }) => call('PUT', wrong) },
    },
    [`unblock${name}`]: {
      async prepare({ call }) {
        const at = fresh()
        await call('PUT', at)
        return { path: at }
      },
      others: {
        404: async ({ call }) => {
          const at = fresh()
          await call('DELETE', at)
          return call('DELETE', at)
        },
        409: ({ call }) => call('DELETE', `/client-blocks/${file}`),
        422: ({ call }) => call('DELETE', wrong),
      },
    },
  }
}

const blockExamples: Readonly<Record<string, Example>> = {
  listClientBlocks: { prepare: async () => ({ path: '/client-blocks' }) },
  ...blockExamplesOf(
    'Client',
    'client-ids/https%3A%2F%2Fapp.example%2FN',
    'client-ids/https%3A%2F%2Foff.example%2Fclient',
  ),
  ...blockExamplesOf('RedirectHost', 'redirect-hosts/spam-N.example', 'redirect-hosts/filed.example'),
  ...blockExamplesOf('SealedClientIds', 'sealed-client-ids'),
}

const entryExamples = Object.assign({}, ...(Object.keys(entries) as (keyof typeof entries)[]).map(examplesOf))

const examples: Readonly<Record<string, Example>> = {
  ...entryExamples,
  ...blockExamples,
  revokeClient,
  revokeUser: { prepare: async () => ({ path: '/users/any/revocation' }) },
  revokeSubject: {
    prepare: async () => ({
      path: '/global-token-revocation',
      body: { sub_id: { format: 'opaque', id: 'file-1' } },
    }),
    others: {
      404: ({ call }) =>
        call('POST', '/global-token-revocation', { sub_id: { format: 'opaque', id: 'nobody' } }),
    },
  },
  revokeSession: {
    async prepare({ server }) {
      const session = sampleSession()
      await server.stores.sessions.create(session)
      return { path: `/sessions/${session.sid}/revocation` }
    },
  },
  revokeTenant: { prepare: async () => ({ path: '/tenants/acme/revocation' }) },
  revokeEverything: { prepare: async () => ({ path: '/revocation' }) },
  listUsers: {
    prepare: async () => ({ path: '/users' }),
  },
  createUser: {
    prepare: async () => ({ path: '/users', body: { username: `user-${++count}` } }),
    others: { 409: ({ call }) => call('POST', '/users', { username: 'fiona' }) },
  },
  readUser: { prepare: admin => user(admin) },
  putUser: {
    prepare: async admin => ({ ...(await user(admin)), body: { username: `user-${++count}` } }),
    others: { 201: ({ call }) => call('PUT', '/users/chosen', { username: `user-${++count}` }) },
  },
  patchUser: { prepare: async admin => ({ ...(await user(admin)), body: { claims: { name: 'N' } } }) },
  deleteUser: { prepare: admin => user(admin) },
  exportUser: {
    async prepare(admin) {
      const { path } = await user(admin)
      return { path: `${path}/personal-data` }
    },
  },
  setUserPassword: {
    async prepare(admin) {
      const { path, etag } = await user(admin)
      return { path: `${path}/password`, etag, body: { password } }
    },
  },
  resetSecondFactors: { prepare: async () => ({ path: '/users/any/second-factors' }) },
  listSessions: { prepare: async () => ({ path: '/users/any/sessions' }) },
  endSessions: { prepare: withSession },
  endSession: {
    async prepare(admin, status) {
      const { path, sid } = await withSession(admin, status)
      return { path: `${path}/${sid}` }
    },
  },
  listKeys: { prepare: async () => ({ path: '/keys' }) },
  listAuditRecords: { prepare: async () => ({ path: '/audit' }) },
  rotateKeys: { prepare: async () => ({ path: '/keys/rotation', body: {} }) },
}

type Send = (
  admin: Admin,
  description: Description,
  prepared: Awaited<ReturnType<Example['prepare']>>,
) => Promise<Answer>

const withTag = (etag: string | undefined): Record<string, string> =>
  etag === undefined ? {} : { 'if-match': etag }
const fileIdOf = (path: string): string => {
  const kind = Object.entries(entryKinds).find(([, one]) => path.startsWith(`${one.path}/`))?.[0]
  return kind === undefined ? 'file-1' : entries[kind as keyof typeof entries].file
}
const elsewhere = (path: string, at: string): string => path.replace(/^(\/[\w-]+\/)[^/]+/, `$1${at}`)

/** How each status is provoked; `elsewhere` names an entry that does not exist, or one of the file. */
const provoke: Readonly<Record<number, Send>> = {
  200: ({ call }, { method, dryRun, success }, { path, body, etag }) =>
    call(
      method,
      path + (dryRun && (success[204] || success[201]) ? '?dry_run=true' : ''),
      body,
      withTag(etag),
    ),
  201: ({ call }, { method }, { path, body }) => call(method, path, body),
  204: ({ call }, { method }, { path, body, etag }) => call(method, path, body, withTag(etag)),
  304: ({ call }, { method }, { path, etag = '' }) =>
    call(method, path, undefined, { 'if-none-match': etag }),
  400: ({ call }, { method }, { path, body }) => call(method, `${path}?unknown=1`, body),
  401: ({ call }, { method }, { path, body }) => call(method, path, body, { authorization: '' }),
  403: async ({ server, call }, { method, scope }, { path, body }) => {
    const others = adminScopes.filter(name => name !== scope)
    return call(method, path, body, { authorization: `Bearer ${await adminToken(server, others)}` })
  },
  404: ({ call }, { method }, { path, body, etag }) =>
    call(method, elsewhere(path, 'nothing'), body, withTag(etag)),
  409: ({ call }, { method }, { path, body, etag }) =>
    call(method, elsewhere(path, fileIdOf(path)), body, withTag(etag)),
  412: ({ call }, { method }, { path, body }) => call(method, path, body, { 'if-match': '"0"' }),
  415: ({ call }, { method }, { path }) => call(method, path, '{}', { 'content-type': 'text/plain' }),
  422: ({ call }, { method }, { path, etag }) => call(method, path, { unknown: 1 }, withTag(etag)),
  428: ({ call }, { method }, { path, body }) => call(method, path, body),
}

const blockingWorld = {
  ...adminWorld,
  registration: { mode: 'open', blocked_redirect_hosts: ['filed.example'] },
  clients: [
    ...adminWorld.clients,
    {
      client_id: 'https://off.example/client',
      enabled: false,
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://off.example/cb'],
    },
  ],
}

test('admin openapi: every operation responds with each documented status and its schema', async () => {
  const shared = await startAdmin(blockingWorld)
  for (const [id, description] of Object.entries(adminOperations) as [string, Description][]) {
    const { prepare, others = {} } = examples[id] ?? assert.fail(`${id} has no example`)
    const { responses } = document.paths[description.path][description.method.toLowerCase()]
    for (const status of Object.keys(responses).map(Number)) {
      const send: Send | undefined = others[status] ?? provoke[status]
      assert.ok(send, `${id} documents ${status}, which no row provokes`)
      // This operation revokes the token that the others use.
      const admin = id === 'revokeEverything' && status === 204 ? await startAdmin(adminWorld) : shared
      const answer = await send(admin, description, await prepare(admin, status))
      assert.equal(answer.status, status, `${id}: ${answer.body}`)
      const [type] = Object.keys(responses[status].content ?? {})
      assert.equal(
        answer.body === '' ? undefined : String(answer.headers['content-type']).split(';')[0],
        type,
      )
      const { schema, list } = description.success[status] ?? {}
      const entries = schema === undefined ? [] : list ? answer.json.items : [answer.json]
      for (const entry of entries) {
        const read = adminSchemas[schema ?? '']!.safeParse(entry)
        assert.ok(read.success, `${id} ${status}: ${JSON.stringify(read)}`)
      }
    }
  }
  await shared.server.close()
})
