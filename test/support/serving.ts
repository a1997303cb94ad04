/**
 * A server in a separate process with its output redirected by the test, for example to a full disk or to a pipe that
 * is not read. It is ready when `/healthz` responds; the ready line counts too if standard output goes nowhere else.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './process.ts'
import { inTime, until } from './until.ts'

export const entry = fileURLToPath(new URL('../../packages/server/src/cli/tessera.js', import.meta.url))

export type Output = number | 'pipe' | 'ignore'

export type Serving = {
  /** The configuration is written there; all other files are the server's. */
  readonly file: string
  readonly workers?: number
  readonly stdout?: Output
  readonly stderr?: Output
  /** Besides a client `web` that may get tokens, and metrics. */
  readonly configuration?: object
  /** Another checkout's `tessera.js`. */
  readonly program?: string
  /** Wraps the command, for example in a shell that sets limits first. */
  readonly through?: (command: readonly string[]) => readonly string[]
}

export const metricsToken = 'a-token-of-a-scraper-that-is-long'

export type Server = Awaited<ReturnType<typeof startServer>>

/** Kills the server and rejects if `/healthz` does not respond within 60 s. */
export async function startServer({
  file,
  workers = 1,
  stdout = 'ignore',
  stderr = 'ignore',
  configuration,
  program = entry,
  through = command => command,
}: Serving) {
  const database = join(dirname(file), 'tessera.db')
  await writeFile(
    file,
    JSON.stringify({
      storage: workers === 1 ? 'memory:' : `sqlite:${database}`,
      clients: [
        {
          ...{ client_id: 'web', client_secrets: [{ value: 'secret' }], scope: 'api' },
          grant_types: ['client_credentials'],
        },
      ],
      api_scopes: [{ name: 'api' }],
      api_resources: [{ name: 'urn:api', scopes: ['api'] }],
      metrics: { tokens: [{ value: metricsToken }] },
      ...configuration,
    }),
  )
  // The ready line names a port that the system chose, which no other process can take meanwhile.
  const chosen = stdout === 'ignore' ? 0 : await freePort()
  const words = ['serve', '--config', file, '--port', String(chosen), '--workers', String(workers)]
  const [command = '', ...args] = through([process.execPath, program, ...words])
  const child = spawn(command, args, {
    stdio: ['ignore', stdout === 'ignore' ? 'pipe' : stdout, stderr],
    env: { ...process.env, TESSERA_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') },
  })
  const exit = once(child, 'exit')
  let printed = ''
  if (stdout === 'ignore')
    child.stdout?.setEncoding('utf8').on('data', text => {
      printed += text
    })
  let url = `http://127.0.0.1:${chosen}`
  try {
    // One worker may respond while another still starts, and a failure of that one ends the server.
    if (stdout === 'ignore') {
      const [, address = ''] = await until(
        'every worker serves',
        () => /^listening on (\S+)$/m.exec(printed),
        { within: 60_000 },
      )
      url = `http://127.0.0.1:${new URL(address).port}`
    }
    await until('the server answers /healthz', async () => (await ask(`${url}/healthz`)).status === 200, {
      within: 60_000,
    })
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    child,
    url,
    token: () => ask(`${url}/connect/token`, 'grant_type=client_credentials&scope=api'),
    refused: () => ask(`${url}/connect/token`, 'grant_type=client_credentials&scope=none'),
    get: (path: string, headers: Readonly<Record<string, string>> = {}) =>
      ask(url + path, undefined, headers),
    status: async (path: string) => (await ask(url + path)).status,
    /** Sends SIGTERM; resolves to the exit code. */
    async ends(): Promise<unknown> {
      child.kill('SIGTERM')
      const [code] = await inTime('the server exits after SIGTERM', exit, { within: 60_000 })
      return code
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

export type Response = {
  /** The HTTP status, or the error. */
  readonly status: number | string
  readonly retryAfter: string | undefined
  readonly body: string
}

/** On its own connection, because any worker may accept it. Never rejects. */
export function ask(
  url: string,
  form?: string,
  headers: Readonly<Record<string, string>> = {},
  timeout = 15_000,
): Promise<Response> {
  return new Promise(resolve => {
    const fail = (status: string): void => resolve({ status, retryAfter: undefined, body: '' })
    const sent = request(
      url,
      {
        method: form === undefined ? 'GET' : 'POST',
        ...{ agent: false, timeout },
        headers: {
          connection: 'close',
          ...(form !== undefined && {
            'content-type': 'application/x-www-form-urlencoded',
            authorization: `Basic ${btoa('web:secret')}`,
          }),
          ...headers,
        },
      },
      response => {
        let body = ''
        response.setEncoding('utf8').on('data', text => {
          body += text
        })
        response.on('error', error => fail(String(error)))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body }),
        )
      },
    )
    sent.on('timeout', () => {
      fail(`no response in ${timeout / 1000} s`)
      sent.destroy()
    })
    sent.on('error', error => fail((error as NodeJS.ErrnoException).code ?? String(error)))
    sent.end(form)
  })
}
