/**
 * Keycloak: a realm export. One file with everything (`kc.sh export --file`, or a partial export of the console, which
 * has no users and masks secrets), or the files of a folder (`kc.sh export --dir`): the realm, and its users.
 */

import { signingAlgorithms } from '../../model/client.ts'
import type { Importer } from '../migrate.ts'
import { elements, leaveOut } from '../outcomes.ts'
import { membersOf, own } from '../raw.ts'
import type { Source } from '../source.ts'
import { readClient } from './clients.ts'
import { readDirectories } from './directories.ts'
import { readProviders } from './providers.ts'
import { readRealm } from './realm.ts'
import { leaveRoles } from './roles.ts'
import { readScopes } from './scopes.ts'
import { readSettings } from './settings.ts'
import { readUser } from './users.ts'

export const keycloak: Importer = {
  // Attributes are texts, also numbers and booleans.
  dialect: { textValues: true },
  read(sources, draft) {
    const roots = ofOneRealm(sources)
    const realm = readRealm(roots.map(root => root.whole()))
    const settings = roots.find(isRealm)
    const defaults = settings ? readSettings(settings, draft) : {}
    const algorithm = settings?.member('defaultSignatureAlgorithm').whole()
    const scopes = readScopes(roots, {
      draft,
      realm,
      // Keycloak signs with RS256 unless it is told otherwise.
      algorithm: signingAlgorithms.find(known => known === algorithm) ?? 'RS256',
    })
    for (const root of roots) {
      const clients = root.member('clients')
      for (const client of elements(clients)) readClient(client, { draft, realm, scopes, defaults })
      leaveRoles(root, realm)
    }
    const issuers = readProviders(roots, draft)
    const directories = readDirectories(roots, draft)
    for (const root of roots) {
      const users = root.member('users')
      if (users.exists) users.each(user => readUser(user, { draft, realm, issuers, directories }))
      leaveOut(root.member('federatedUsers'), 'users of a directory are found there')
      if (root !== settings) root.member('realm').notNeeded('it is the name of the realm')
    }
  },
}

/** A file of users contains nothing else than the name of their realm. */
const isRealm = (root: Source): boolean =>
  Object.keys(membersOf(root.whole())).some(name => !['realm', 'users', 'federatedUsers'].includes(name))

/** An export of all realms is a list. A configuration is for one of them. */
function ofOneRealm(sources: readonly Source[]): readonly Source[] {
  const roots = sources.flatMap(source => (source.isList ? source.list() : [source]))
  const nameOf = (root: Source) => own(membersOf(root.whole()), 'realm')
  const name = roots.map(nameOf).find(found => typeof found === 'string')
  return roots.filter(root => {
    const isSame = nameOf(root) === name || typeof nameOf(root) !== 'string'
    if (!isSame) root.notPossible('it is another realm: import each realm by itself, or as a tenant')
    return isSame
  })
}
