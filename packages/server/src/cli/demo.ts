/** `tessera demo`: the demo configuration, served, and requests to try. */

import { fileURLToPath } from 'node:url'
import { print } from '../output/standard-output.ts'
import type { ExitCode } from './command.ts'
import { startDemoCallback } from './demo-callback.ts'
import { demoRequests, formatDemoPages, formatDemoRequests } from './demo-requests.ts'
import { loadOrReport } from './report.ts'
import { runUntilStopped, settlePort } from './serve.ts'

export const demoFile = fileURLToPath(new URL('../../../../examples/demo/tessera.jsonc', import.meta.url))

export async function demo({ port }: { readonly port: string }): Promise<ExitCode> {
  const loaded = await loadOrReport(demoFile, { port })
  if (!loaded) return 1
  const configuration = await settlePort(loaded)
  const callback = await startDemoCallback(configuration.issuer)
  try {
    return await runUntilStopped(configuration, {
      ready() {
        const requests = demoRequests(configuration.issuer, callback.redirectUri)
        const shown = [formatDemoRequests(requests), formatDemoPages(configuration.issuer)].join('\n\n')
        print(`\n${shown}\n\n# Ctrl-C stops the demo.\n`)
      },
    })
  } finally {
    callback.close()
  }
}
