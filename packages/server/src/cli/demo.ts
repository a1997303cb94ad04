/** `tessera demo`: the demo configuration, served, and requests to try. */

import { fileURLToPath } from 'node:url'
import { print } from '../operations/output/standard-output.ts'
import type { ExitCode } from './command.ts'
import { startDemoCallback } from './demo-callback.ts'
import { demoRequests, formatDemoPages, formatDemoRequests } from './demo-requests.ts'
import { loadOrReport } from './report.ts'
import { runUntilStopped, settlePort } from './serve.ts'

export const demoFile = fileURLToPath(new URL('../../../../examples/demo/tessera.jsonc', import.meta.url))

export async function demo({ port }: { readonly port: string }): Promise<ExitCode> {
  // Nothing between the lines that are printed but what needs attention.
  process.env.TESSERA_LOG_LEVEL ??= 'warn'
  const loaded = await loadOrReport(demoFile, { port })
  if (!loaded) return 1
  const configuration = await settlePort(loaded)
  const callback = await startDemoCallback(configuration.issuer)
  try {
    return await runUntilStopped(configuration, {
      ready() {
        const { issuer } = configuration
        const shown = [
          formatDemoPages(issuer, callback.redirectUri),
          '# Or paste these requests into bash, from top to bottom.',
          formatDemoRequests(demoRequests(issuer)),
          `# Everything at a glance: ${issuer}/`,
          '# Ctrl-C stops the demo. TESSERA_LOG_LEVEL=info shows the log of every request.',
        ]
        print(`\n${shown.join('\n\n')}\n`)
      },
    })
  } finally {
    callback.close()
  }
}
