/** Every member of a configuration that contains a secret: where it is, and a value that it accepts. */

import * as whole from '../../packages/server/src/configuration/schema/whole.ts'

/** Text that no configuration contains by chance, in the form that each member requires. */
export const sentinel = 'SENTINEL-a1b2c3d4e5f6'

const argon2id = '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$U0VOVElORUwtYTFiMmMzZDRlNWY2U0VOVElO'
const sha512 = Buffer.from(`${sentinel}-of-64-byte`.repeat(2)).toString('base64')
const sha256 = Buffer.from(`${sentinel}-of-32-byte`).toString('base64')

/** Returns a valid client, API, … around the secret. */
const machine = (client_secrets: unknown) => ({
  clients: [{ client_id: 'machine', grant_types: ['client_credentials'], client_secrets }],
})
const api = (secret: unknown) => ({ api_resources: [{ name: 'urn:api', api_secrets: [secret] }] })
const registration = (token: unknown) => ({
  registration: { mode: 'initial_access_token', initial_access_tokens: [token] },
})
const metrics = (token: unknown) => ({ metrics: { tokens: [token] } })
const user = (member: object) => ({ users: [{ sub: '1', username: 'alice', ...member }] })
const provider = (member: object) => ({
  identity_providers: [
    { name: 'corp', type: 'oidc', issuer: 'https://idp.example', client_id: 'tessera', ...member },
  ],
})

export type SecretMember = {
  /** The text in a variable or a file. */
  readonly text: string
  /** The same value as it is written in the configuration. */
  readonly literal: unknown
  readonly within: (secret: unknown) => object
  /** The path in errors. */
  readonly path: string
}

const member = (
  path: string,
  text: string,
  within: (secret: unknown) => object,
  literal: unknown = text,
): SecretMember => ({ path, text, literal, within })

const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: sentinel, alg: 'ES256' }
const postgres = `postgres://tessera:${sentinel}@127.0.0.1:1/tessera`

/** By the place in the schema. */
export const secretMembers: Readonly<Record<string, SecretMember>> = {
  'clients[].client_secrets[].value': member('clients[0].client_secrets[0].value', sentinel, value =>
    machine([{ value }]),
  ),
  'clients[].client_secrets[].sha256': member('clients[0].client_secrets[0].sha256', sha256, value =>
    machine([{ sha256: value }]),
  ),
  'clients[].client_secrets[].sha512': member('clients[0].client_secrets[0].sha512', sha512, value =>
    machine([{ sha512: value }]),
  ),
  'clients[].client_secrets[].argon2id': member('clients[0].client_secrets[0].argon2id', argon2id, value =>
    machine([{ argon2id: value }]),
  ),
  'api_resources[].api_secrets[].value': member('api_resources[0].api_secrets[0].value', sentinel, value =>
    api({ value }),
  ),
  'api_resources[].api_secrets[].sha256': member('api_resources[0].api_secrets[0].sha256', sha256, value =>
    api({ sha256: value }),
  ),
  'api_resources[].api_secrets[].sha512': member('api_resources[0].api_secrets[0].sha512', sha512, value =>
    api({ sha512: value }),
  ),
  'api_resources[].api_secrets[].argon2id': member(
    'api_resources[0].api_secrets[0].argon2id',
    argon2id,
    value => api({ argon2id: value }),
  ),
  'registration.initial_access_tokens[].value': member(
    'registration.initial_access_tokens[0].value',
    sentinel,
    value => registration({ value }),
  ),
  'registration.initial_access_tokens[].sha256': member(
    'registration.initial_access_tokens[0].sha256',
    sha256,
    value => registration({ sha256: value }),
  ),
  'registration.initial_access_tokens[].sha512': member(
    'registration.initial_access_tokens[0].sha512',
    sha512,
    value => registration({ sha512: value }),
  ),
  'registration.initial_access_tokens[].argon2id': member(
    'registration.initial_access_tokens[0].argon2id',
    argon2id,
    value => registration({ argon2id: value }),
  ),
  'metrics.tokens[].value': member('metrics.tokens[0].value', sentinel, value => metrics({ value })),
  'metrics.tokens[].sha256': member('metrics.tokens[0].sha256', sha256, value => metrics({ sha256: value })),
  'metrics.tokens[].sha512': member('metrics.tokens[0].sha512', sha512, value => metrics({ sha512: value })),
  'users[].password': member('users[0].password', sentinel, password => user({ password })),
  'users[].password_argon2id': member('users[0].password_argon2id', argon2id, password_argon2id =>
    user({ password_argon2id }),
  ),
  'users[].password_hash': member('users[0].password_hash', argon2id, password_hash =>
    user({ password_hash }),
  ),
  'identity_providers[].client_secret': member(
    'identity_providers[0].client_secret',
    sentinel,
    client_secret => provider({ client_secret }),
  ),
  'identity_providers[].client_jwk': member(
    'identity_providers[0].client_jwk',
    JSON.stringify(jwk),
    client_jwk => provider({ client_jwk }),
    jwk,
  ),
  'identity_providers[].directory.bind_password': member(
    'identity_providers[0].directory.bind_password',
    sentinel,
    bind_password => ({
      identity_providers: [
        {
          name: 'corp',
          type: 'ldap',
          directory: {
            url: 'ldaps://ldap.example',
            bind_dn: 'cn=tessera',
            base: 'dc=example',
            bind_password,
          },
        },
      ],
    }),
  ),
  'mail.smtp.password': member('mail.smtp.password', sentinel, password => ({
    mail: { from: 'login@example.com', smtp: { host: 'mail.example', username: 'tessera', password } },
  })),
  'webhooks[].secrets[]': member(
    'webhooks[0].secrets[0]',
    `whsec_${Buffer.from(`${sentinel}-of-32-byte`).toString('base64')}`,
    secret => ({ webhooks: [{ url: 'https://crm.example/hook', secrets: [secret] }] }),
  ),
  storage: member('storage', postgres, storage => ({ storage })),
  storage_replica: member('storage_replica', postgres, storage_replica => ({
    storage: 'postgres://127.0.0.1:1/tessera',
    storage_replica,
  })),
}

type Inner = {
  readonly kind: string
  readonly unwrap?: () => Inner
  readonly fields?: Readonly<Record<string, Inner>>
  readonly element?: Inner
  readonly options?: readonly Inner[]
}

export type Found = { readonly path: string; readonly kind: string }

/** Lists every member of the schema, with the kind of its value. */
export function membersOf(schema: unknown, path = ''): readonly Found[] {
  const inner = schema as Inner
  if (inner.unwrap) return membersOf(inner.unwrap(), path)
  if (inner.element) return membersOf(inner.element, `${path}[]`)
  if (inner.options) return inner.options.flatMap(option => membersOf(option, path))
  if (!inner.fields) return [{ path, kind: inner.kind }]
  return Object.entries(inner.fields).flatMap(([key, field]) =>
    membersOf(field, path === '' ? key : `${path}.${key}`),
  )
}

export const schemas = { data: whole.dataSchema, module: whole.moduleSchema } as const
