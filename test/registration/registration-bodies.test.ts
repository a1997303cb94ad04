/**
 * Registrations as real clients send them: each gets a client that its users can sign in to. The bodies are facts
 * about these clients, read from their sources or from what servers logged of them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { register } from '../support/registering.ts'
import { answerOf, authorizePath, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'

const device = 'urn:ietf:params:oauth:grant-type:device_code'

type Body = {
  /** The repository and file, or the report, that documents it. */
  readonly from: string
  readonly body: Readonly<Record<string, unknown>>
  /** Where the sign-in of this client is redirected; omitted: it uses only the device flow. */
  readonly redirect?: string
  /** Members that are returned in another form than they were sent in. */
  readonly registered?: Readonly<Record<string, unknown>>
}

const scope = 'openid profile email offline_access api1'

/** The metadata that an MCP client sends, except for the addresses. */
const mcp = {
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
}

const absent = Object.fromEntries(
  [
    ...['client_name', 'client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'contacts', 'jwks_uri', 'jwks'],
    ...['software_id', 'software_version', 'sector_identifier_uri', 'default_max_age'],
  ].map(name => [name, undefined]),
)

const bodies: Readonly<Record<string, Body>> = {
  'Visual Studio Code': {
    from: 'microsoft/vscode: src/vs/base/common/oauth.ts, fetchDynamicRegistration',
    body: {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      grant_types: ['authorization_code', 'refresh_token', device],
      response_types: ['code'],
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://127.0.0.1/',
        'http://127.0.0.1:33418/',
      ],
      scope: 'openid profile email offline_access api1 api2',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    redirect: 'http://127.0.0.1:33418/',
    registered: { scope },
  },
  'Visual Studio Code, of April 2025': {
    from: 'microsoft/vscode: src/vs/workbench/api/common/extHostMcp.ts, doDynamicRegistration',
    body: {
      ...mcp,
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://localhost:33418/callback',
        'http://127.0.0.1:33418/callback',
      ],
    },
    redirect: 'http://localhost:33418/callback',
  },
  Cursor: {
    from: 'erp-mafia/accounted pull request 2225 and soflyy/agent-connector-for-wp issue 111: three addresses in one request',
    body: {
      ...mcp,
      client_name: 'Cursor',
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
    },
    redirect: 'cursor://anysphere.cursor-mcp/oauth/callback',
  },
  'Cursor, as a web application': {
    from: 'elie222/inbox-zero pull request 3780: it says application_type web and names its scheme only',
    body: {
      ...mcp,
      client_name: 'Cursor',
      application_type: 'web',
      redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'],
    },
    redirect: 'cursor://anysphere.cursor-mcp/oauth/callback',
    registered: { application_type: 'native' },
  },
  'Claude Code': {
    from: 'https://claude.ai/oauth/claude-code-client-metadata, which says the same with http://localhost/callback; servers log a port',
    body: {
      ...mcp,
      client_name: 'Claude Code (api)',
      redirect_uris: ['http://localhost:54212/callback'],
    },
    redirect: 'http://localhost:54212/callback',
  },
  'Claude Code, with scopes': {
    from: 'a compatibility test of a server on Zitadel, which pins its request',
    body: {
      ...mcp,
      client_name: 'Claude Code MCP',
      redirect_uris: ['http://localhost:54212/callback'],
      application_type: 'native',
      scope: 'openid profile email offline_access',
    },
    redirect: 'http://localhost:54212/callback',
  },
  'Claude on the web': {
    from: 'anthropics/claude-ai-mcp issue 1043: it asks for client_secret_post',
    body: {
      ...mcp,
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      token_endpoint_auth_method: 'client_secret_post',
      scope,
    },
    redirect: 'https://claude.ai/api/mcp/auth_callback',
  },
  ChatGPT: {
    from: 'the address of its connectors by OpenAI; the rest as MCP clients send it',
    body: {
      ...mcp,
      client_name: 'ChatGPT',
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    },
    redirect: 'https://chatgpt.com/connector_platform_oauth_redirect',
  },
  'oidc-agent': {
    from: 'indigo-dc/oidc-agent: src/oidc-agent/oidc/flows/registration.c, getRegistrationPostData; account/issuer_helper.c',
    body: {
      application_type: 'web',
      client_name: 'oidc-agent:example-host',
      response_types: ['code'],
      grant_types: ['refresh_token', 'authorization_code', device],
      scope: 'openid profile offline_access',
      redirect_uris: ['http://localhost:4242', 'http://localhost:18021', 'http://localhost:8080'],
    },
    redirect: 'http://localhost:18021',
  },
  'oidc-agent, with a password': {
    from: 'indigo-dc/oidc-agent: account/issuer_helper.c: the flows password and device, and no response type that the server has',
    body: {
      application_type: 'web',
      client_name: 'oidc-agent:example-host',
      response_types: [],
      grant_types: ['refresh_token', 'password', device],
      scope: 'openid profile offline_access',
      redirect_uris: ['http://localhost:4242', 'http://localhost:18021', 'http://localhost:8080'],
    },
    registered: { grant_types: ['refresh_token', device], response_types: [] },
  },
  'MCP Python SDK': {
    from: 'modelcontextprotocol/python-sdk: examples/clients/simple-auth-client; src/mcp/shared/auth.py, OAuthClientMetadata; scope from scopes_supported',
    body: {
      redirect_uris: ['http://localhost:3030/callback'],
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: 'openid profile email address phone api1 api2 offline_access',
      client_name: 'Simple Auth Client',
    },
    redirect: 'http://localhost:3030/callback',
    registered: { scope: 'openid profile email api1 offline_access' },
  },
  'MCP TypeScript SDK': {
    from: 'modelcontextprotocol/typescript-sdk: src/examples/client/simpleOAuthClient.ts',
    body: {
      client_name: 'Simple OAuth MCP Client',
      redirect_uris: ['http://localhost:8090/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'mcp:tools',
    },
    redirect: 'http://localhost:8090/callback',
    registered: { scope },
  },
  'MCP Inspector': {
    from: 'modelcontextprotocol/inspector: client/src/lib/auth.ts: a scope that nobody typed is an empty text',
    body: {
      ...mcp,
      redirect_uris: ['http://localhost:6274/oauth/callback'],
      client_name: 'MCP Inspector',
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
      scope: '',
    },
    redirect: 'http://localhost:6274/oauth/callback',
    registered: { scope },
  },
  'mcp-remote': {
    from: 'geelen/mcp-remote: src/lib/node-oauth-client-provider.ts, clientMetadata',
    body: {
      ...mcp,
      redirect_uris: ['http://localhost:3334/oauth/callback'],
      client_name: 'MCP CLI Proxy',
      client_uri: 'https://github.com/modelcontextprotocol/mcp-cli',
      software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
      software_version: '0.1.29',
      scope: 'openid email profile',
    },
    redirect: 'http://localhost:3334/oauth/callback',
  },
  'a library that writes every member': {
    from: 'clients that serialize absent members as empty strings, lists and null',
    body: {
      ...mcp,
      client_name: '',
      client_uri: '',
      logo_uri: '',
      policy_uri: null,
      tos_uri: '',
      contacts: [],
      jwks_uri: '',
      jwks: null,
      software_id: '',
      software_version: null,
      sector_identifier_uri: '',
      default_max_age: null,
      request_uris: [],
      scope: '',
      redirect_uris: ['https://app.example/cb'],
    },
    redirect: 'https://app.example/cb',
    registered: { ...absent, scope },
  },
}

const open = (registration: object = {}) =>
  createTestServer({ ...pagesWorld, registration: { mode: 'open', allowed_scope: scope, ...registration } })

/** How the client authenticates with what it received. */
const credentialsOf = ({ client_id, client_secret, token_endpoint_auth_method: method }: Answer['json']) =>
  method === 'client_secret_basic'
    ? { headers: basic(client_id, client_secret), form: {} }
    : { headers: {}, form: { client_id, ...(client_secret && { client_secret }) } }

async function signInAt(server: TestServer, client: Answer['json'], redirect: string): Promise<void> {
  const browser = createBrowser(server)
  const request = { client_id: client.client_id, redirect_uri: redirect, scope: client.scope }
  const asked = await signIn(browser, authorizePath(request))
  const code = answerOf(await browser.submit(asked, { button: 'yes' }), redirect).get('code') ?? ''
  const { headers, form } = credentialsOf(client)
  const { status, json, body } = await server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier, ...form },
    { headers },
  )
  assert.equal(status, 200, body)
  const asksToRefresh = client.scope.split(' ').includes('offline_access')
  assert.equal(json.refresh_token !== undefined, asksToRefresh)
  if (!asksToRefresh) return
  const refresh = { grant_type: 'refresh_token', refresh_token: json.refresh_token, ...form }
  assert.equal((await server.token(refresh, { headers })).status, 200)
}

