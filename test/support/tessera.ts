/**
 * A whole server for tests, in memory or on the store under test: driven by requests and their responses, with a fixed
 * clock.
 */

import assert from 'node:assert/strict'
import { getTestContext } from 'node:test'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { composeTessera, type Tessera } from '../../packages/server/src/app/tessera.ts'
import type { Configuration } from '../../packages/server/src/configuration/configuration.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import type { Mail, SendMail } from '../../packages/server/src/model/mail.ts'
import type { Stores, TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { secretFields } from '../../packages/server/src/operations/secret-fields.ts'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import type { Log, MachineTime } from '../../packages/server/src/runtime/ports.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { testPasswordCost } from '../../packages/server/src/testing/running.ts'
import { type EarlierAttempts, withEarlierAttempts } from './earlier-attempts.ts'
import { linesWithSecrets, secretsOf } from './logged-secrets.ts'
import { provideSigningKeys } from './signing-keys.ts'
import { openTenantStores } from './storage.ts'

type LogEntry = { readonly level: string; readonly event: string } & Record<string, unknown>

export type TestServer = Tessera & {
  readonly clock: { now: () => number; advance: (seconds: number) => void }
  readonly logged: LogEntry[]
  /** The mails sent, the oldest first, once none is in progress. */
  readonly mails: () => Promise<readonly Mail[]>
  /** Applies this configuration, like a reload. */
  readonly reconfigure: (input: object) => Promise<void>
  /** The reason of the newest refusal that was logged. */
  readonly reason: () => unknown
  readonly send: (method: string, path: string, options?: SendOptions) => Promise<Answer>
  /** Posts a form to the token endpoint; `client` is sent by Basic. */
  readonly token: (
    form: Form,
    options?: SendOptions & { client?: readonly [string, string] },
  ) => Promise<Answer>
}

/** A list means that the field is sent several times. */
export type Form = string | Readonly<Record<string, string | readonly string[] | undefined>>
export type SendOptions = {
  readonly form?: Form
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly certificate?: string
  /** The address that the request comes from. */
  readonly from?: string
  /** Whether the client still waits for the response; by default it does. */
  readonly connected?: HttpRequest['connected']
}
export type Answer = HttpResponse & {
  readonly json: any
  /** The reason that was logged when this request was refused. */
  readonly reason?: unknown
}

const generateSigningKey = provideSigningKeys()

export const issuer = 'https://id.example'
export const masterKey = Buffer.alloc(32, 7).toString('base64')
export const startOfTime = 1_790_000_000

type TestSurroundings = {
  /** Whether the log contains a line for each request, as at level `debug`. */
  readonly logsRequests?: boolean
  readonly isModule?: boolean
  readonly at?: number
  /** The machine's own clocks, instead of a trusted clock: the server follows its store's. */
  readonly machine?: MachineTime
  /** The store of an earlier server of the same issuer. */
  readonly stores?: Stores
  readonly tenantStores?: TenantStores
  readonly outbound?: Outbound
  /** Where mail is delivered instead of to `mails`; false: nowhere, so that features that need it are not offered. */
  readonly sendMail?: SendMail | false
  readonly print?: (text: string) => void
  /** Whether background jobs run. By default a test runs them itself. */
  readonly jobs?: boolean
  /** Whether new password hashes cost what they cost in production, instead of almost nothing. */
  readonly realPasswordCost?: boolean
  /** Whether several tests use the server, so that the file closes it and not the test that came first. */
  readonly closedByFile?: boolean
  /** Limits of the server's own issuer that are nearly reached from the start. */
  readonly earlierAttempts?: EarlierAttempts
}

/** Creates a server from a configuration as an operator would write it; an error in it fails the test. */
export async function createTestServer(
  input: object,
  {
    isModule = true,
    at = startOfTime,
    jobs = false,
    logsRequests = false,
    realPasswordCost = false,
    closedByFile = false,
    ...given
  }: TestSurroundings = {},
): Promise<TestServer> {
  const parse = (input: object): Configuration => {
    const outcome = parseConfiguration(
      { issuer, storage: 'memory:', ...input },
      { isModule, now: at, environment: { TESSERA_MASTER_KEY: masterKey } },
    )
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.errors, null, 1))
    return outcome.configuration
  }
  let now = at
  const logged: LogEntry[] = []
  let requests = 0
  const mails: Mail[] = []
  const clock = {
    // Whole seconds, as the clock of a real server.
    now: () => Math.floor(now),
    advance: (seconds: number) => {
      now += seconds
    },
  }
  const opened =
    given.tenantStores ??
    (given.stores ? { ...createMemoryTenantStores(), main: given.stores } : await openTenantStores())
  const tenantStores = given.earlierAttempts
    ? { ...opened, main: withEarlierAttempts(opened.main, given.earlierAttempts) }
    : opened
  const overrides = {
    ...(given.machine ? { machine: given.machine } : { clock }),
    ...{ jobs, log: logInto(logged, logsRequests) },
    tenantStores,
    outbound: given.outbound,
    print: given.print,
    generateSigningKey,
    ...(given.sendMail !== false && {
      sendMail: given.sendMail ?? (async (mail: Mail) => void mails.push(mail)),
    }),
  }
  const { tessera } = await composeTessera(
    parse(input),
    overrides,
    realPasswordCost ? {} : { passwordCost: testPasswordCost },
  )
  if (!closedByFile) closeAtEnd(tessera)

  const send: TestServer['send'] = async (
    method,
    target,
    { form, headers = {}, body, certificate, from = '127.0.0.1', connected } = {},
  ) => {
    const [path = '', query = ''] = target.split('?')
    const id = `test-${++requests}`
    const linesBefore = logged.length
    const request: HttpRequest = {
      id,
      method,
      path,
      query,
      headers: {
        ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      body: form === undefined ? (body ?? '') : formOf(form),
      peer: { address: from, ...(certificate && { certificate }) },
      ...(connected && { connected }),
    }
    const response = await tessera.handle(request)
    const lines = logged.slice(linesBefore)
    const shown = lines.length === 0 ? [] : linesWithSecrets(lines, secretsOf(request, response))
    assert.deepEqual(shown, [], `the log of ${method} ${path} contains a secret`)
    const refusal = logged.findLast(({ event, request_id }) => event === 'refused' && request_id === id)
    return { ...response, json: jsonOf(response), reason: refusal?.reason }
  }

  return {
    ...tessera,
    administration: tessera.administration,
    // Those of the configuration that was applied last.
    get accounts() {
      return tessera.accounts
    },
    clock,
    logged,
    reconfigure: input => tessera.replace(parse(input)),
    async mails() {
      await tessera.settled()
      return mails
    },
    reason: () => logged.findLast(entry => entry.event === 'refused')?.reason,
    send,
    token: (form, { client, headers, ...rest } = {}) =>
      send('POST', '/connect/token', {
        form,
        headers: { ...(client && basic(...client)), ...headers },
        ...rest,
      }),
  }
}

