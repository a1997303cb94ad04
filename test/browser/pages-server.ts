/** A server with everything that pages need, and a browser. */

import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { parseConfiguration, startServer } from '../../packages/server/src/server.ts'
import { freePort } from '../support/process.ts'
import { startForeignProvider } from '../support/upstream.ts'
import { launchChromium, startApp } from './chromium.ts'
import { worldOf } from './pages-world.ts'

export type PagesServer = {
  readonly browser: Browser
  readonly url: string
  /** The origin of the client application. */
  readonly app: string
  readonly close: () => Promise<void>
}

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

export async function startPages(): Promise<PagesServer> {
  const app = await startApp()
  const provider = await startForeignProvider()
  const port = await freePort()
  const url = `http://localhost:${port}`
  const outcome = parseConfiguration(
    { ...worldOf(app.origin, provider.issuer), storage: 'memory:', issuer: url, host: '127.0.0.1', port },
    { isModule: true },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome))
  const server = await startServer(outcome.configuration, { log: silent })
  const browser = await launchChromium()
  return {
    ...{ browser, url, app: app.origin },
    async close() {
      await browser.close()
      await server.close()
      await provider.close()
      app.close()
    },
  }
}
