/** Records commands and configurations in the audit log. */

import type { Configuration } from '../configuration/configuration.ts'
import type { DerivedKeys } from '../model/keys.ts'
import type { AuditLog } from '../operations/audit/audit-log.ts'
import { digestOf } from '../operations/audit/record.ts'
import { currentOrigin } from '../runtime/async/origin.ts'

/** Records the command that is running, if it can change something. Resolves when the record is durable. */
export async function recordCommand({ add }: Pick<AuditLog, 'add'>): Promise<void> {
  const { actor, options } = currentOrigin()
  if (actor.command === undefined || options === undefined) return
  await add('command.started', { command: actor.command, options })
}

/** Records the configuration that the server begins with, or what a changed one changes. */
export async function recordConfiguration(
  audit: Pick<AuditLog, 'add'>,
  { derived }: { readonly derived: DerivedKeys },
  { before, next }: { readonly before?: Configuration; readonly next: Configuration },
): Promise<void> {
  const begun = { digest: configurationDigest(next, derived), audit: next.audit.enabled }
  if (!before) return audit.add('configuration.started', begun)
  // Loaded on the first reload, because most servers never reload.
  const { planChanges } = await import('../configuration/plan.ts')
  const all = planChanges(before, next)
  const changes = all
    .filter(({ sub }) => sub === undefined)
    .map(({ subject, change, keys }) => ({ subject, change, keys }))
  const ofUsers = all.flatMap(({ sub, change, keys }) => (sub === undefined ? [] : [{ sub, change, keys }]))
  await audit.add('configuration.applied', { ...begun, changes, users: ofUsers.length })
  // A record each, because their users can be erased from them.
  await audit.add('configuration.user_changed', ...ofUsers)
}

/** Returns the same for the same configuration, with its secrets. */
function configurationDigest(configuration: Configuration, derived: DerivedKeys): string {
  const { masterKey: _, previousMasterKey: __, entries: ___, ...others } = configuration
  return digestOf({ ...others, clients: [...configuration.clients.all()] }, derived)
}
