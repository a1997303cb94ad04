/** The guide of applications: its endpoints are the server's, its entries are valid, and each section names its source. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { readText } from '../support/repository.ts'
import { createTestServer, issuer } from '../support/tessera.ts'

const guide = readText('docs/guides/applications.md')
const [before = '', applications = ''] = guide.split(/^## Applications$/m)

/** Sections by their titles. */
const sections = new Map(
  applications.split(/^### /m).map(section => [section.slice(0, section.indexOf('\n')), section] as const),
)

/** Paths of the redirect URIs as each product forms them, for the names that its settings contain. */
const redirectPaths: Readonly<Record<string, readonly string[]>> = {
  Keycloak: ['/realms/corp/broker/tessera/endpoint'],
  'oauth2-proxy': ['/oauth2/callback'],
  Grafana: ['/login/generic_oauth'],
  GitLab: ['/users/auth/openid_connect/callback'],
  'Argo CD': ['/auth/callback', '/auth/callback'],
  'Kubernetes API server': ['/'],
  Vault: ['/ui/vault/auth/oidc/oidc/callback', '/oidc/callback'],
  MinIO: ['/oauth_callback'],
  Nextcloud: ['/apps/user_oidc/code'],
  'Apache mod_auth_openidc': ['/secure/redirect_uri'],
  'Spring Security': ['/login/oauth2/code/tessera'],
  'ASP.NET Core': ['/signin-oidc'],
  Django: ['/oidc/callback/'],
  'Auth.js': ['/api/auth/callback/tessera'],
  Synapse: ['/_synapse/client/oidc/callback'],
}

const blocksOf = (text: string) => [...text.matchAll(/```jsonc\n([\s\S]*?)```/g)].map(([, block]) => block!)

const entriesOf = (text: string): readonly any[] =>
  blocksOf(text)
    .filter(block => block.startsWith('{'))
    .map(block => JSON.parse(block))

/** The part of the configuration that several applications need: groups, and a user with one. */
const [shared = ''] = blocksOf(before).filter(block => !block.startsWith('{'))

/** Gives each variable of the entries a value as long as a generated secret. */
const environment = Object.fromEntries(
  [...guide.matchAll(/"env": "(\w+)"/g)].map(([, name]) => [name!, 'k'.repeat(44)]),
)

const checked = (clients: readonly object[]) =>
  parseConfiguration({ issuer, storage: 'memory:', ...JSON.parse(`{${shared}}`), clients }, { environment })

test('applications: all entries together are one valid configuration, without a warning', () => {
  const clients = entriesOf(guide)
  assert.equal(clients.length, 17)
  const outcome = checked(clients)
  assert.ok(outcome.ok, JSON.stringify(outcome))
  assert.deepEqual(outcome.warnings, [])
  const [first, ...others] = clients
  assert.equal(checked([{ ...first, scope: 'openid grups' }, ...others]).ok, false)
})

test('applications: each product has a section with its settings, its redirect URIs and its source', () => {
  assert.deepEqual([...sections.keys()].slice(1), Object.keys(redirectPaths))
  for (const [name, paths] of Object.entries(redirectPaths)) {
    const section = sections.get(name) ?? ''
    const uris: readonly string[] = entriesOf(section).flatMap(({ redirect_uris }) => redirect_uris)
    assert.deepEqual(
      uris.map(uri => new URL(uri).pathname),
      paths,
      name,
    )
    const settings = [...section.matchAll(/^```(\w+)\n([\s\S]*?)```$/gm)].filter(
      ([, kind]) => kind !== 'jsonc',
    )
    assert.ok(
      settings.some(([, , text]) => text!.includes(issuer)),
      `${name} has no settings with the issuer`,
    )
    assert.match(section, /^(?:Source: |Run here: [\s\S]*Source .*)[\s\S]*\]\(https:\/\/[^)]+\)/m, name)
  }
})

test('applications: settings and entries of a product name the same client and redirect URI', () => {
  for (const [name, section] of [...sections].slice(1)) {
    const settings = section.replaceAll(/```jsonc\n[\s\S]*?```/g, '')
    for (const { client_id } of entriesOf(section))
      assert.ok(settings.includes(client_id), `${name}: ${client_id}`)
    for (const [uri] of settings.matchAll(/https:\/\/[\w.:]+\.example[\w.:]*\/[\w/]*callback\/?/g))
      assert.ok(section.split(uri).length > 2, `${name}: ${uri} is not in the entry`)
  }
})

test('applications: the endpoints of the guide are those of the discovery document', async () => {
  const server = await createTestServer({
    clients: [
      {
        client_id: 'device',
        token_endpoint_auth_method: 'none',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      },
    ],
  })
  const document = (await server.send('GET', '/.well-known/openid-configuration')).json
  const rows = [...before.matchAll(/^\| `(\w+(?:_endpoint|_uri))` \|[^|]*\| `([^`]+)` \|$/gm)]
  assert.equal(rows.length, 8)
  assert.deepEqual(
    rows.map(([, name, url]) => [name, url]),
    rows.map(([, name]) => [name, document[name!]]),
  )
  assert.ok(document.code_challenge_methods_supported.includes('S256'))
  assert.ok(document.scopes_supported.includes('offline_access'))
})
