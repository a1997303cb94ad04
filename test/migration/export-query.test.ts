/** The queries of docs/guides/from-identityserver4.md and postgresql.md, run on PostgreSQL. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrate } from '../../packages/server/src/migration/migrate.ts'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { providePostgres } from '../support/postgres.ts'
import { readText } from '../support/repository.ts'
import { at, importerNamed } from './fixtures.ts'

const postgres = providePostgres()

const queryOf = (name: string, page = 'from-identityserver4'): string => {
  const guide = readText(`docs/guides/${page}.md`)
  const [, query] =
    new RegExp(`<!-- query: ${name} -->\\n\`\`\`sql\\n([\\s\\S]*?)\\n\`\`\``).exec(guide) ?? []
  assert.ok(query, name)
  return query
}

/** Table → its columns besides "Id", and one row. */
const tables: Readonly<Record<string, Readonly<Record<string, string | number | boolean | null>>>> = {
  Clients: {
    Enabled: true,
    ClientId: 'web',
    ProtocolType: 'oidc',
    RequireClientSecret: true,
    AccessTokenLifetime: 60,
    AllowOfflineAccess: true,
    Description: null,
  },
  ClientGrantTypes: { GrantType: 'authorization_code', ClientId: 1 },
  ClientRedirectUris: { RedirectUri: 'https://app.example/cb', ClientId: 1 },
  ClientPostLogoutRedirectUris: { PostLogoutRedirectUri: 'https://app.example/', ClientId: 1 },
  ClientScopes: { Scope: 'api1', ClientId: 1 },
  ClientSecrets: { Value: 'K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=', Type: 'SharedSecret', ClientId: 1 },
  ClientClaims: { Type: 'tier', Value: 'gold', ClientId: 1 },
  ClientProperties: { Key: 'a', Value: 'b', ClientId: 2 },
  ClientCorsOrigins: { Origin: 'https://app.example', ClientId: 1 },
  ClientIdPRestrictions: { Provider: 'Google', ClientId: 2 },
  IdentityResources: { Name: 'roles', Enabled: true },
  IdentityResourceClaims: { Type: 'role', IdentityResourceId: 1 },
  ApiScopes: { Name: 'api1', Enabled: true },
  ApiScopeClaims: { Type: 'email', ScopeId: 1 },
  ApiResources: { Name: 'urn:api', Enabled: true },
  ApiResourceScopes: { Scope: 'api1', ApiResourceId: 1 },
  ApiResourceClaims: { Type: 'name', ApiResourceId: 1 },
  ApiResourceSecrets: { Value: 'K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=', ApiResourceId: 1 },
  AspNetUsers: { UserName: 'dora', Email: 'dora@example.com', EmailConfirmed: true },
  AspNetUserClaims: { ClaimType: 'name', ClaimValue: 'Dora', UserId: '1' },
  AspNetUserRoles: { RoleId: '1', UserId: '1' },
  AspNetRoles: { Name: 'admin' },
  AspNetUserTokens: { LoginProvider: '[AspNetUserStore]', Name: 'AuthenticatorKey', Value: 'A', UserId: '2' },
  AspNetUserLogins: { LoginProvider: 'Google', ProviderKey: '1', UserId: '2' },
}

const typeOf = (value: unknown): string =>
  typeof value === 'number' ? 'integer' : typeof value === 'boolean' ? 'boolean' : 'text'

