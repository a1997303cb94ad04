/**
 * Runs one module without a browser: `node examples/conformance-rp/rp.ts --module oidcc-client-test`. The exit code is 0
 * if the app did what the module wants, 1 if it did not, and 2 if the settings are wrong.
 */

import { parseArgs } from 'node:util'
import { listen } from './listen.ts'
import { runModule } from './run-module.ts'

const { module = process.env.MODULE_NAME } = parseArgs({ options: { module: { type: 'string' } } }).values

try {
  if (!module || !process.env.ISSUER) throw new Error('set ISSUER, and --module or MODULE_NAME')
  const { passed, shown, expected } = await runModule(module, process.env, {
    log: line => console.log(line),
    async serve(app, settings) {
      const server = await listen(app, settings)
      return () => server.close()
    },
  })
  console.log(JSON.stringify(shown))
  console.log(passed ? `${module}: as expected` : `${module}: expected ${expected}`)
  process.exitCode = passed ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
