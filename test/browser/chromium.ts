/** A real Chromium for tests, and a client application for it to be redirected to. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import chromium from '@sparticuz/chromium'
import { type Browser, type BrowserServer, chromium as playwright } from 'playwright-core'

/** Meant for serverless functions: these would let a page do what a user's browser does not allow. */
const unlike = new Set([
  '--single-process',
  '--no-zygote',
  '--disable-web-security',
  '--disable-site-isolation-trials',
  '--allow-running-insecure-content',
])

/** Emulates a graphics card on the processor, which takes longer than everything else that a test of pages does. */
const graphics = new Set([
  '--ignore-gpu-blocklist',
  '--in-process-gpu',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
])

const launchOptions = async () => ({
  executablePath: await chromium.executablePath(),
  args: [
    ...chromium.args.filter(argument => !unlike.has(argument) && !graphics.has(argument)),
    ...['--disable-gpu', '--disable-software-rasterizer'],
  ],
})

/** Where the files of one test run find the browser of the run. */
export const sharedBrowser = 'TESSERA_TEST_CHROMIUM'

/** The browser of the whole run, in contexts of this file's own; a file that runs alone launches one. */
export async function launchChromium(): Promise<Browser> {
  const shared = process.env[sharedBrowser]
  return shared ? playwright.connect(shared) : playwright.launch(await launchOptions())
}

/** Launches the browser that `launchChromium` connects to from other processes. The caller handles signals. */
export const launchSharedChromium = async (): Promise<BrowserServer> =>
  playwright.launchServer({ ...(await launchOptions()), handleSIGINT: false, handleSIGTERM: false })

export type App = {
  readonly origin: string
  /** The last parameters that the browser sent, by query or by form. */
  readonly received: () => { readonly method: string; readonly answer: URLSearchParams } | undefined
  readonly close: () => void
}

/** Listens for responses at `/cb`. */
export async function startApp(): Promise<App> {
  let last: ReturnType<App['received']>
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://app')
    let body = ''
    for await (const chunk of request) body += chunk
    const method = request.method ?? ''
    if (pathname === '/cb') last = { method, answer: new URLSearchParams(method === 'POST' ? body : search) }
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<!doctype html><html lang="en"><title>App</title><h1>Back at the app</h1>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    received: () => last,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
