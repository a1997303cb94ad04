/** `tessera mail test`. */

import { escaped } from '../operations/output/escaped-text.ts'
import { writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode, TestMailFlags } from './command.ts'
import { tenantIssuerOrReport } from './issuer.ts'
import { loadOrReport, report } from './report.ts'

export async function test({ config, tenant, to }: TestMailFlags): Promise<ExitCode> {
  const server = await loadOrReport(config)
  if (!server) return 1
  const issuer = await tenantIssuerOrReport(server, tenant)
  if (!issuer) return 1
  const { testMail } = await import('../app/administration.ts')
  const sent = await testMail(issuer, to)
  if (!sent.ok) return report(`${escaped(sent.problem)}\n  ${sent.fix}`)
  writeOutput(`accepted by ${sent.server}; check the mailbox of ${to}\n`)
  return 0
}