async function beginOnDevice(server: TestServer, client: Answer['json']): Promise<void> {
  const { headers, form } = credentialsOf(client)
  const begun = await server.send('POST', '/connect/deviceauthorization', { form, headers })
  assert.equal(begun.status, 200, begun.body)
  const poll = { grant_type: device, device_code: begun.json.device_code, ...form }
  assert.equal((await server.token(poll, { headers })).json.error, 'authorization_pending')
}

for (const [name, { from, body, redirect, registered }] of Object.entries(bodies)) {
  test(`registration: ${name} registers and signs its users in [RFC 7591 §3.2.1]`, async () => {
    const server = await open()
    const { status, json: client, body: answer } = await register(server, body)
    assert.equal(status, 201, `${answer} (${from})`)
    for (const [member, value] of Object.entries({ ...body, ...registered }))
      assert.deepEqual(client[member], value, member)
    const isPublic = body.token_endpoint_auth_method === 'none'
    assert.equal(client.client_secret === undefined, isPublic)
    if (redirect !== undefined) await signInAt(server, client, redirect)
    if (client.grant_types.includes(device)) await beginOnDevice(server, client)
  })
}

for (const [name, { body, redirect, registered }] of Object.entries(bodies)) {
  if (body.token_endpoint_auth_method !== 'none') continue
  test(`sealed clients: ${name} registers without a row and signs its users in`, async () => {
    const server = await open({ sealed_client_ids: { mode: 'issue' } })
    const { json: client } = await register(server, body)
    assert.match(client.client_id, /^sealed1\./)
    for (const [member, value] of Object.entries({ ...body, ...registered }))
      assert.deepEqual(client[member], value, member)
    if (redirect !== undefined) await signInAt(server, client, redirect)
    if (client.grant_types.includes(device)) await beginOnDevice(server, client)
    assert.deepEqual(await server.stores.registeredClients.list({ limit: 1 }), [])
  })
}
