#!/usr/bin/env node
/** The `tessera` command: see docs/guides/command-line.md. Old versions of Node can parse it, and report which one is needed. */

try {
  await import('../node-version.js')
} catch (error) {
  console.error(`tessera: ${error.message}`)
  process.exit(1)
}
// In the clone, packages import each other's sources under a condition, which npm scripts set. Plain `node FILE` starts
// again with it: see docs/decisions/0049-built-at-pack-time.md.
const isSource = import.meta.url.endsWith('/src/cli/tessera.js')
if (isSource && !import.meta.resolve('@tessera/protocol/result').endsWith('.ts') && process.execve)
  process.execve(process.execPath, [
    process.execPath,
    '--conditions=tessera-source',
    ...process.argv.slice(1),
  ])
await import('./compile-cache.js')
const { run } = await import('./program.ts')
process.exitCode = await run(process.argv.slice(2))
