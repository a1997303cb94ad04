/** Code blocks with configuration: whole ones, keys of one, or an entry of a list. */

import { readJson } from '../../../packages/server/src/configuration/file.ts'
import { parseConfiguration } from '../../../packages/server/src/configuration/parse.ts'
import { configurationJsonSchema } from '../../../packages/server/src/configuration/schema/whole.ts'
import { masterKey } from '../../support/tessera.ts'

type Value = { readonly [key: string]: any }

/** Lists whose entries are shown alone, with what an entry needs besides the keys that are shown. */
const entries: Readonly<Record<string, Value>> = {
  clients: { client_id: 'app', redirect_uris: ['https://app.example/callback'] },
  api_resources: { name: 'urn:api' },
  identity_providers: {
    name: 'staff',
    type: 'ldap',
    directory: {
      url: 'ldaps://ldap.example',
      base: 'dc=example',
      filter: '(uid={username})',
      bind_dn: 'cn=reader',
      bind_password: 'x',
    },
  },
}

const standardScopes = new Set(['openid', 'profile', 'email', 'address', 'phone', 'offline_access'])

const propertiesOf = (list?: string): Value => {
  const { properties } = configurationJsonSchema() as { properties: Record<string, any> }
  return list === undefined ? properties : properties[list].items.properties
}

/** Resolves to the errors of a text in JSON with comments. */
export async function jsoncErrors(text: string): Promise<readonly string[]> {
  const read = await readJson(text.startsWith('"') ? `{${text}\n}` : text, 'block')
  return read.ok ? configurationErrors(read.input as Value) : read.errors.map(told)
}

/** Returns the errors of a configuration, or of a part of one, in which `…` is any value. */
export function configurationErrors(given: Value): readonly string[] {
  const shown = plain(given)
  const keys = Object.keys(shown)
  const hasAll = (properties: Value): boolean => keys.every(key => key === '$schema' || key in properties)
  const list = Object.keys(entries).find(name => hasAll(propertiesOf(name)))
  if (!hasAll(propertiesOf()) && list === undefined)
    return [`no part of the configuration has all of these keys: ${keys.join(', ')}`]
  const part = hasAll(propertiesOf()) ? shown : { [list!]: [complete(list!, shown)] }
  const whole: Value = { issuer: 'https://login.example', storage: 'memory:', ...part }
  const environment = { TESSERA_MASTER_KEY: masterKey }
  const outcome = parseConfiguration({ ...whole, api_scopes: scopesOf(whole) }, { environment })
  return outcome.ok ? [] : outcome.errors.map(told)
}

const told = ({ path, problem, fix }: { path: string; problem: string; fix: string }): string =>
  `${path}: ${problem}; ${fix}`

/** Adds what an entry needs, and a way to authenticate for a client that shows none. */
function complete(list: string, shown: Value): Value {
  const merged = { ...entries[list], ...shown }
  if (list === 'identity_providers' && shown.directory)
    return { ...merged, directory: { ...entries[list]!.directory, ...shown.directory } }
  if (list !== 'clients' || 'client_secrets' in shown || 'token_endpoint_auth_method' in shown) return merged
  return { ...merged, token_endpoint_auth_method: 'none' }
}

/** Returns the API scopes, with those that other entries name and the block does not show. */
function scopesOf(whole: Value): readonly Value[] {
  const all = [whole, ...(whole.tenants ?? [])]
  const of = (key: string): readonly Value[] => all.flatMap(one => one[key] ?? [])
  const known = new Set([
    ...standardScopes,
    ...['api_scopes', 'identity_resources'].flatMap(key => of(key).map(({ name }) => name)),
  ])
  const named = [
    ...[...of('clients'), { scope: whole.registration?.allowed_scope }].flatMap(({ scope = '' }) =>
      scope.split(' '),
    ),
    ...of('api_resources').flatMap(({ scopes = [] }) => scopes),
  ]
  const missing = new Set(named.filter(name => name !== '' && !name.startsWith('admin:') && !known.has(name)))
  return [...(whole.api_scopes ?? []), ...[...missing].map(name => ({ name }))]
}

/** Replaces the placeholders of values: `…`, `<base64>`, and the names of variables and files, which don't exist here. */
function plain(value: any, key = ''): any {
  if (Array.isArray(value)) return value.map(one => plain(one, key))
  if (key === 'logo') return 'https://app.example/logo.svg'
  if (typeof value === 'string')
    return key === 'sha256' && /[…<]/.test(value) ? `${'A'.repeat(43)}=` : value.replace('…', 'x')
  if (typeof value !== 'object' || value === null) return value
  const keys = Object.keys(value)
  if (keys.length === 1 && /^(?:env|file)$/.test(keys[0]!))
    return key === 'storage' ? 'memory:' : key === 'secrets' ? `whsec_${masterKey}` : 'k'.repeat(44)
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'master_key_file')
      .map(([name, one]) => [name, plain(one, name)]),
  )
}
