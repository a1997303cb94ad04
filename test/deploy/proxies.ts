/** Starts the reverse proxies of `deploy/proxies` as they are, except for ports, addresses and the paths of certificates. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { testFolder } from '../support/folder.ts'
import { freePort } from '../support/process.ts'
import { readText } from '../support/repository.ts'
import { certificate, privateKey } from '../support/tls.ts'
import { until } from '../support/until.ts'

type Folder = ReturnType<typeof testFolder>

type Place = {
  readonly folder: Folder
  /** The port of the server behind the proxy. */
  readonly upstream: number
  /** The ports that replace 443 and 80. */
  readonly port: number
  readonly plainPort: number
}

type Proxy = {
  readonly command: string
  /** Writes its files; returns the arguments that check them, and those that serve. */
  readonly prepare: (place: Place) => Promise<{ check?: readonly string[]; serve: readonly string[] }>
}

/** Replaces each text, and fails if one does not occur: the test would otherwise not test the file. */
function adapt(file: string, changes: readonly (readonly [string | RegExp, string])[]): string {
  let text = readText(`deploy/proxies/${file}`)
  for (const [from, to] of changes) {
    const next = text.replaceAll(from, to)
    if (next === text) throw new Error(`${file} does not contain ${from}`)
    text = next
  }
  return text
}

export const proxies: Readonly<Record<string, Proxy>> = {
  nginx: {
    command: 'nginx',
    async prepare({ folder, upstream, port, plainPort }) {
      const site = adapt('nginx.conf', [
        [/^ +listen \[::\].*\n/gm, ''],
        ['listen 443', `listen 127.0.0.1:${port}`],
        ['listen 80;', `listen 127.0.0.1:${plainPort};`],
        ['127.0.0.1:5080', `127.0.0.1:${upstream}`],
        ['/etc/ssl/tessera', folder.at()],
      ])
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        name => `${name}_temp_path ${folder.at(name)};`,
      )
      const file = await folder.write(
        'nginx.conf',
        `daemon off; master_process off; pid ${folder.at('nginx.pid')}; error_log stderr warn;
         events {} http { access_log off; ${temporary.join(' ')} ${site} }`,
      )
      const words = ['-p', folder.at(), '-c', file]
      return { check: ['-t', ...words], serve: words }
    },
  },
  haproxy: {
    command: 'haproxy',
    async prepare({ folder, upstream, port, plainPort }) {
      const file = await folder.write(
        'haproxy.cfg',
        adapt('haproxy.cfg', [
          ['bind :443', `bind 127.0.0.1:${port}`],
          ['bind :80', `bind 127.0.0.1:${plainPort}`],
          ['127.0.0.1:5080', `127.0.0.1:${upstream}`],
          ['/etc/ssl/tessera', folder.at()],
        ]),
      )
      return { check: ['-c', '-f', file], serve: ['-db', '-f', file] }
    },
  },
  caddy: {
    command: 'caddy',
    async prepare({ folder, upstream, port, plainPort }) {
      const site = adapt('Caddyfile', [
        // Without the network, it can't get a certificate.
        [
          'login.example.com {',
          `login.example.com:${port} {\n\ttls ${folder.at('fullchain.pem')} ${folder.at('privkey.pem')}`,
        ],
        ['127.0.0.1:5080', `127.0.0.1:${upstream}`],
      ])
      const options = `{\n\tadmin off\n\thttp_port ${plainPort}\n\tdefault_bind 127.0.0.1\n\tstorage file_system ${folder.at('caddy')}\n}\n`
      const file = await folder.write('Caddyfile', options + site)
      const words = ['--config', file, '--adapter', 'caddyfile']
      return { check: ['validate', ...words], serve: ['run', ...words] }
    },
  },
  traefik: {
    command: 'traefik',
    async prepare({ folder, upstream, port, plainPort }) {
      await folder.write(
        'tessera.yaml',
        adapt('traefik/tessera.yaml', [
          ['127.0.0.1:5080', `127.0.0.1:${upstream}`],
          ['/etc/ssl/tessera', folder.at()],
        ]),
      )
      const file = await folder.write(
        'traefik.yaml',
        adapt('traefik/traefik.yaml', [
          ['":443"', `"127.0.0.1:${port}"`],
          ['":80"', `"127.0.0.1:${plainPort}"`],
          ['/etc/traefik', folder.at()],
        ]),
      )
      return { serve: [`--configFile=${file}`] }
    },
  },
}

/** Returns whether the command is in a folder of PATH, or where distributions install servers. */
export const findCommand = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map(folder => join(folder, name))
    .find(isExecutable)

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export type RunningProxy = { readonly port: number; readonly stop: () => Promise<void> }

/** Checks the configuration with the proxy's own command, starts it and waits until it serves. */
export async function startProxy(
  { prepare }: Proxy,
  command: string,
  {
    folder,
    upstream,
    isServed,
  }: Pick<Place, 'folder' | 'upstream'> & { isServed: (port: number) => Promise<boolean> },
): Promise<RunningProxy> {
  const [port, plainPort] = [await freePort(), await freePort()]
  await folder.write('fullchain.pem', certificate)
  await folder.write('privkey.pem', privateKey)
  await folder.write('login.pem', certificate + privateKey)
  const { check, serve } = await prepare({ folder, upstream, port, plainPort })
  if (check) await run(command, check)
  const { child, output } = launch(command, serve)
  try {
    await until('the proxy serves', async () => {
      if (child.exitCode !== null) throw new Error(`${command} ended: ${output()}`)
      return isServed(port)
    })
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    port,
    async stop() {
      const ended = once(child, 'exit')
      if (child.exitCode === null && child.kill('SIGTERM')) await ended
    },
  }
}

function launch(command: string, words: readonly string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
  return { child, output: () => text }
}

async function run(command: string, words: readonly string[]): Promise<void> {
  const { child, output } = launch(command, words)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ${words[0]} ended with ${code}: ${output()}`)
}
