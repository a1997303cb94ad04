/** Detects processes with different issuers on one store. */

import type { Settings } from '../model/ports/stores.ts'
import type { Log } from '../runtime/ports.ts'

const settingName = 'issuer'

/**
 * Warns if the store was last used by a server with another issuer, which may still run: no row contains the issuer, so
 * each of the two accepts the codes and refresh tokens of the other.
 */
export async function recordIssuer(
  issuer: string,
  { settings, log }: { readonly settings: Settings; readonly log: Pick<Log, 'warn'> },
): Promise<void> {
  const before = await settings.initialise(settingName, issuer)
  if (before === issuer) return
  const advice = 'if the issuer was not changed on purpose, give each issuer its own database'
  log.warn('issuer_changed', { before, issuer, advice })
  await settings.put(settingName, issuer)
}
