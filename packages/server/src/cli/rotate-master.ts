/** `tessera keys rotate-master`: replaces the master key while servers run. */

import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode, RotateMasterFlags } from './command.ts'
import { lineOf } from './issuer.ts'
import { loadOrReport } from './report.ts'

export async function rotateMaster({ config, finish = false }: RotateMasterFlags): Promise<ExitCode> {
  const configuration = await loadOrReport(config)
  if (!configuration) return 1
  if (configuration.storage.kind === 'memory') {
    writeError('tessera: with storage "memory:", there is nothing to keep\n')
    return 1
  }
  const { rotateMasterKeyOf } = await import('../app/master-key-rotation.ts')
  const report = (step: string): void => void writeOutput(`${step}\n`)
  const { rewrapped, finished, retires_at } = await rotateMasterKeyOf(configuration, { finish, report })
  if (rewrapped && finished)
    report('the root keys are wrapped with the current version of the key; backups need earlier versions')
  else
    report(
      finished
        ? 'nothing depends on the previous master key any more: delete it'
        : 'restart every process with the new master key, then run this command again with --finish',
    )
  if (retires_at !== undefined)
    report(
      `tokens that were issued before remain valid; whoever has the previous master key and a copy of the database can forge refresh tokens: ${lineOf({ until: retires_at })}`,
    )
  return 0
}
