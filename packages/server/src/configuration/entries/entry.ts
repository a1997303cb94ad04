/** Reads single entries of a configuration, with the schemas of the file. */

import type { JsonObject } from '@tessera/protocol/result'
import type { EntryKind } from '../../model/entry.ts'
import { isSecurityProfile } from '../../model/security-profile.ts'
import { type Diagnostic, valueAt } from '../diagnostic.ts'
import { nameOf } from '../draft.ts'
import { explain } from '../explain.ts'
import { withClientDefaults, withTenantDefaults } from '../profiles/defaults.ts'
import { type ConfigurationDraft, dataLists } from '../schema/whole.ts'
import type { NoteSecret, Path, SecretReader } from '../validation/schema.ts'
import type { EntryReading } from './entry-source.ts'

/**
 * @param server the settings that the entry inherits.
 * @param note is called for each secret.
 */
export function readEntry(
  server: Pick<
    ConfigurationDraft,
    'security_profile' | 'authorization_requests' | 'authorization_responses' | 'signature_algorithms'
  >,
  kind: EntryKind,
  raw: JsonObject,
  secrets: SecretReader,
  note?: NoteSecret,
): EntryReading {
  const schema = dataLists[kind]
  const outcome = schema.safeParse(withDefaults(kind, raw, server), secrets, note)
  if (!outcome.success) return { ok: false, errors: explain(outcome.issues, schema, raw) }
  const errors = kind === 'tenants' || kind === 'identity_providers' ? fileErrors(raw) : []
  if (errors.length > 0) return { ok: false, errors }
  return { ok: true, read: { kind, id: nameOf(kind, raw) ?? '', raw, value: outcome.value } }
}

/** Adds what the profile of the server, or of the entry, sets. */
function withDefaults(kind: EntryKind, raw: JsonObject, server: Parameters<typeof readEntry>[0]): unknown {
  const { security_profile: profile, signature_algorithms: algorithms } = server
  if (kind === 'clients')
    return withClientDefaults(raw, isSecurityProfile(profile) ? profile : undefined, algorithms)
  if (kind !== 'tenants') return raw
  const { authorization_requests: requests, authorization_responses: responses } = server
  return withTenantDefaults(raw, {
    ...server,
    authorization_requests: withoutFalse(requests),
    authorization_responses: withoutFalse(responses),
  })
}

/** Leaves out what the server does not require, because that is a default which the profile of a tenant replaces. */
const withoutFalse = (settings: object): object =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== false))

/** Returns the places of the secrets of an entry, whether or not they can be read. */
export function secretPaths(kind: EntryKind, raw: unknown): readonly Path[] {
  const paths = new Map<string, Path>()
  dataLists[kind].safeParse(
    raw,
    () => ({ ok: true, text: '{}' }),
    path => paths.set(JSON.stringify(path), path),
  )
  return [...paths.values()]
}

/**
 * Refuses names of files: whoever may change an entry must not be able to make the server read, publish or run a file
 * of its machine.
 */
function fileErrors(raw: JsonObject): readonly Diagnostic[] {
  const logo = valueAt(raw, ['branding', 'logo'])
  const providers = raw.identity_providers
  const places = [
    ...(typeof logo === 'string' && !/^https:/i.test(logo) ? ['branding.logo'] : []),
    ...(raw.templates === undefined ? [] : ['templates']),
    ...(valueAt(raw, ['directory', 'ca_file']) === undefined ? [] : ['directory.ca_file']),
    ...(Array.isArray(providers) ? providers : []).flatMap((provider, index) =>
      valueAt(provider, ['directory', 'ca_file']) === undefined
        ? []
        : [`identity_providers[${index}].directory.ca_file`],
    ),
  ]
  return places.map(path => ({
    path,
    problem: 'it names a file of the server',
    expected: path === 'branding.logo' ? 'an https URL' : 'an entry without this key',
    fix: 'put this entry into the configuration file, or remove the key',
  }))
}
