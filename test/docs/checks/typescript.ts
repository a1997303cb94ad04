/** Code blocks in TypeScript and JavaScript, type-checked in one program. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Block, placeOf } from '../blocks.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Values that code blocks use without creating them, because the page has created them before or describes them. */
const context = `
import type * as core from '@auth/core'
import type * as library from '@tessera/client'
import type * as api from '@tessera/client/api'
import type * as server from '@tessera/server'
import type * as testing from '@tessera/server/testing'
declare global {
  const client: library.Client
  const issuer: library.Issuer
  const tokens: library.TokenResponse
  const session: library.Session
  const authorizedFetch: typeof fetch
  const guard: api.ApiGuard
  const access_token: string
  const id_token: string
  const refresh_token: string
  const sid: string
  const secret: string
  const privateKey: string
  const pool: { connect(): Promise<{ query(text: string, values?: readonly unknown[]): Promise<unknown>; on(event: 'error', listener: (error: Error) => void): unknown; release(close: boolean): void }> }
  const log: { info(value: object): void; warn(value: object): void; error(value: object): void }
  const database: { load(id: string): Promise<string | undefined>; save(id: string, text: string): Promise<void>; delete(id: string): Promise<void> }
  const loadOrder: (id: string | undefined) => Promise<{ readonly owner: string }>
  const startSpan: (name: string) => { end(attributes: object): void; readonly traceparent: string }

  // The server.
  const createClient: typeof library.createClient
  const clientCredentials: typeof library.clientCredentials
  const clientSecretBasic: typeof library.clientSecretBasic
  const unwrap: typeof library.unwrap
  const createTessera: typeof server.createTessera
  const defineConfig: typeof server.defineConfig
  const loaded: Extract<Awaited<ReturnType<typeof server.loadConfiguration>>, { ok: true }>
  const tessera: server.Tessera
  const lookUp: (ticket: string | undefined) => Promise<{ id: string; sub: string; expires_at: number } | undefined>
  const audit: (timestamp: string, sub: string, client_id: string | undefined) => Promise<void>
  const crm: { userOf(id: string): Promise<string | null> }

  const NextAuth: (config: core.AuthConfig) => { handlers: unknown; auth: unknown; signIn: unknown; signOut: unknown }

  // Tests.
  const test: (name: string, body: () => Promise<void>) => void
  const idp: testing.TestServer
  const startTestServer: typeof testing.startTestServer
  const app: { readonly url: string; mount(path: string, handler: (request: Request, bindings: any) => unknown, options: { replaceRequest: boolean }): void }
  const stepUpUrl: string
}
`

/** Modules without types of their own, or that only readers install. */
const modules = `
declare module 'express' {
  import type { IncomingMessage, ServerResponse } from 'node:http'
  type Next = (error?: unknown) => void
  type Handler = (request: IncomingMessage, response: ServerResponse & { json(value: unknown): void }, next: Next) => void
  const express: () => { get(path: string, ...handlers: Handler[]): void; use(...handlers: Handler[]): void; listen(port: number): void }
  export default express
}
declare module 'undici' {
  export class Agent { constructor(options: { connect?: { cert?: string | Buffer; key?: string | Buffer } }) }
  export const fetch: (url: string | URL, init: object) => Promise<Response>
}
declare module '@opentelemetry/sdk-node' {
  export class NodeSDK { constructor(options: { serviceName?: string }); start(): void }
}
`

/** Modules of the reader's application. */
const application = {
  'api.d.ts':
    'export const startApi: (options: { issuer: string }) => Promise<{ url: string } & AsyncDisposable>',
  'my-key-service.ts': `
import type { MasterKeyService } from '@tessera/server'
export declare const wrap: MasterKeyService['wrap']
export declare const unwrap: MasterKeyService['unwrap']
`,
}

/** The compiler remembers here what it has checked, so that a second run checks only what has changed. */
const folder = join(root, 'node_modules/.cache/code-blocks')

/** Returns the compiler's errors, each after the place of its block. */
export async function typeErrors(blocks: readonly Block[]): Promise<readonly string[]> {
  const compilerOptions = {
    lib: ['es2024', 'dom', 'dom.iterable', 'esnext.disposable'],
    allowJs: true,
    checkJs: true,
    tsBuildInfoFile: 'tsbuildinfo',
  }
  const include = ['*.ts', '*.js']
  const named = blocks.map(block => [`${nameOf(block)}.${block.language}`, block] as const)
  await replaceFiles({
    'tsconfig.json': JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include }),
    'context.ts': context,
    'modules.d.ts': modules,
    ...application,
    ...Object.fromEntries(named.map(([name, { text }]) => [name, `${text}\nexport {}\n`])),
  })
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [compiler, '--singleThreaded', '--project', folder]).catch(
    error => error,
  )
  const blockOf = new Map<string, Block>(named)
  return stdout.split('\n').flatMap((line: string) => {
    if (line === '' || line.startsWith(' ')) return []
    const [, name = '', at, code = '', message] =
      /([^/]+)\((\d+),\d+\): error (TS\d+): (.*)$/.exec(line) ?? []
    const block = blockOf.get(name)
    if (!block) return [line]
    // JavaScript declares no types of parameters.
    if (block.language === 'js' && /^TS70\d\d$/.test(code)) return []
    return [`${placeOf(block)}, line ${at} of the block: ${message}`]
  })
}

/** Stays the same when lines above the block are added. */
const nameOf = ({ text }: Block): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

/** Writes what has changed, and removes other files. */
async function replaceFiles(files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder))
    if (name !== 'tsbuildinfo' && !Object.hasOwn(files, name)) await rm(join(folder, name))
  for (const [name, text] of Object.entries(files)) {
    const before = await readFile(join(folder, name), 'utf8').catch(() => undefined)
    if (before !== text) await writeFile(join(folder, name), text)
  }
}
