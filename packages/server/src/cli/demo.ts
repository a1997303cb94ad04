/** `tessera demo`: serves the demo configuration and prints requests to try. */

import { fileURLToPath } from 'node:url'
import { print } from '../operations/output/standard-output.ts'
import type { ExitCode } from './command.ts'
import { startDemoCallback } from './demo-callback.ts'
import { demoRequests, formatDemoPages, formatDemoRequests, formatDemoUsage } from './demo-requests.ts'
import { loadOrReport } from './report.ts'
import { runUntilStopped, settlePort } from './serve.ts'

/** In the repository, and in the built package. */
const demoFiles = { source: '../../../../examples/demo/tessera.jsonc', built: '../demo/tessera.jsonc' }

const demoFile = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? demoFiles.source : demoFiles.built, import.meta.url),
)

export async function demo({ port }: { readonly port: string }): Promise<ExitCode> {
  // Only warnings and errors may appear between the printed lines.
  process.env.TESSERA_LOG_LEVEL ??= 'warn'
  // In the working directory: the configuration's own folder may be read-only.
  const storage = process.env.TESSERA_STORAGE || 'sqlite:./demo.db'
  const loaded = await loadOrReport(demoFile, { port, storage })
  if (!loaded) return 1
  const configuration = await settlePort(loaded)
  const callback = await startDemoCallback(configuration.issuer)
  try {
    return await runUntilStopped(configuration, {
      ready() {
        const { issuer } = configuration
        const shown = [
          formatDemoPages(issuer, callback.redirectUri),
          formatDemoUsage(issuer),
          formatDemoRequests(demoRequests(issuer)),
          `# An overview: ${issuer}/`,
          '# Ctrl-C stops the demo. TESSERA_LOG_LEVEL=info shows the log of every request.',
        ]
        print(`\n${shown.join('\n\n')}\n`)
      },
    })
  } finally {
    callback.close()
  }
}