/** Closes a server with the test or file that created it, so that its timers stop and its memory is freed. */
function closeAtEnd(server: Tessera): void {
  const context = getTestContext()
  if (!context || !('after' in context) || context.name === '<root>') return
  // The test runner keeps every hook until the process ends.
  let open: Tessera | undefined = server
  context.after(async () => {
    await open?.close()
    open = undefined
  })
}

/** RFC 6749 §2.3.1: both halves form-encoded. */
export const basic = (id: string, secret: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${formEncode(id)}:${formEncode(secret)}`).toString('base64')}`,
})

const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

export const formOf = (form: Form): string =>
  typeof form === 'string'
    ? form
    : new URLSearchParams(
        Object.entries(form).flatMap(([name, value]) =>
          [value ?? []].flat().map((one): [string, string] => [name, one as string]),
        ),
      ).toString()

/** The claims of a JWT, unverified. */
export const claimsOf = (token: string): any =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

const jsonOf = ({ headers, body }: HttpResponse): unknown =>
  String(headers['content-type']).includes('json') && body !== '' ? JSON.parse(body) : undefined

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const logInto = (entries: LogEntry[], logsRequests: boolean): Log => {
  const line =
    (level: string) =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}) => {
      // The real log censors these names, so a line with one of them is either useless or contains a secret.
      const censored = [fields, ...Object.values(fields).filter(isObject)]
        .flatMap(part => Object.keys(part))
        .filter(name => secretFields.has(name))
      assert.deepEqual(censored, [], `the log would censor a field of ${event}`)
      if (event !== 'request_served' || logsRequests) entries.push({ ...fields, level, event })
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}
