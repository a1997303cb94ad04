#!/usr/bin/env node
/** The `tessera` command: see docs/guides/command-line.md. Old versions of Node can parse it, and report which one is needed. */

try {
  await import('../node-version.js')
} catch (error) {
  console.error(`tessera: ${error.message}`)
  process.exit(1)
}
await import('./compile-cache.js')
const { run } = await import('./program.ts')
process.exitCode = await run(process.argv.slice(2))