test('migration: the queries of the guide export the tables of IdentityServer4 from PostgreSQL', async () => {
  const server = await postgres()
  const connection = await openConnection({ url: await server.database() })
  try {
    for (const [table, row] of Object.entries(tables)) {
      const isUser = table.startsWith('AspNet')
      const columns = Object.entries(row)
      const quoted = columns.map(([name]) => `"${name}"`)
      const types = columns.map(([name, value]) => `"${name}" ${typeOf(value)}`)
      await connection.run(`CREATE TABLE "${table}" ("Id" ${isUser ? 'text' : 'integer'}, ${types})`, [])
      const values = columns.map((_, index) => `$${index + 1}`)
      await connection.run(
        `INSERT INTO "${table}" ("Id", ${quoted}) VALUES ('1', ${values})`,
        columns.map(([, value]) => (typeof value === 'boolean' ? String(value) : value)),
      )
    }
    const export_ = async (name: string) => {
      const { rows } = await connection.run(queryOf(name), [])
      const [value] = Object.values(rows[0] ?? [])
      return { name, value: typeof value === 'string' ? JSON.parse(value) : value }
    }
    const files = [await export_('postgresql'), await export_('postgresql users')]
    const { configuration, users, lines } = migrate(importerNamed('identityserver'), files, at)
    assert.partialDeepStrictEqual(configuration, {
      clients: [
        {
          client_id: 'web',
          grant_types: ['authorization_code', 'refresh_token'],
          redirect_uris: ['https://app.example/cb'],
          post_logout_redirect_uris: ['https://app.example/'],
          allowed_cors_origins: ['https://app.example'],
          scope: 'api1 offline_access',
          access_token_lifetime: 60,
          claims: [{ type: 'tier', value: 'gold' }],
        },
      ],
      identity_resources: [{ name: 'roles', claims: [{ claim: 'role', from: 'roles' }] }],
      api_scopes: [{ name: 'api1', claims: ['email'] }],
      api_resources: [{ name: 'urn:api', scopes: ['api1'], claims: ['name'] }],
    })
    assert.deepEqual(users, [
      {
        sub: '1',
        username: 'dora',
        email: 'dora@example.com',
        email_verified: true,
        claims: { name: 'Dora' },
        roles: ['admin'],
      },
    ])
    assert.deepEqual(
      lines.filter(({ outcome }) => outcome === 'not_possible'),
      [],
    )
  } finally {
    await connection.close()
  }
})

test('migration: the queries for SQL Server name the tables and columns of those for PostgreSQL', () => {
  const [, query = ''] =
    /```sql\n(SET NOCOUNT ON;[\s\S]*?)\n```/.exec(readText('docs/guides/from-identityserver4.md')) ?? []
  const pairs = (text: string, from: RegExp): readonly string[] =>
    [...text.matchAll(from)].map(([, table, column]) => `${table} ${column}`).toSorted()
  const expected = pairs(
    queryOf('postgresql') + queryOf('postgresql users'),
    /FROM "(\w+)" t (?:JOIN .*? )?WHERE t\."(\w+)"/g,
  )
  assert.ok(expected.length > 17)
  assert.deepEqual(pairs(query, /FROM (\w+) t (?:JOIN .*? )?WHERE t\.(\w+)/g), expected)
  const names = (text: string, from: RegExp): readonly string[] =>
    [...text.matchAll(from)].map(([, name]) => name!)
  assert.deepEqual(
    names(query, /AS (\w+)[,\n ]/g).toSorted(),
    Object.keys(tables)
      .filter(name => name !== 'AspNetRoles')
      .toSorted(),
  )
})

test('postgresql guide: the statements create a role and its database', async () => {
  const server = await postgres()
  const name = `guide_${process.pid}`
  const connection = await openConnection({ url: await server.database() })
  try {
    const statements = queryOf('role and database', 'postgresql').replaceAll('tessera', name).split('\n')
    for (const statement of statements) await connection.run(statement.replace(/;$/, ''), [])
    const { rows } = await connection.run(
      'select rolname from pg_database join pg_roles on pg_roles.oid = datdba where datname = $1',
      [name],
    )
    assert.deepEqual(
      rows.map(row => Object.values(row)),
      [[name]],
    )
  } finally {
    await connection.run(`drop database if exists ${name}`, [])
    await connection.run(`drop role if exists ${name}`, [])
    await connection.close()
  }
})
