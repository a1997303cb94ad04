/**
 * Tenants after their first day: a store for each, with keys in it. Written directly, because a thousand new RSA keys
 * take minutes.
 */

import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createDerivedKeys } from '../../../packages/server/src/keys/master-key.ts'
import { derivedFor } from '../../../packages/server/src/keys/root-keys.ts'
import { createSealing } from '../../../packages/server/src/keys/sealing.ts'
import { generateSigningKey, sealedName } from '../../../packages/server/src/keys/signing-key.ts'
import { openSqliteStores } from '../../../packages/server/src/storage/sqlite/stores.ts'
import { database } from '../servers/tessera.ts'

/** Every tenant gets the same keys, sealed as its own. */
export async function makeSleepingTenants(
  directory: string,
  names: readonly string[],
  masterKey: Uint8Array,
): Promise<void> {
  const folder = join(directory, `${database}.tenants`)
  mkdirSync(folder, { mode: 0o700 })
  const template = join(directory, 'template.db')
  await (await openSqliteStores({ file: template })).close()
  const made = await Promise.all(
    (['ES256', 'RS256'] as const).map(async alg => ({ alg, ...(await generateSigningKey(alg)) })),
  )
  const keys = made.map(({ alg, kid, jwk }) => ({ alg, kid, text: JSON.stringify(jwk) }))
  const derived = createDerivedKeys(masterKey)
  const now = Math.floor(Date.now() / 1000)
  for (const name of names) {
    const file = join(folder, `${name}.db`)
    copyFileSync(template, file)
    const sealing = createSealing({ derived: derivedFor(derived, name), purpose: 'signing-keys' })
    const tenant = new DatabaseSync(file)
    tenant.exec('pragma synchronous = off')
    const insert = tenant.prepare(
      'insert into keys (kid, alg, sealed, created_at, active_from) values (?, ?, ?, ?, ?)',
    )
    for (const { alg, kid, text } of keys) {
      insert.run(kid, alg, sealing.seal(text, sealedName({ kid, alg })), now - 3600, now - 3600)
    }
    tenant.close()
  }
}
