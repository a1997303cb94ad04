/** `tessera doctor`: checks a running server against the checklist of docs/guides/production.md. */

import { loadConfiguration } from '../configuration/load.ts'
import { escaped } from '../operations/output/escaped-text.ts'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type { DoctorFlags, ExitCode } from './command.ts'
import { type CheckId, checklist, type Finding, skipped } from './doctor/finding.ts'
import { createProbe } from './doctor/probe.ts'
import { checkServer } from './doctor/server-checks.ts'
import { tellErrors } from './report.ts'

export async function doctor({ url, config, backups, json = false }: DoctorFlags): Promise<ExitCode> {
  const base = URL.canParse(url) ? new URL(url) : undefined
  if (!base || !/^https?:$/.test(base.protocol) || base.search || base.hash) {
    writeError(`tessera: --url: "${url}" is not the URL of an issuer, such as https://login.example.com\n`)
    return 2
  }
  const loaded =
    config === undefined
      ? undefined
      : await loadConfiguration({ file: config, environment: process.env, overrides: {} })
  if (loaded && !loaded.ok) {
    tellErrors(config ?? '', loaded.errors)
    return 1
  }
  const now = Date.now()
  const { checkBackups, checkStore } = await import('./doctor/store-checks.ts')
  const found = [
    ...(await checkServer({
      url: base,
      probe: createProbe(base),
      configuration: loaded?.configuration,
      now: Date.now,
    })),
    ...(loaded ? await checkLoaded(loaded) : []),
    ...(loaded ? await checkStore(loaded.configuration.storage, now / 1000) : []),
    checkBackups(backups, now / 1000),
  ]
  const findings = inOrder(found)
  writeOutput(json ? `${JSON.stringify(summaryOf(findings), null, 2)}\n` : textOf(findings))
  return findings.some(({ state }) => state === 'failed') ? 1 : 0
}

type Loaded = Extract<Awaited<ReturnType<typeof loadConfiguration>>, { ok: true }>

async function checkLoaded({ configuration, warnings }: Loaded): Promise<readonly Finding[]> {
  const { checkConfiguration } = await import('./doctor/configuration-checks.ts')
  const { keyServiceProblem } = await import('../app/administration.ts')
  return checkConfiguration(configuration, {
    warnings,
    environment: process.env,
    keyServiceProblem: await keyServiceProblem(configuration),
  })
}

const severity = { failed: 3, warning: 2, ok: 1, skipped: 0 } as const

/** Returns one finding for each item of the checklist: the most severe one. */
function inOrder(found: readonly Finding[]): readonly Finding[] {
  return (Object.keys(checklist) as CheckId[]).map(id =>
    found
      .filter(finding => finding.id === id)
      .reduce<Finding>(
        (worst, finding) => (severity[finding.state] > severity[worst.state] ? finding : worst),
        found.find(finding => finding.id === id) ?? skipped(id, 'name the configuration with --config'),
      ),
  )
}

const states = ['ok', 'warning', 'failed', 'skipped'] as const

const countsOf = (findings: readonly Finding[]): Record<(typeof states)[number], number> => {
  const counts = { ok: 0, warning: 0, failed: 0, skipped: 0 }
  for (const { state } of findings) counts[state]++
  return counts
}

const summaryOf = (findings: readonly Finding[]) => ({
  ...countsOf(findings),
  checks: findings.map(finding => ({ ...finding, item: checklist[finding.id] })),
})

/** Details contain what the server responded, whoever that is. */
function textOf(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ id }) => id.length))
  const lines = findings.map(
    finding =>
      `${finding.state.padEnd(8)} ${finding.id.padEnd(width)}  ${escaped(finding.detail)}\n${
        'fix' in finding ? `${' '.repeat(9)}fix: ${finding.fix}\n` : ''
      }`,
  )
  const counts = countsOf(findings)
  return `${lines.join('')}${states.map(state => `${counts[state]} ${state}`).join(', ')}\n`
}
