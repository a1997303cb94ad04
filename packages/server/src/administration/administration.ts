/**
 * Administers the clients, resources, identity providers and tenants of one issuer. Entries have the form of the
 * configuration file, and are checked like it.
 */

import { type EntryKind, entryKinds } from '../model/entry.ts'
import { createChanges } from './change.ts'
import type { Administration, AdministrationPorts, EntryAdministration } from './interface.ts'
import { createListing } from './list.ts'
import { createEntrySecrets } from './secrets.ts'

export function createAdministration(ports: AdministrationPorts): Administration {
  const { source, derived, sealing } = ports
  const secrets = createEntrySecrets({ derived, sealing, secretPaths: source.secretPaths })
  const changes = createChanges({ ...ports, secrets })
  const listing = createListing({ ...ports, secrets })
  const of = (kind: EntryKind): EntryAdministration => ({
    list: (options = {}) => listing.list(kind, options),
    get: async id => {
      const found = await listing.find(kind, id)
      return found ? { ok: true, value: found } : { ok: false, problem: 'entry_unknown' }
    },
    create: (entry, options) => changes.create(kind, entry, options),
    replace: (id, entry, options) => changes.replace(kind, id, entry, options),
    remove: (id, options) => changes.remove(kind, id, options),
    rotateSecret: (id, options) => changes.rotateSecret(kind, id, options),
  })
  return forKinds(of)
}

/** Returns an administration that remains valid when a change replaces the configuration snapshot, and with it the current one. */
export const followAdministration = (current: () => Administration): Administration =>
  forKinds(kind => ({
    list: options => current()[kind].list(options),
    get: id => current()[kind].get(id),
    create: (entry, options) => current()[kind].create(entry, options),
    replace: (id, entry, options) => current()[kind].replace(id, entry, options),
    remove: (id, options) => current()[kind].remove(id, options),
    rotateSecret: (id, options) => current()[kind].rotateSecret(id, options),
  }))

const forKinds = (of: (kind: EntryKind) => EntryAdministration): Administration =>
  Object.fromEntries(entryKinds.map(kind => [kind, of(kind)])) as unknown as Administration
